"""The colour of a plate's ground, in sun and shadow, with a camera that sees colours and one that does not."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.read.colour import background
from edge.read.crop import cut
from edge.types import Bgr, Box

BLACK, WHITE = (25, 25, 25), (240, 236, 231)
YELLOW, BLUE, GREEN, RED = (38, 196, 246), (140, 62, 16), (70, 110, 20), (38, 32, 178)


def plate(ground: tuple[int, int, int], ink: tuple[int, int, int]) -> Bgr:
    picture = np.full((80, 160, 3), ground, dtype=np.uint8)
    cv2.putText(picture, "ABC123", (8, 56), cv2.FONT_HERSHEY_SIMPLEX, 1.3, ink, 5, cv2.LINE_AA)
    return picture


def best(crop: Bgr) -> str:
    shares = background(crop)
    return max(shares, key=lambda name: shares[name])


DATA = Path(__file__).parents[4] / "shared" / "data"
COLOURS = [
    pytest.param(YELLOW, BLACK, "yellow", id="yellow"),
    pytest.param(WHITE, BLACK, "white", id="white"),
    pytest.param(BLUE, WHITE, "blue", id="blue"),
    pytest.param(GREEN, WHITE, "green", id="green"),
    pytest.param(RED, WHITE, "red", id="red"),
    pytest.param(BLACK, (210, 215, 225), "black", id="black"),
]


@pytest.mark.parametrize(("ground", "ink", "name"), COLOURS)
def test_the_ground_is_named(ground: tuple[int, int, int], ink: tuple[int, int, int], name: str) -> None:
    crop = plate(ground, ink)
    crop[:4] = (40, 60, 120)  # what is around the plate
    assert best(crop) == name


@pytest.mark.parametrize(("ground", "ink", "name"), [COLOURS[0], *COLOURS[2:5]])
def test_a_shadow_over_half_of_it_changes_no_colour(
    ground: tuple[int, int, int], ink: tuple[int, int, int], name: str
) -> None:
    crop = plate(ground, ink)
    crop[:40] = (crop[:40] * 0.45).astype(np.uint8)
    assert best(crop) == name


def test_a_black_without_a_light_pixel_tells_nothing() -> None:
    crop = np.zeros((40, 80, 3), np.uint8)
    crop[:, :20] = (4, 0, 0)
    assert background(crop) == {}


def test_yellow_light_leaves_a_white_plate_in_doubt() -> None:
    crop = (plate(WHITE, BLACK) * np.array([0.72, 0.9, 1.0])).astype(np.uint8)
    assert background(crop)["white"] > 0.3


def test_an_infrared_picture_has_no_colour_to_tell() -> None:
    grey = cv2.cvtColor(plate(YELLOW, BLACK), cv2.COLOR_BGR2GRAY)
    assert background(np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)) == {}


@given(
    st.integers(-12, 12),
    st.integers(-12, 12),
    st.sampled_from([(190, 60), (250, 60), (190, 5)]),
    st.integers(0, 2**32 - 1),
)
def test_neither_tint_nor_the_rounding_of_a_video_makes_a_colour(
    red: int, blue: int, levels: tuple[int, int], seed: int
) -> None:
    """The planes of an infrared video: one chroma, here and there a step aside; one end may be clipped."""
    bright, dark = levels
    luma = cv2.cvtColor(plate((bright,) * 3, (dark,) * 3), cv2.COLOR_BGR2GRAY)
    rng = np.random.default_rng(seed)
    blocks = rng.random((10, 20)) < 0.3
    aside = cv2.resize(blocks.astype(np.uint8), luma.shape[::-1], interpolation=cv2.INTER_NEAREST)
    luma = np.clip(luma + rng.normal(0, 4, luma.shape), 0, 255).astype(np.uint8)
    tinted = np.dstack([luma, 128 + red + aside, 128 + blue - aside]).astype(np.uint8)
    assert background(np.asarray(cv2.cvtColor(tinted, cv2.COLOR_YCrCb2BGR), np.uint8)) == {}


def test_a_ground_that_fills_the_crop_keeps_its_colour() -> None:
    assert best(np.full((40, 80, 3), YELLOW, np.uint8)) == "yellow"


def test_a_white_plate_by_day_is_white_though_it_has_little_colour() -> None:
    crop = plate(WHITE, BLACK)
    crop[9:13, 60:100] = (60, 90, 150)  # a rusty screw, or the flag of the country
    assert best(crop) == "white"


def test_a_yellow_without_any_blue_is_a_colour_however_much_of_it_is_clipped() -> None:
    assert best(plate((0, 195, 255), (25, 25, 25))) == "yellow"


def real_plates(count: int) -> list[Bgr]:
    """Plates cut from street scenes of the training pictures, every so many."""
    with (DATA / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if (r["split"], r["kind"]) == ("train", "scene") and r["w"]]
    crops = []
    for row in rows[:: len(rows) // count]:
        picture = cv2.imread(str(DATA / row["path"]))
        assert picture is not None, row["path"]
        box = Box(*(float(row[side]) for side in "xywh"))
        crops.append(np.asarray(cut(np.asarray(picture, np.uint8), box), np.uint8).copy())
    return crops


@pytest.mark.data
@pytest.mark.skipif(
    not (DATA / "labels.csv").is_file(), reason="needs the labelled pictures of ../shared/data"
)
def test_real_plates_turned_grey_and_tinted_have_no_colour() -> None:
    crops = real_plates(400)
    for tint, least in ((8, 0.99), (16, 0.97)):
        greys = []
        for number, crop in enumerate(crops):
            luma = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
            red, blue = ((tint, tint), (tint, -tint), (-tint, tint), (-tint, -tint))[number % 4]
            planes = np.dstack([luma, np.full_like(luma, 128 + red), np.full_like(luma, 128 + blue)])
            greys.append(background(np.asarray(cv2.cvtColor(planes, cv2.COLOR_YCrCb2BGR), np.uint8)) == {})
        assert np.mean(greys) >= least, tint


FIRST = 180  # frames
SAMPLES = Path(__file__).parents[3] / "sample_videos"


def shown(clip: str) -> list[Bgr]:
    """The plates of a clip's first seconds, each where its truth says."""
    with (SAMPLES / "truth" / f"{clip}.csv").open(encoding="utf-8") as file:
        rows = {round(float(row["best_s"]) * 25): row for row in csv.DictReader(file)}
    rows = {number: row for number, row in rows.items() if number < FIRST}
    video = cv2.VideoCapture(str(SAMPLES / f"{clip}.mp4"))
    crops = []
    for number in range(max(rows) + 1):
        assert video.grab()
        if number in rows:
            x, y, w, h = (int(float(rows[number][side])) for side in ("x", "y", "w", "h"))
            crops.append(video.retrieve()[1][y : y + h, x : x + w])
    return [np.asarray(crop, np.uint8) for crop in crops]


def test_the_night_clip_has_no_colour_and_the_yellow_plates_of_the_day_have_theirs() -> None:
    night, day = shown("night"), shown("day")
    assert len(night) >= 4
    assert [background(crop) for crop in night] == [{}] * len(night)
    assert sum(background(crop).get("yellow", 0) > 0.9 for crop in day) >= 4


@given(st.integers(1, 90), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_any_crop_gives_shares_or_nothing(high: int, wide: int, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (high, wide, 3), dtype=np.uint8)
    shares = background(crop)
    assert not shares or 0.9 < sum(shares.values()) <= 1 + 1e-6
    assert all(0 < share <= 1 for share in shares.values())
