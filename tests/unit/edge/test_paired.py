"""Two plates in one picture: of one vehicle they are one read, of two vehicles two, whatever they say."""

from collections.abc import Callable

import pytest
from fakes import reading
from passing import Scene, either, nothing, real_vote, said

from edge.emission import Kind
from edge.types import Box

Film = Callable[[float], dict[int, Box]]
SAME = {7: reading("KAB123"), 9: reading("KAB123")}


def reads(scene: Scene) -> list[str]:
    return [plate for kind, plate in said(scene.end()) if kind is Kind.READ]


def together(*, px_s: float = 150.0, apart_px: float = 140.0) -> Film:
    """Two plates of one vehicle that drives across the picture: the second is smaller, beside and above."""

    def plates(t: float) -> dict[int, Box]:
        x = 20 + px_s * t
        both = {7: Box(x, 160, 88, 44), 9: Box(x + apart_px, 110, 72, 36)}
        return {mark: box for mark, box in both.items() if box.x + box.width < 636}

    return plates


def one_stands(t: float) -> dict[int, Box]:
    return {7: Box(300, 40, 88, 44), 9: Box(20 + 200 * t, 250, 88, 44)}


def towards_each_other(t: float) -> dict[int, Box]:
    return {7: Box(20 + 150 * t, 60, 88, 44), 9: Box(520 - 150 * t, 250, 88, 44)}


def one_faster(t: float) -> dict[int, Box]:
    return {7: Box(20 + 60 * t, 60, 88, 44), 9: Box(20 + 200 * t, 250, 88, 44)}


def both_stand(_: float) -> dict[int, Box]:
    return {7: Box(60, 150, 88, 44), 9: Box(380, 150, 88, 44)}


@pytest.mark.parametrize("vote", [None, real_vote])
def test_two_plates_that_say_the_same_and_move_together_are_one_read(
    vote: Callable[[], object] | None,
) -> None:
    scene = Scene(SAME, *([vote] if vote else []))
    scene.show(4, together())
    scene.show(2, nothing)
    assert reads(scene) == ["KAB123"]
    counts = scene.pipeline.counts
    assert (counts.tracks, counts.paired, counts.rejoined) == (2, 1, 0)


def test_a_second_plate_that_is_read_with_doubt_and_moves_along_is_no_second_read() -> None:
    """As those are that are painted on a side: it is known by its motion."""
    scene = Scene({7: reading("KAB123"), 9: either("KAB123", "KAB128", 0.6)}, real_vote)
    scene.show(4, together())
    assert reads(scene) == ["KAB123"]
    assert scene.pipeline.counts.paired == 1


@pytest.mark.parametrize("other", ["KAB128", "KAB12S", "XYZ987"])
def test_two_plates_that_move_together_and_say_different_strings_are_two_reads(other: str) -> None:
    scene = Scene({7: reading("KAB123"), 9: reading(other)}, real_vote)
    scene.show(4, together())
    assert sorted(reads(scene)) == sorted(["KAB123", other])
    assert scene.pipeline.counts.paired == 0


@pytest.mark.parametrize("film", [one_stands, towards_each_other, one_faster])
@pytest.mark.parametrize("sure", [0.99, 0.9])
def test_a_string_that_is_read_on_two_vehicles_is_two_reads_however_sure(film: Film, sure: float) -> None:
    """A plate that was copied: what drives apart is not one vehicle, and both must be told."""
    scene = Scene({7: reading("KAB123"), 9: reading("KAB123", sure=sure)})
    scene.show(2.4, film)
    assert reads(scene) == ["KAB123", "KAB123"]
    assert scene.pipeline.counts.paired == 0


def test_two_plates_that_stand_side_by_side_and_say_the_same_for_certain_are_one_read() -> None:
    """Nothing tells them apart: the two of a parked truck do not move either."""
    scene = Scene(SAME)
    scene.show(3, both_stand)
    assert reads(scene) == ["KAB123"]
    assert scene.pipeline.counts.paired == 1


def test_two_plates_that_stand_side_by_side_of_which_one_is_doubtful_are_two_reads() -> None:
    scene = Scene({7: reading("KAB123"), 9: reading("KAB123", sure=0.9)})
    scene.show(3, both_stand)
    assert reads(scene) == ["KAB123", "KAB123"]
    assert scene.pipeline.counts.paired == 0
