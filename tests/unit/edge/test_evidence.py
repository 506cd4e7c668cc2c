from dataclasses import replace
from random import Random

import cv2
import numpy as np
import pytest
from fakes import at, picture, reading
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.evidence import CROP_BYTES, Gallery, Shot, Still, clarity, crop_jpeg, jpeg, overview_jpeg, quality
from edge.read.crop import cut
from edge.types import Bgr, Box, Reading

BOX = Box(200, 100, 120, 60)


def crop(box: Box = BOX) -> Bgr:
    return cut(picture({7: box}), box)


def judged(picture: Bgr, box: Box = BOX) -> float:
    return quality(picture, box, frame_width_px=640, frame_height_px=360)


def blurred(picture: Bgr, px: int) -> Bgr:
    return np.asarray(cv2.blur(picture, (px, 1)), dtype=np.uint8)


def shot(said: str | Reading, good: float) -> Shot:
    small = np.zeros((4, 8, 3), dtype=np.uint8)
    says = reading(said) if isinstance(said, str) else said
    return Shot(at(0), BOX, (640, 360), good, says, small, small)


def torn(text: str, place: int, other: str, share: float) -> Reading:
    """A reader that holds one character of the plate for another, and the right one with so much."""
    wrong = text[:place] + other + text[place + 1 :]
    one, two = (np.exp(reading(t, sure=0.995).log_probs) for t in (text, wrong))
    mixed = np.log(share * one + (1 - share) * two).astype(np.float32)
    return replace(reading(text if share > 0.5 else wrong), log_probs=mixed)


def gallery_of(*shots: Shot, plate: str | None) -> Gallery:
    gallery = Gallery()
    for each in shots:
        gallery.add(each, plate=plate)
    return gallery


SMEARS = {"across": (1, 0), "down": (0, 1), "falling": (1, 1), "rising": (1, -1)}


