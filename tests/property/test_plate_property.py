"""What holds of the plate grammar for any pattern, any string and any site."""

import itertools
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.assets import plate_files
from edge.contract.pattern import ALPHABET, expand
from edge.contract.plate import OPEN, Grammar
from edge.contract.spelling import normalise
from edge.grammar import load_grammar

SHIPPED = load_grammar(plate_files())
texts = st.text(ALPHABET, max_size=14)
sites = st.dictionaries(st.sampled_from(["CO", "VE", "BR", "FR", "US"]), st.floats(0.01, 100), max_size=4)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    chars = draw(st.sampled_from(["A", "7", "[AB]", "[0-2]", "[A-C1]"]))
    return chars + draw(st.sampled_from(["", "{2}", "{1,2}", "{0,1}"]))


patterns = st.lists(tokens(), min_size=1, max_size=4).map("".join)


@settings(deadline=None, max_examples=60)
@given(patterns)
def test_a_pattern_expands_to_what_a_regular_expression_matches(pattern: str) -> None:
    try:
        shapes = expand(pattern)
    except ValueError:
        assert re.fullmatch(pattern, ""), "only the empty string makes such a pattern wrong"
        return
    assert len({s.positions for s in shapes}) == len(shapes)
    for length in range(1, 5):
        for chars in itertools.product("AB17C", repeat=length):
            text = "".join(chars)
            assert any(text in s for s in shapes) is bool(re.fullmatch(pattern, text)), text


@settings(deadline=None, max_examples=60)
@given(patterns, patterns)
def test_shapes_meet_where_they_share_a_string(first: str, second: str) -> None:
    try:
        left, right = expand(first), expand(second)
    except ValueError:
        return
    for a, b in itertools.product(left, right):
        if a.size * b.size > 10_000:
            continue
        mine = {"".join(chars) for chars in itertools.product(*a.positions)}
        assert a.meets(b) is any(text in b for text in mine)


@settings(deadline=None)
@given(texts, sites)
def test_every_string_has_a_prior_and_origins_that_make_one(text: str, site: dict[str, float]) -> None:
    prior = SHIPPED.prior(site)
    assert -math.inf < prior.log_of(text) <= 0
    origins = prior.origins(text)
    assert sum(o.likelihood for o in origins) == pytest.approx(1)
    assert [o.likelihood for o in origins] == sorted((o.likelihood for o in origins), reverse=True)
    assert {o.country for o in origins} - {OPEN} == {o.country for o in SHIPPED.classes_of(text)}


@settings(deadline=None, max_examples=10)
@given(sites)
def test_the_grammar_of_a_small_world_sums_to_one(site: dict[str, float]) -> None:
    """Two-character plates over a full alphabet: all strings up to length 3 can be counted."""
    shape = {"lines": 1, "vehicles": ["car"], "prior": 1.0}
    small = Grammar.from_documents(
        {
            "a": {
                "country": "CO",
                "name": "a",
                "classes": [{"name": "x", "patterns": ["[A-Z][0-9]"], **shape}],
            },
            "b": {
                "country": "VE",
                "name": "b",
                "classes": [{"name": "y", "patterns": ["[A-Z]{1,2}"], **shape}],
            },
            "o": {
                "country": OPEN,
                "name": "o",
                "classes": [{"name": "open", "patterns": ["[A-Z0-9]{2}"], **shape}],
            },
        }
    )
    prior = small.prior(site)
    strings = ("".join(c) for n in range(3) for c in itertools.product(ALPHABET, repeat=n))
    total = sum(math.exp(prior.log_of(text)) for text in strings)
    beyond = prior.shares[OPEN] * 1e-4 * 0.125  # of the strings of three characters and more
    assert total == pytest.approx(1 - beyond, abs=1e-9)


@given(st.text(max_size=20))
def test_normalising_twice_is_normalising_once(raw: str) -> None:
    once = normalise(raw)
    assert normalise(once) == once
    assert set(once) <= set(ALPHABET)


@given(texts)
def test_normalising_keeps_every_plate_character_in_order(text: str) -> None:
    assert normalise("-".join(text.lower())) == text
