"""What travels between the centre and the edge for a clip: bounded, and understood or turned away."""

import pytest
from edge_clips import clip_parts, clip_request, no_clip
from pydantic import ValidationError

from edge.contract.clip import (
    MOST_REQUESTS,
    PART_BYTES,
    ClipAnswer,
    ClipCommands,
    packed,
    unpacked,
)
from edge.contract.read import ReadId


def test_a_part_comes_out_as_it_went_in() -> None:
    request = clip_request(seq=9, epoch=4)
    data = b"\n{}\n" + bytes(range(256)) * 1_000
    parts = [unpacked(payload) for payload in clip_parts(request, data)]
    assert b"".join(bytes_ for _, bytes_ in parts) == data
    assert [answer.part for answer, _ in parts] == [1, 2]
    assert {answer.of("edge-1", 9) for answer, _ in parts} == {ReadId("edge-1", 4, 9)}


def test_no_clip_is_an_answer_without_bytes() -> None:
    answer, data = unpacked(no_clip(clip_request(), outcome="refused", reason="too long")[0])
    assert (answer.outcome, answer.reason, answer.parts, data) == ("refused", "too long", 0, b"")


GOOD = ClipAnswer.model_validate_json(clip_parts(clip_request(), b"x" * 10)[0].partition(b"\n")[0])


@pytest.mark.parametrize(
    "change",
    [
        {"part": 0},
        {"part": 2},
        {"parts": 0},
        {"size": 0},
        {"size": PART_BYTES + 1},
        {"sha256": ""},
        {"sha256": "g" * 64},
        {"began_at": None},
        {"ended_at": None},
        {"began_at": GOOD.ended_at, "ended_at": GOOD.began_at},
        {"outcome": "gone"},
        {"outcome": "perhaps"},
        {"request": "1"},
        {"epoch": 2**53},
        {"reason": "r" * 201},
    ],
)
def test_an_answer_that_contradicts_itself_is_turned_away(change: dict[str, object]) -> None:
    ClipAnswer.model_validate(GOOD.model_dump())
    with pytest.raises(ValidationError):
        ClipAnswer.model_validate({**GOOD.model_dump(), **change})


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "no line"),
        (b"{}", "no line"),
        (b" " * 5_000 + b"\n", "no line"),
        (packed(GOOD), "0 bytes in part 1 of 1"),
        (packed(GOOD, b"x" * (PART_BYTES + 1)), "131073 bytes in part 1 of 1"),
        (no_clip(clip_request())[0] + b"x", "1 bytes in part 0 of 0"),
    ],
)
def test_a_payload_that_is_no_answer_is_turned_away(payload: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        unpacked(payload)


def test_requests_are_bounded() -> None:
    with pytest.raises(ValidationError):
        clip_request(before_s=61)
    with pytest.raises(ValidationError):
        clip_request(after_s=-1)
    with pytest.raises(ValidationError):
        clip_request(camera_id="../x")
    many = tuple(clip_request(n) for n in range(MOST_REQUESTS + 1))
    with pytest.raises(ValidationError):
        ClipCommands(edge_id="edge-1", clips=many)
    full = ClipCommands(edge_id="edge-1", clips=many[1:]).model_dump_json()
    assert len(full) < 20_000, "a list fits any broker"
    assert ClipCommands.model_validate_json(full).clips == many[1:]


def test_a_later_version_may_say_more() -> None:
    said = ClipCommands(edge_id="edge-1").model_dump() | {"reboot": True}
    assert ClipCommands.model_validate(said).clips == ()