def plate(high: int = 60, *, smear: str = "across", px: int = 0, noise: float = 0, jpeg: int = 95) -> Bgr:
    """Drawn characters, of half the plate's height, that moved by so many px while the shutter was open."""
    large = np.full((160, 320, 3), 225, np.uint8)
    cv2.rectangle(large, (6, 6), (313, 153), (30, 30, 30), 3)
    for place, char in enumerate("KTL908"):
        cv2.putText(large, char, (18 + 49 * place, 118), cv2.FONT_HERSHEY_SIMPLEX, 2.3, (30, 30, 30), 9)
    small = cv2.resize(large, (2 * high, high), interpolation=cv2.INTER_AREA).astype(np.float32)
    right, down = SMEARS[smear]
    length = np.hypot(right, down)
    steps = [
        np.array([[1, 0, s * right / length], [0, 1, s * down / length]], np.float32) for s in _along(px)
    ]
    moved = [cv2.warpAffine(small, m, (2 * high, high), borderMode=cv2.BORDER_REPLICATE) for m in steps]
    grain = np.random.default_rng(5).normal(0, noise, (high, 2 * high, 1)) if noise else 0
    taken = np.clip(np.mean(moved, axis=0) + grain, 0, 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _along(px: int) -> list[float]:
    return [float(s) for s in np.linspace(-px / 2, px / 2, 1 + 4 * px)]


@given(st.integers(1, 90), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_contrast_is_what_numpy_calls_it(high: int, wide: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (high, wide, 3), dtype=np.uint8)
    seen = cv2.resize(cv2.cvtColor(noise, cv2.COLOR_BGR2GRAY), (96, 32), interpolation=cv2.INTER_AREA)
    dark, bright = np.percentile(seen, (5, 95))
    assert clarity(noise).contrast == pytest.approx(max(1.0, bright - dark))


def test_quality_is_a_share() -> None:
    assert 0.9 < judged(plate()) <= 1.0


@pytest.mark.parametrize("smear", SMEARS)
@pytest.mark.parametrize(("noise", "jpeg"), [(0, 95), (8, 40)])
@pytest.mark.parametrize("letters_px", [12, 18, 26, 40])
def test_sharpness_falls_with_a_smear_in_any_direction(
    smear: str, noise: float, jpeg: int, letters_px: int
) -> None:
    sharp = [
        clarity(
            plate(2 * letters_px, smear=smear, px=share * letters_px // 12, noise=noise, jpeg=jpeg)
        ).sharpness
        for share in (0, 2, 4, 6)
    ]
    assert sharp == sorted(sharp, reverse=True), sharp
    assert sharp[2] < 0.9 * sharp[0], "by a third of a character's height"
    assert sharp[3] < 0.75 * sharp[0], "by half of it"


@settings(deadline=None, max_examples=40)
@given(high=st.integers(24, 90), noise=st.floats(1, 14), smear=st.sampled_from(sorted(SMEARS)))
def test_noise_makes_no_smear_sharp(high: int, noise: float, smear: str) -> None:
    clean, grainy = (clarity(plate(high, smear=smear, px=high // 5, noise=n)).sharpness for n in (0, noise))
    assert grainy < clean + 0.08
    assert grainy < clarity(plate(high)).sharpness


@settings(deadline=None, max_examples=40)
@given(gain=st.floats(0.25, 1.0), high=st.integers(24, 90), px=st.integers(0, 6))
def test_a_dim_plate_is_as_sharp_as_a_bright_one(gain: float, high: int, px: int) -> None:
    bright = plate(high, smear="down", px=px)
    dim = (bright * gain).astype(np.uint8)
    assert clarity(dim).sharpness == pytest.approx(clarity(bright).sharpness, abs=0.05)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_the_clarity_of_any_crop_is_within_its_bounds(high: int, wide: int, seed: int) -> None:
    found = clarity(np.random.default_rng(seed).integers(0, 256, (high, wide, 3), dtype=np.uint8))
    assert 0 <= found.sharpness <= 1
    assert 1 <= found.contrast <= 255
    assert 0 <= found.burnt <= 1


def test_quality_falls_with_blur_size_glare_and_darkness() -> None:
    sharp = crop()
    small = Box(200, 100, 40, 20)
    values = {
        "blurred": judged(blurred(sharp, 15)),
        "smeared": judged(blurred(sharp, 31)),
        "small": judged(crop(small), small),
        "burnt": judged(np.maximum(sharp, 252).astype(np.uint8)),
        "dim": judged((sharp // 10).astype(np.uint8)),
    }
    assert all(value < 0.7 * judged(sharp) for value in values.values()), values
    assert values["smeared"] < values["blurred"]


@pytest.mark.parametrize("box", [Box(0, 100, 120, 60), Box(519, 100, 120, 60), Box(200, 299, 120, 60)])
def test_a_plate_at_the_border_is_worth_less(box: Box) -> None:
    assert judged(crop(), box) < 0.35


def test_a_flat_crop_is_worth_nothing() -> None:
    assert judged(np.full((40, 80, 3), 128, dtype=np.uint8)) == 0.0


def test_the_crop_fits_and_shows_the_plate() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 400, 3), dtype=np.uint8)
    for source in (crop(), noise):
        data = crop_jpeg(source)
        assert len(data) <= CROP_BYTES
        back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert back is not None
        assert back.shape[1] / back.shape[0] == pytest.approx(source.shape[1] / source.shape[0], rel=0.1)
    assert back.shape[1] < 400, "noise fits only when it is made smaller"


def test_a_small_crop_keeps_every_pixel() -> None:
    back = cv2.imdecode(np.frombuffer(crop_jpeg(crop()), np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert back.shape == crop().shape
    assert np.abs(back.astype(int) - crop().astype(int)).mean() < 6


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (7, 90), (7, 4000), (40, 3), (15, 3000)])
def test_a_crop_of_any_shape_fits(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    data = crop_jpeg(noise)
    assert len(data) <= CROP_BYTES
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert back.shape[0] <= size[0]
    assert back.shape[1] <= size[1]


def test_an_impossible_limit_is_named() -> None:
    with pytest.raises(ValueError, match="into 100 bytes"):
        crop_jpeg(crop(), limit=100)


@pytest.mark.parametrize(("size", "expected"), [((1080, 1920), (540, 960)), ((360, 640), (360, 640))])
def test_the_overview_is_the_untouched_frame_made_smaller(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    bgr = picture({7: BOX}, width=size[1], height=size[0])
    still = Still(bgr)
    assert still.overview.shape[:2] == expected
    assert still.overview is still.overview, "shrunk once"
    assert not np.shares_memory(still.overview, bgr)
    assert overview_jpeg(still.overview).startswith(b"\xff\xd8")


def test_what_no_jpeg_can_hold_is_said() -> None:
    assert jpeg(np.zeros((8, 65_500, 3), np.uint8), level=50).startswith(b"\xff\xd8")
    with pytest.raises(ValueError, match=r"a picture of shape \(8, 65501, 3\) cannot be encoded"):
        jpeg(np.zeros((8, 65_501, 3), np.uint8), level=50)


def test_the_gallery_gives_the_best_shot_of_the_plate_itself() -> None:
    said = (("ABC123", 0.4), ("ABC123", 0.6), ("ABC123", 0.5), ("XYZ789", 0.9))
    gallery = gallery_of(*(shot(text, good) for text, good in said), plate="ABC123")
    assert gallery.best("ABC123").quality == 0.6
    assert gallery.best("XYZ789").quality == 0.9
    nearest = gallery.best("A8C123")
    assert (nearest.text, nearest.quality) == ("ABC123", 0.6), "a string that no frame says on its own"


def test_of_two_frames_that_are_off_by_one_character_the_one_that_holds_the_plate_likelier_proves_it() -> (
    None
):
    """The plates of a fleet differ by one character too: how alike strings are tells nothing."""
    own, fleet = torn("KAB123", 5, "8", 0.3), reading("KAB124")
    gallery = gallery_of(shot(own, 0.2), shot(fleet, 0.9), plate="KAB123")
    assert gallery.best("KAB123").text == "KAB128"


def test_of_frames_that_hold_the_plate_as_likely_the_clearest_proves_it() -> None:
    blurred, clear = torn("KAB123", 5, "8", 0.31), torn("KAB123", 1, "4", 0.3)
    gallery = gallery_of(shot(blurred, 0.2), shot(clear, 0.9), plate="KAB123")
    assert gallery.best("KAB123").text == "K4B123"


@given(
    own=st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from("MW4"), st.sampled_from([0.05, 0.3, 0.6]), st.floats(0, 1)
        ),
        min_size=1,
        max_size=12,
    ),
    others=st.lists(
        st.tuples(st.sampled_from(["XYZ789", "XYZ78", "KZZ189", "1", "TAXI"]), st.floats(0, 1)), max_size=12
    ),
    order=st.randoms(use_true_random=False),
)
def test_no_other_plate_is_the_evidence_where_one_frame_shows_the_own_one(
    own: list[tuple[int, str, float, float]], others: list[tuple[str, float]], order: Random
) -> None:
    """However blurred that frame, however clear the others, in whatever order they come."""
    shots = [shot(torn("KAB123", place, other, share), good) for place, other, share, good in own]
    mine = {s.text for s in shots}
    clear = {s.text: max(o.quality for o in shots if o.text == s.text) for s in shots}
    shots += [shot(text, good) for text, good in others]
    order.shuffle(shots)
    gallery = gallery_of(*shots, plate="KAB123")
    best = gallery.best("KAB123")
    assert best.text in mine
    assert best.quality == clear[best.text], "the clearest that reads so"
    assert "KAB123" not in mine or best.text == "KAB123"
    assert len(gallery) <= 3


def test_the_gallery_keeps_few_strings() -> None:
    gallery = gallery_of(*(shot(f"T{number}", number / 50) for number in range(50)), plate=None)
    assert gallery.best("T49").text == "T49"
    assert len(gallery) == 3
    near = gallery_of(*(shot(f"T{number}", number / 50) for number in range(50)), plate="T7")
    assert near.best("T7").text == "T7", "though clearer ones came"


def test_an_empty_gallery_says_so() -> None:
    with pytest.raises(LookupError, match="no shot"):
        Gallery().best("ABC123")
