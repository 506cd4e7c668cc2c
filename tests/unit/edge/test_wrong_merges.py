"""Two vehicles made one read is worse than one vehicle read twice: what could be taken for the vehicle before it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes import at, frame, reading
from passing import FPS, Scene, either, nothing, real_vote, said

from edge.emission import Kind
from edge.types import Box


def reads(scene: Scene) -> list[str]:
    return [plate for kind, plate in said(scene.end()) if kind is Kind.READ]


def coming(mark: int) -> Callable[[float], dict[int, Box]]:
    """Towards the camera: from far and small to near and large, and out of the picture at its lower border."""

    def plates(t: float) -> dict[int, Box]:
        box = Box(280 - 12 * t, 60 + 85 * t, 44 + 22 * t, 22 + 11 * t)
        return {mark: box} if box.y + box.height < 356 else {}

    return plates


def going(mark: int) -> Callable[[float], dict[int, Box]]:
    way = coming(mark)
    return lambda t: way(max(2.8 - t, 0.0)) if t < 2.8 else {}


def after(first: Callable, second: Callable, headway_s: float) -> Callable[[float], dict[int, Box]]:
    return lambda t: first(t) | (second(t - headway_s) if t >= headway_s else {})


@pytest.mark.parametrize("other", ["KAB124", "KAB128", "KAB12S"])
@pytest.mark.parametrize("headway_s", [0.75, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("way", [coming, going])
def test_plates_a_character_apart_behind_one_another_are_two_reads(
    way: Callable, headway_s: float, other: str
) -> None:
    scene = Scene({7: reading("KAB123"), 9: reading(other)}, real_vote)
    scene.show(8, after(way(7), way(9), headway_s))
    assert reads(scene) == ["KAB123", other]


@pytest.mark.parametrize("away_s", [3.5, 5.0, 8.0])
@pytest.mark.parametrize("way", [coming, going])
def test_a_doubtful_read_of_the_same_string_on_a_vehicle_that_comes_after_is_a_read_of_its_own(
    way: Callable, away_s: float
) -> None:
    """It cannot be the first one, which was near when it left and would be far off again."""
    scene = Scene({7: reading("KAB123"), 9: either("KAB123", "KAB128", 0.6)}, real_vote)
    scene.show(3, way(7))
    scene.show(away_s - 0.2, nothing)
    scene.show(4, way(9))
    assert reads(scene) == ["KAB123", "KAB123"]
    assert scene.pipeline.counts.rejoined == 0


@pytest.mark.parametrize("px_s", [-60, 60, 110])
@pytest.mark.parametrize("gap_px", [4, 40, 120])
def test_a_motorcycle_beside_a_car_is_a_read_of_its_own(px_s: float, gap_px: float) -> None:
    """It filters through, slower or faster, its plate close to the car's."""

    def plates(t: float) -> dict[int, Box]:
        x = 240 + 20 * t
        beside = x + (-1 if px_s > 0 else 1) * 120 + px_s * t
        return {7: Box(x, 120, 72, 36), 9: Box(beside, 120 + 36 + gap_px, 52, 40)}

    scene = Scene({7: reading("KAB123"), 9: reading("KAB12D")}, real_vote)
    scene.show(3, plates)
    assert sorted(reads(scene)) == ["KAB123", "KAB12D"]
    assert all(e.shot.text == e.verdict.plate for _, e in scene.emissions)


LINE = Box(240, 150, 96, 48)


def after_an_outage(scene: Scene, mark: int, *, lost_s: float) -> None:
    """The connection was lost, and this stands at the line when frames come again."""
    scene.now += lost_s
    for _ in range(3 * FPS):
        shown = replace(frame(scene.now, {mark: LINE}), connection=1)
        scene._take(scene.pipeline.feed(shown, now=at(scene.now)))
        scene.now += 1 / FPS


@pytest.mark.parametrize("lost_s", [0.5, 2.0, 30.0, 300.0])
@pytest.mark.parametrize("other", ["XYZ987", "KAB124"])
def test_what_stands_where_another_stood_before_the_camera_was_lost_is_read(
    other: str, lost_s: float
) -> None:
    """At a stop line or a gate: nobody saw the first one leave."""
    scene = Scene({7: reading("KAB123"), 9: reading(other)}, real_vote)
    scene.show(2, lambda _: {7: LINE})
    after_an_outage(scene, 9, lost_s=lost_s)
    assert reads(scene) == ["KAB123", other]


@pytest.mark.parametrize("lost_s", [0.5, 30.0, 3600.0])
def test_what_stands_there_before_and_after_the_camera_was_lost_is_one_read(lost_s: float) -> None:
    scene = Scene({7: reading("KAB123")}, real_vote)
    scene.show(2, lambda _: {7: LINE})
    after_an_outage(scene, 7, lost_s=lost_s)
    assert reads(scene) == ["KAB123"]
    assert scene.pipeline.counts.rejoined == 1


@pytest.mark.parametrize("step_s", [0.25, 0.5, 1.0])
def test_the_next_one_at_a_stop_line_is_read_where_few_frames_are_looked_at(step_s: float) -> None:
    """The first drives off while the second draws up: at few frames a second one stands where the other stood."""
    scene = Scene({7: reading("KAB123"), 9: reading("XYZ987")}, real_vote)
    line = Box(240, 200, 96, 48)
    for k in range(round(12 / step_s)):
        t = k * step_s
        first = {7: line} if t < 4 else {7: Box(240, 200 + 40 * (t - 4), 96, 48)} if t < 6.2 else {}
        second_y = min(90 + 45 * max(t - 4.5, 0), 200)
        plates = first | (
            {9: Box(240, second_y, 72, 36)} if t < 4.5 or second_y < 160 else {9: line} if t >= 6.2 else {}
        )
        scene._take(scene.pipeline.feed(frame(t, plates), now=at(t)))
        scene.now = t
    assert sorted(reads(scene)) == ["KAB123", "XYZ987"]
