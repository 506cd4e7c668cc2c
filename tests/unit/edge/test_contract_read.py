"""The read: what a consumer may rely on, and what is turned away at the border."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from edge_reads import NOON, plate_read
from pydantic import ValidationError

from edge.contract.read import Box, Character, CharacterAlternative, PictureRef, PlateRead, ReadId


def altered(**changes: Any) -> dict[str, Any]:
    """A good message as its JSON, with fields replaced."""
    return {**plate_read(5, 7).model_dump(mode="json"), **changes}


def test_a_read_travels_as_json_and_comes_back_equal() -> None:
    read = plate_read(5, 7, pictures=PictureRef(crop=True))
    assert PlateRead.model_validate_json(read.model_dump_json()) == read


def test_the_identity_is_edge_epoch_and_number() -> None:
    assert plate_read(5, 7).id == ReadId("edge-1", 5, 7)


def test_a_later_versions_fields_are_ignored() -> None:
    read = PlateRead.model_validate(altered(colour_of_the_driver="blue"))
    assert not hasattr(read, "colour_of_the_driver")


def test_a_read_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        plate_read(5, 7).plate = "XYZ789"  # type: ignore[misc]


def test_a_fault_repeats_no_plate() -> None:
    with pytest.raises(ValidationError) as caught:
        PlateRead.model_validate(altered(plate="KAB-123", plate_raw="KAB 123" * 9))
    assert "KAB" not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        PlateRead.model_validate(altered(plate="KAB123"))
    assert "KAB123" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"edge_id": "Edge 1"}, "edge_id"),
        ({"edge_id": "edge/1"}, "edge_id"),
        ({"camera_id": "+"}, "camera_id"),
        ({"epoch": 0}, "epoch"),
        ({"seq": 2**53}, "seq"),
        ({"plate": "abc123"}, "plate"),
        ({"plate": "ABC-123"}, "plate"),
        ({"plate": "A" * 13}, "plate"),
        ({"likelihood": 1.01}, "likelihood"),
        ({"plate_raw": "x" * 25}, "plate_raw"),
        ({"votes": -1}, "votes"),
        ({"direction": "sideways"}, "direction"),
        ({"best_at": "2026-03-01T12:00:00"}, "timezone"),
        ({"votes": 5}, "more votes (5) than frames (4)"),
        ({"plate": "ABC124"}, "characters spell something else than plate says"),
        ({"first_at": "2026-03-01T12:00:01Z"}, "times out of order"),
        ({"last_at": "2026-03-01T11:59:59Z"}, "times out of order"),
    ],
)
def test_what_is_wrong_is_turned_away_and_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlateRead.model_validate(altered(**changes))
    assert complaint in str(caught.value)


@pytest.mark.parametrize("missing", ["edge_id", "epoch", "seq", "plate", "best_at", "box", "models"])
def test_nothing_essential_may_be_missing(missing: str) -> None:
    fields = altered()
    del fields[missing]
    with pytest.raises(ValidationError, match=missing):
        PlateRead.model_validate(fields)


def test_a_character_has_at_most_two_alternatives() -> None:
    three = tuple(CharacterAlternative(char=c, likelihood=0.1) for c in "BCD")
    with pytest.raises(ValidationError, match="alternatives"):
        Character(char="A", likelihood=0.7, alternatives=three)
    assert len(Character(char="A", likelihood=0.7, alternatives=three[:2]).alternatives) == 2


@pytest.mark.parametrize("box", [(0, 0, 0, 0.1), (0, 0, 0.1, 0), (-0.1, 0, 0.1, 0.1), (0, 1.1, 0.1, 0.1)])
def test_a_box_lies_in_the_picture_and_has_an_area(box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    with pytest.raises(ValidationError):
        Box(x=x, y=y, width=width, height=height)


@pytest.mark.parametrize(("age_s", "late"), [(59, False), (60, False), (60.001, True)])
def test_a_read_is_late_past_the_limit_after_its_best_frame(age_s: float, late: bool) -> None:
    now: datetime = NOON + timedelta(seconds=age_s)
    assert plate_read(5, 7).is_late(now=now, limit=timedelta(seconds=60)) is late
