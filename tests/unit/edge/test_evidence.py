import cv2
import numpy as np
import pytest
from fakes import at, picture

from edge.evidence import CROP_BYTES, Gallery, Shot, Still, crop_jpeg, jpeg, overview_jpeg, quality
from edge.read.crop import cut
from edge.types import Bgr, Box

BOX = Box(200, 100, 120, 60)


def crop(box: Box = BOX) -> Bgr:
    return cut(picture({7: box}), box)


def judged(picture: Bgr, box: Box = BOX) -> float:
    return quality(picture, box, frame_width_px=640, frame_height_px=360)


def blurred(picture: Bgr, px: int) -> Bgr:
    return np.asarray(cv2.blur(picture, (px, 1)), dtype=np.uint8)


def shot(text: str, good: float, seconds: float = 0) -> Shot:
    small = np.zeros((4, 8, 3), dtype=np.uint8)
    return Shot(at(seconds), BOX, (640, 360), good, text, small, small)


def test_quality_is_a_share() -> None:
    assert 0.9 < judged(crop()) <= 1.0


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
    gallery = Gallery()
    for text, good in (("ABC123", 0.4), ("ABC123", 0.6), ("ABC123", 0.5), ("XYZ789", 0.9)):
        gallery.add(shot(text, good))
    assert gallery.best("ABC123").quality == 0.6
    assert gallery.best("XYZ789").quality == 0.9
    assert gallery.best("A8C123").quality == 0.9, "a string that no frame says on its own: the best picture"


def test_the_gallery_keeps_few_strings() -> None:
    gallery = Gallery()
    for number in range(50):
        gallery.add(shot(f"T{number}", number / 50))
    assert gallery.best("T49").text == "T49"
    assert gallery.best("T1").text == "T49"


def test_an_empty_gallery_says_so() -> None:
    with pytest.raises(LookupError, match="no shot"):
        Gallery().best("ABC123")
