"""Received ranges, acknowledgements and announcements of dropped messages."""

import pytest
from edge_reads import NOON, ack
from pydantic import ValidationError

from edge.contract.delivery import Ack, Gone, Received, SeqRange, Stream


def ranges(received: Received) -> list[tuple[int, int]]:
    return [(r.first, r.last) for r in received]


@pytest.mark.parametrize(
    ("before", "more", "after"),
    [
        ([], [], []),
        ([], [5], [(5, 5)]),
        ([], [3, 1, 2], [(1, 3)]),
        ([1, 2], [4], [(1, 2), (4, 4)]),
        ([1, 2, 4], [3], [(1, 4)]),
        ([1, 2, 3], [2], [(1, 3)]),
        ([5], [SeqRange(first=1, last=9)], [(1, 9)]),
        ([SeqRange(first=1, last=3)], [SeqRange(first=4, last=6)], [(1, 6)]),
        ([SeqRange(first=1, last=9)], [SeqRange(first=2, last=3)], [(1, 9)]),
    ],
)
def test_adding_merges_into_canonical_form(
    before: list[int | SeqRange], more: list[int | SeqRange], after: list[tuple[int, int]]
) -> None:
    assert ranges(Received().adding(before).adding(more)) == after


def test_adding_leaves_the_original_alone() -> None:
    first = Received().adding([1])
    first.adding([2])
    assert ranges(first) == [(1, 1)]


def test_membership_is_by_range() -> None:
    received = Received().adding([1, 2, 3, 7])
    assert [seq for seq in range(1, 9) if seq in received] == [1, 2, 3, 7]


@pytest.mark.parametrize(
    "spans", [[(1, 3), (3, 5)], [(1, 3), (4, 5)], [(4, 5), (1, 2)]], ids=["overlap", "touch", "unsorted"]
)
def test_ranges_that_are_not_canonical_are_turned_away(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValidationError, match="overlap or touch"):
        Received(ranges=tuple(SeqRange(first=a, last=b) for a, b in spans))


@pytest.mark.parametrize(("first", "last"), [(2, 1), (0, 1), (1, 2**53)])
def test_a_range_runs_forwards_within_its_bounds(first: int, last: int) -> None:
    with pytest.raises(ValidationError):
        SeqRange(first=first, last=last)


def test_an_ack_travels_as_json_and_comes_back_equal() -> None:
    sent = ack(5, {Stream.READ: [1, 2, 4], Stream.OVERVIEW: []}, at=NOON)
    assert Ack.model_validate_json(sent.model_dump_json()) == sent


def test_an_ack_of_an_older_centre_has_no_time() -> None:
    json = '{"edge_id":"edge-1","epoch":5,"streams":{"read":{"ranges":[{"first":1,"last":2}]}}}'
    assert Ack.model_validate_json(json).at is None


@pytest.mark.parametrize(
    "json",
    [
        "",
        "[]",
        '{"edge_id":"edge-1","epoch":0,"streams":{}}',
        '{"edge_id":"edge-1","epoch":5,"streams":{"letters":{}}}',
        '{"edge_id":"edge-1","epoch":5,"streams":{"read":{"ranges":[{"first":2,"last":1}]}}}',
        '{"edge_id":"edge-1","epoch":5,"streams":{},"at":"2026-03-01T12:00:00"}',
    ],
)
def test_what_is_no_ack_is_turned_away(json: str) -> None:
    with pytest.raises(ValidationError):
        Ack.model_validate_json(json)


def test_gone_says_what_and_why() -> None:
    gone = Gone(
        edge_id="edge-1", epoch=5, stream=Stream.OVERVIEW, dropped=SeqRange(first=3, last=9), reason="full"
    )
    assert Gone.model_validate_json(gone.model_dump_json()) == gone
    with pytest.raises(ValidationError, match="reason"):
        Gone.model_validate({**gone.model_dump(), "reason": "x" * 201})
