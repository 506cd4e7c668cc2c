"""Patterns of plates mean what a naive matcher says; their ranges leave out no plate that they mean."""

import re
from itertools import pairwise

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from central.errors import QueryError
from central.query.pattern import ALIKE, MOST_RANGES, compile_pattern, is_pattern
from edge.contract.pattern import ALPHABET

FEW = "AB8O0Q1IZ2"
PATTERNS = st.text(alphabet=FEW + "?*", min_size=1, max_size=10)
PLATES = st.text(alphabet=FEW, min_size=1, max_size=8)


def matches(pattern: str, plate: str, *, alike: bool) -> bool:
    """Character by character, as one would by hand."""
    if not pattern:
        return not plate
    first, rest = pattern[0], pattern[1:]
    if first == "*":
        return any(matches(rest, plate[at:], alike=alike) for at in range(len(plate) + 1))
    if not plate:
        return False
    same = {first} | next((set(group) for group in ALIKE if first in group), set()) if alike else {first}
    return (first == "?" or plate[0] in same) and matches(rest, plate[1:], alike=alike)


@given(PATTERNS, PLATES, st.booleans())
@example("*A*", "BAB", False)
@example("O*", "Q1", True)
def test_a_pattern_means_what_a_naive_matcher_says(typed: str, plate: str, alike: bool) -> None:
    pattern = compile_pattern(typed, alike=alike)
    assert bool(re.fullmatch(pattern.regex, plate)) == matches(typed, plate, alike=alike)


@given(PATTERNS, PLATES, st.booleans())
def test_every_plate_that_is_meant_is_in_a_range(typed: str, plate: str, alike: bool) -> None:
    pattern = compile_pattern(typed, alike=alike)
    if pattern.ranges and matches(typed, plate, alike=alike):
        assert sum(each.first <= plate < each.below for each in pattern.ranges) == 1


@given(PATTERNS, PLATES, st.booleans())
def test_backwards_it_means_the_same_plates_spelt_backwards(typed: str, plate: str, alike: bool) -> None:
    pattern = compile_pattern(typed, alike=alike).backwards
    assert bool(re.fullmatch(pattern.regex, plate[::-1])) == matches(typed, plate, alike=alike)
    assert pattern.backwards == compile_pattern(typed, alike=alike)


@pytest.mark.parametrize(
    ("typed", "ends_known"),
    [
        ("*123", True),
        ("?BC123", True),
        ("A*23", True),
        ("AB*23", False),
        ("ABC*", False),
        ("*B*", False),
        ("*", False),
    ],
)
def test_whether_the_end_is_known_better(typed: str, ends_known: bool) -> None:
    assert compile_pattern(typed).ends_known == ends_known


@given(PATTERNS, st.booleans())
def test_ranges_are_few_in_order_and_apart(typed: str, alike: bool) -> None:
    pattern = compile_pattern(typed, alike=alike)
    assert bool(pattern.ranges) == (pattern.text[0] not in "?*")
    assert len(pattern.ranges) <= MOST_RANGES
    assert all(each.first < each.below for each in pattern.ranges)
    assert all(one.below <= other.first for one, other in pairwise(pattern.ranges))


@given(PATTERNS, PLATES, st.booleans())
def test_writing_it_again_changes_nothing(typed: str, plate: str, alike: bool) -> None:
    once = compile_pattern(typed, alike=alike)
    assert compile_pattern(once.text, alike=alike) == once


def test_a_range_ends_where_the_next_beginning_does() -> None:
    ranges = compile_pattern("AZ?12*").ranges
    assert [(each.first, each.below) for each in ranges] == [("AZ", "A[")]
    ranges = compile_pattern("B9*", alike=True).ranges
    assert [(each.first, each.below) for each in ranges] == [("89", "8:"), ("B9", "B:")]


def test_look_alikes_are_on_request() -> None:
    assert compile_pattern("B0Z").regex == "B0Z"
    assert compile_pattern("B0Z", alike=True).regex == "[8B][0ODQ][2Z]"
    assert compile_pattern("K").regex == compile_pattern("K", alike=True).regex == "K"


def test_each_character_is_in_one_group_at_most() -> None:
    grouped = "".join(ALIKE)
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) <= set(ALPHABET)


@pytest.mark.parametrize("typed", ["ab?-12*", "AB?12*", " ab? 12 * ", "ab?·12*", "AB\uff1f12\uff0a"])
def test_case_and_separators_do_not_matter(typed: str) -> None:
    assert compile_pattern(typed).text == "AB?12*"


@pytest.mark.parametrize(("typed", "text"), [("A**B", "A*B"), ("*?*", "?*"), ("A*?*?*", "A??*"), ("**", "*")])
def test_stars_in_a_row_are_one(typed: str, text: str) -> None:
    assert compile_pattern(typed).text == text


@pytest.mark.parametrize("typed", ["", "-", "A%B", "AB[12]", "ÑB?", "A.*'; DROP", "A\nB;"])
def test_what_is_no_pattern_is_refused(typed: str) -> None:
    with pytest.raises(QueryError, match="not a plate or a pattern"):
        compile_pattern(typed)


def test_longer_than_any_plate_is_refused() -> None:
    compile_pattern("*".join("A" * 12))
    with pytest.raises(QueryError, match="no plate has more than 12"):
        compile_pattern("?" * 13)


def test_what_is_typed_says_which_it_is() -> None:
    assert [is_pattern(typed) for typed in ("ABC123", "AB?", "*", "")] == [False, True, True, False]
    whole, open_, part = (compile_pattern(typed) for typed in ("ABC123", "?*", "A*"))
    assert [p.is_whole for p in (whole, open_, part)] == [True, False, False]
    assert [p.is_open for p in (whole, open_, part)] == [False, True, False]


@settings(max_examples=25)
@given(PATTERNS, st.lists(PLATES, max_size=20))
def test_like_means_the_same_plates(typed: str, among: list[str]) -> None:
    pattern = compile_pattern(typed)
    assert pattern.like is not None
    asked = {"among": among, "like": pattern.like}
    sql = "SELECT plate FROM (SELECT unnest($among::VARCHAR[]) AS plate) WHERE plate LIKE $like"
    found = duckdb.sql(sql, params=asked).to_arrow_table()["plate"].to_pylist()
    assert sorted(found) == sorted(plate for plate in among if re.fullmatch(pattern.regex, plate))


def test_look_alikes_have_no_like() -> None:
    assert compile_pattern("?B*", alike=True).like is None
    assert compile_pattern("?K*", alike=True).like == "_K%"
