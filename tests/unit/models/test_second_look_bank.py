"""What the second look is taught: boxes shaken and put right, pictures worsened, vehicles as the teacher says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.second_look import moved
from edge.detect.views import FAR, NEAR, NEAR_SIZES
from edge.types import Box
from models.second_look.bank import Bank, change_between, shaken, worsened
from models.second_look.mine import Miner, anywhere, variants
from models.second_look.recipe import read_recipe
from models.second_look.samples import UNKNOWN, Sample, patches, write_bank

RULES = read_recipe()["patches"]
PLATE = Box(300, 200, 80, 24)


def frame() -> np.ndarray:
    """Grey, with a white plate."""
    bgr = np.full((480, 640, 3), 60, np.uint8)
    bgr[200:224, 300:380] = 255
    return bgr


def sample(**changes: Any) -> Sample:
    fields = patches(frame(), PLATE, Box(304, 202, 84, 26), RULES)
    facts: dict[str, Any] = {
        "plate": True,
        "exact": True,
        "vehicle": UNKNOWN,
        "set_name": "street",
        "name": "a#0",
    }
    return Sample(**(fields | facts | changes))


@given(st.floats(-10, 10), st.floats(-6, 6), st.floats(60, 110), st.floats(18, 34))
def test_what_is_taught_moves_the_box_shown_onto_the_plate(dx: float, dy: float, w: float, h: float) -> None:
    shown = Box(PLATE.x + dx, PLATE.y + dy, w, h)
    back = moved(shown, change_between(shown, PLATE), frame=(480, 640))
    assert back is not None
    assert back.iou(PLATE) > 0.99


def test_shaken_boxes_mean_the_plate_and_are_not_all_alike() -> None:
    rng = np.random.default_rng(5)
    boxes = [shaken(PLATE, Box(304, 202, 84, 26), rng) for _ in range(300)]
    overlaps = np.array([box.iou(PLATE) for box in boxes])
    assert overlaps.min() > 0.1
    assert overlaps.max() > 0.9
    assert 0.05 < (overlaps < 0.5).mean() < 0.5
    assert len({box.x for box in boxes}) == 300


def test_worsening_keeps_the_views_shape_and_changes_them() -> None:
    rng = np.random.default_rng(2)
    near = rng.integers(0, 255, NEAR[::-1], np.uint8)
    far = rng.integers(0, 255, FAR[::-1], np.uint8)
    for _ in range(30):
        worse, around = worsened(near, far, rng)
        assert (worse.shape, worse.dtype) == (near.shape, np.uint8)
        assert (around.shape, around.dtype) == (far.shape, np.uint8)
        assert (worse != near).any()


def test_a_bank_shows_the_plate_where_it_says(tmp_path: Path) -> None:
    write_bank([sample()], tmp_path / "bank" / "real")
    bank = Bank(tmp_path, {"a#0": "bus"})
    rng = np.random.default_rng(3)
    assert len(bank) == 1
    assert bank.vehicle.tolist() == [2]
    for _ in range(20):
        batch = bank.batch(np.zeros(1, np.int64), rng)
        assert batch.near.shape == (1, 1, *NEAR[::-1])
        assert batch.far.shape == (1, 1, *FAR[::-1])
        across, down, wide, high = (float(v) for v in batch.change[0])
        # The change, applied to the box in the middle of the near view, finds the bright plate there.
        rows, columns = np.nonzero(batch.near[0, 0] > (batch.near.max() / 2 + batch.near.min() / 2))
        if len(columns) < 30 or batch.near.max() - batch.near.min() < 60:
            continue
        assert np.median(columns) == pytest.approx(NEAR[0] / 2 + across * NEAR[0] / NEAR_SIZES, abs=5)
        assert np.median(rows) == pytest.approx(NEAR[1] / 2 + down * NEAR[0] / NEAR_SIZES, abs=5)
        assert max(abs(v) for v in (across, down, wide, high)) < 0.8


def test_the_far_patch_lies_around_the_near_one() -> None:
    one = sample()
    centre = one.box[:2] + one.box[2:] / 2
    there = centre * one.scale + one.shift
    size = float(one.far.shape[0])
    assert there[0] == pytest.approx(size / 2, abs=0.5)
    assert there[1] == pytest.approx(size / 2 + RULES["far"][1], abs=0.5)


def test_vehicles_are_what_rendering_or_the_teacher_says(tmp_path: Path) -> None:
    rows = [sample(name=n, vehicle=v) for n, v in (("a", 1), ("b", UNKNOWN), ("c", UNKNOWN), ("d", UNKNOWN))]
    write_bank(rows, tmp_path / "bank" / "real")
    bank = Bank(tmp_path, {"b": "truck", "c": None})
    assert bank.vehicle.tolist() == [1, 3, UNKNOWN, UNKNOWN]


def test_several_banks_are_one(tmp_path: Path) -> None:
    write_bank([sample(name="a#0")], tmp_path / "bank" / "one")
    write_bank([sample(name="b#0"), sample(name="c#0", plate=False)], tmp_path / "bank" / "two")
    bank = Bank(tmp_path, {})
    assert bank.boxes["plate"].tolist() == [True, True, False]
    batch = bank.batch(np.array([2, 0]), np.random.default_rng(1))
    assert batch.plate.tolist() == [0.0, 1.0]
    assert batch.exact.tolist() == [False, True]


def test_no_bank_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no bank"):
        Bank(tmp_path, {})


def test_variants_begin_with_the_picture_itself() -> None:
    import random

    bgr = frame()
    several = list(variants(bgr, 5, random.Random(1)))
    assert several[0] is bgr
    assert len(several) == 5
    assert all(part.dtype == np.uint8 and part.size for part in several)


def test_boxes_anywhere_are_shaped_like_plates() -> None:
    import random

    for box in anywhere(frame(), 200, random.Random(4)):
        assert 1.1 <= box.width / box.height <= 5.5
        assert box.width < 640


class Sees:
    """A detector that proposes the plate, and something else."""

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes

    def detect(self, bgr: np.ndarray) -> list[Any]:
        from edge.types import Detection

        return [Detection(box, 0.3) for box in self._boxes]


def test_only_what_is_apart_from_every_plate_is_mined_as_none() -> None:
    from models.detector.prepare import Picture

    recipe = read_recipe()
    recipe["data"]["random"] = {"negative": 0, "gatecam": 0}
    recipe["data"]["variants"] = {"negative": 1, "gatecam": 1}
    elsewhere = Box(20, 20, 60, 20)
    miner = Miner(Sees(PLATE, Box(310, 205, 50, 20), Box(280, 180, 200, 90), elsewhere), recipe)  # type: ignore[arg-type]
    picture = Picture("p.jpg", "gatecam", "scene", [(300, 200, 80, 24)])
    mined = list(miner.others(picture, frame()))
    assert len(mined) == 1
    assert not mined[0].plate
    untrusted = Picture("p.jpg", "intl", "scene", [(300, 200, 80, 24)])
    assert list(miner.others(untrusted, frame())) == []
    (plate,) = miner.plates(picture, frame())
    assert plate.plate
    assert plate.name == "p.jpg#0"
