"""What two nets say of a box is put together as the manifest weighs it."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import assets
from edge.detect.letterbox import letterbox
from edge.detect.second_look import (
    MOST,
    VEHICLES,
    Manifest,
    SecondLook,
    judged,
    load_manifest,
    moved,
    vehicles,
    version_with,
    without_doubles,
)
from edge.detect.views import FAR, NEAR, Grey
from edge.errors import AssetError
from edge.types import Box, Detection

FRAME = (480, 640)
BOX = Box(300, 200, 80, 20)


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "name": "look-test",
        "proposal": 0.1,
        "bias": 0.0,
        "detector_weight": 1.0,
        "look_weight": 1.0,
        "score": 0.5,
        "overlap": 0.5,
        "still": 0.0,
        "temperature": 1.0,
        "vehicle": 0.5,
        "sha256": {"look.bin": hashlib.sha256(b"weights").hexdigest()},
    } | changes


def manifest(**changes: Any) -> Manifest:
    return Manifest(**facts(**changes))


def answers(
    plate: float = 0.0,
    change: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    vehicle: tuple[float, float, float, float] = (9.0, 0.0, 0.0, 0.0),
) -> np.ndarray:
    return np.array((plate, *change, *vehicle), np.float32)


def the(found: Detection | None) -> Detection:
    assert found is not None
    return found


def test_both_nets_make_the_score() -> None:
    agreed = the(judged(Detection(BOX, 0.8), answers(0.0), manifest=manifest(), frame=FRAME))
    assert agreed.score == pytest.approx(0.8, abs=1e-6)
    surer = the(judged(Detection(BOX, 0.8), answers(2.0), manifest=manifest(), frame=FRAME))
    assert surer.score == pytest.approx(1 / (1 + math.exp(-(math.log(4) + 2))), abs=1e-6)
    weighed = manifest(bias=-1.0, detector_weight=0.5, look_weight=2.0)
    found = the(judged(Detection(BOX, 0.8), answers(1.0), manifest=weighed, frame=FRAME))
    assert found.score == pytest.approx(1 / (1 + math.exp(-(0.5 * math.log(4) + 1))), abs=1e-6)


@pytest.mark.parametrize("score", [0.0, 1.0])
@pytest.mark.parametrize("plate", [-1e4, 1e4])
def test_the_surest_words_still_make_a_score(score: float, plate: float) -> None:
    found = the(judged(Detection(BOX, score), answers(plate), manifest=manifest(), frame=FRAME))
    assert 0 <= found.score <= 1
    assert (found.score > 0.5) == (plate > 0)


def test_a_box_moves_by_its_size_and_grows_by_a_factor() -> None:
    box = moved(BOX, np.array([0.1, -0.05, math.log(1.25), math.log(0.8)], np.float32), frame=FRAME)
    assert box is not None
    assert box.centre == pytest.approx((348, 206), abs=1e-4)
    assert (box.width, box.height) == pytest.approx((100, 16), abs=1e-4)


def test_a_box_moves_only_so_far() -> None:
    box = moved(BOX, np.array([9, 9, 9, -9], np.float32), frame=FRAME)
    assert box is not None
    assert box.centre == pytest.approx((404, 274), abs=1e-3)
    assert box.width == pytest.approx(80 * math.exp(0.8), abs=1e-3)


def test_small_moves_are_not_made_and_large_ones_lessened() -> None:
    change = np.array([0.04, -0.15, 0.03, 0.25], np.float32)
    box = moved(BOX, change, still=0.05, frame=FRAME)
    assert box is not None
    assert box.centre == pytest.approx((340, 210 - 0.1 * 80), abs=1e-4)
    assert (box.width, box.height) == pytest.approx((80, 20 * math.exp(0.2)), abs=1e-4)


def test_a_box_that_leaves_the_frame_is_none() -> None:
    edge = Box(630, 200, 10, 4)
    right = np.array([0.3, 0.0, 0.0, 0.0], np.float32)
    inside = moved(edge, right, frame=FRAME)
    assert inside is not None
    assert inside.x + inside.width <= 640
    beyond = Box(639.5, 200, 1, 1)
    assert moved(beyond, np.array([0.5, 0, -0.5, 0], np.float32), frame=FRAME) is None
    assert (
        judged(Detection(beyond, 0.9), answers(9, (0.5, 0, -0.5, 0)), manifest=manifest(), frame=FRAME)
        is None
    )


@given(
    st.floats(0, 639),
    st.floats(0, 479),
    st.floats(1, 900),
    st.floats(1, 900),
    st.lists(st.floats(-3, 3), min_size=4, max_size=4),
)
def test_a_moved_box_lies_in_the_frame(x: float, y: float, w: float, h: float, change: list[float]) -> None:
    box = moved(Box(x, y, w, h), np.array(change, np.float32), frame=FRAME)
    if box is not None:
        assert box.x >= 0
        assert box.y >= 0
        assert box.width > 0
        assert box.height > 0
        assert box.x + box.width <= 640 + 1e-6
        assert box.y + box.height <= 480 + 1e-6


def test_vehicles_are_named_best_first_and_their_likelihoods_sum_to_one() -> None:
    named = vehicles(np.array([0.0, 3.0, 1.0, 2.0], np.float32), manifest=manifest())
    assert [v.value for v in named] == ["motorcycle", "truck", "bus", "car"]
    assert sum(v.likelihood for v in named) == pytest.approx(1)
    assert [v.likelihood for v in named] == sorted((v.likelihood for v in named), reverse=True)


def test_no_vehicle_is_named_where_nothing_tells() -> None:
    level = np.zeros(4, np.float32)
    assert vehicles(level, manifest=manifest()) == ()
    assert len(vehicles(level, manifest=manifest(vehicle=0.25))) == len(VEHICLES)


def test_a_temperature_makes_likelihoods_humbler() -> None:
    logits = np.array([4.0, 0.0, 0.0, 0.0], np.float32)
    sure, humble = vehicles(logits, manifest=manifest()), vehicles(logits, manifest=manifest(temperature=2.0))
    assert sure[0].likelihood > humble[0].likelihood > 0.5


def test_of_two_boxes_on_one_plate_the_better_stays() -> None:
    twice = [Detection(BOX, 0.6), Detection(Box(301, 200, 80, 20), 0.9), Detection(Box(10, 10, 60, 20), 0.7)]
    assert [d.score for d in without_doubles(twice, most_overlap=0.5)] == [0.9, 0.7]
    assert without_doubles([], most_overlap=0.5) == []


class Spoken:
    """A net that says what it is told, and remembers what it was shown."""

    def __init__(self, *said: np.ndarray) -> None:
        self._said = list(said)
        self.shown: list[tuple[Grey, Grey]] = []

    def __call__(self, near: Grey, far: Grey) -> np.ndarray:
        self.shown.append((near, far))
        return self._said[(len(self.shown) - 1) % len(self._said)]


def look_at(net: Spoken, proposals: list[Detection], **changes: Any) -> list[Detection]:
    frame = np.full((*FRAME, 3), 90, np.uint8)
    picture, fit = letterbox(frame, width=832, height=480)
    facts_of = manifest(**changes)
    look = SecondLook(net=net, manifest=facts_of, least_score=facts_of.score)
    return look.look(frame, proposals, picture=picture, fit=fit)


def test_what_both_do_not_believe_is_dropped() -> None:
    net = Spoken(answers(5.0), answers(-5.0))
    kept = look_at(net, [Detection(BOX, 0.9), Detection(Box(10, 10, 60, 20), 0.8)])
    assert [d.box.x for d in kept] == pytest.approx([300])
    assert [(near.shape, far.shape) for near, far in net.shown] == [(NEAR[::-1], FAR[::-1])] * 2


def test_a_weak_proposal_that_the_second_look_believes_is_kept() -> None:
    assert look_at(Spoken(answers(6.0)), [Detection(BOX, 0.12)])[0].score > 0.5


def test_a_better_second_word_reorders() -> None:
    two = [Detection(BOX, 0.9), Detection(Box(10, 10, 60, 20), 0.7)]
    assert [d.box.x for d in look_at(Spoken(answers(1.0), answers(5.0)), two)] == pytest.approx([10, 300])


def test_only_so_many_are_looked_at() -> None:
    net = Spoken(answers(5.0))
    many = [Detection(Box(2 + 30 * (i % 20), 10 + 40 * (i // 20), 20, 8), 0.9) for i in range(40)]
    assert len(look_at(net, many)) == MOST == len(net.shown)


def test_nothing_proposed_nothing_asked() -> None:
    net = Spoken(answers())
    assert look_at(net, []) == []
    assert net.shown == []


def test_the_version_changes_with_either_nets_weights() -> None:
    one = version_with("plate@000000000000", manifest(), "look.bin")
    assert one.startswith("plate-look-test@")
    assert len(one.partition("@")[2]) == 12
    other = manifest(sha256={"look.bin": hashlib.sha256(b"others").hexdigest()})
    assert len({one, version_with("plate@000000000001", manifest(), "look.bin")}) == 2
    assert one != version_with("plate@000000000000", other, "look.bin")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models/second_look folder of our own."""
    monkeypatch.setattr(assets, "_PACKED", tmp_path)
    place = tmp_path / "models" / "second_look"
    place.mkdir(parents=True)
    (place / "look.json").write_text(json.dumps(facts()), encoding="utf-8")
    return place


def test_the_manifest_is_read_from_beside_the_weights(folder: Path) -> None:
    found, path = load_manifest()
    assert found == manifest()
    assert path == folder / "look.json"


def test_no_manifest_no_second_look(folder: Path) -> None:
    (folder / "look.json").unlink()
    with pytest.raises(AssetError, match=r"look\.json is missing"):
        load_manifest()


@pytest.mark.parametrize(
    "wrong", [{"score": 0.0}, {"temperature": 0.0}, {"vehicle": 2.0}, {"more": 1}, {"sha256": {"a": "b"}}]
)
def test_a_damaged_manifest_is_named(folder: Path, wrong: dict[str, Any]) -> None:
    (folder / "look.json").write_text(json.dumps(facts(**wrong)), encoding="utf-8")
    with pytest.raises(AssetError, match=r"look\.json: damaged"):
        load_manifest()
