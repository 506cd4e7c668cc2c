"""What holds of the strings that a read may be, whatever a box sends."""

import itertools
import math

from edge_reads import plate_read
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.contract.match import LEAST, MOST, _others, likelihood_of, spellings, texts
from edge.contract.pattern import ALPHABET
from edge.contract.read import Character, CharacterAlternative, PlateRead

chars = st.sampled_from(ALPHABET)
shares = st.floats(0, 1)


@st.composite
def positions(draw: st.DrawFn, *, honest: bool) -> Character:
    others = draw(st.lists(chars, max_size=2, unique=True))
    char = draw(chars.filter(lambda c: not honest or c not in others))
    parts = [draw(shares) for _ in range(len(others) + 1)]
    total = max(1.0, sum(parts)) if honest else 1.0
    first, *rest = sorted((p / total for p in parts), reverse=True) if honest else parts
    alternatives = tuple(
        CharacterAlternative(char=c, likelihood=p) for c, p in zip(others, rest, strict=True)
    )
    return Character(char=char, likelihood=first, alternatives=alternatives)


@st.composite
def reads(draw: st.DrawFn, *, honest: bool) -> PlateRead:
    """Honest: positions are distributions, and the whole is no surer than the least sure of them."""
    characters = tuple(draw(st.lists(positions(honest=honest), min_size=1, max_size=7)))
    surest = min(c.likelihood for c in characters) if honest else 1.0
    plate = "".join(c.char for c in characters)
    changed = {"plate": plate, "likelihood": draw(st.floats(0, surest)), "characters": characters}
    return plate_read(1, 1, plate=plate).model_copy(update=changed)


@given(reads(honest=False))
def test_whatever_is_sent_the_strings_are_few_different_and_of_one_length(read: PlateRead) -> None:
    found = spellings(read)
    assert (found[0].text, found[0].likelihood) == (read.plate, read.likelihood)
    assert len({s.text for s in found}) == len(found) <= MOST
    assert {len(s.text) for s in found} == {len(read.plate)}
    assert all(LEAST <= s.likelihood <= 1.0 for s in found[1:])
    assert [s.likelihood for s in found[1:]] == sorted((s.likelihood for s in found[1:]), reverse=True)
    assert spellings(read) == found


@given(st.booleans().flatmap(lambda honest: reads(honest=honest)))
def test_what_is_looked_up_has_all_that_a_read_may_be(read: PlateRead) -> None:
    found = texts(read)
    assert {s.text for s in spellings(read)} <= set(found)
    assert len(set(found)) == len(found) <= MOST + 1  # the plate may be none of what its characters say
    assert {len(text) for text in found} == {len(read.plate)}


@given(reads(honest=True))
def test_of_an_honest_read_no_string_is_likelier_than_what_differs_in_it_allows(read: PlateRead) -> None:
    for text, likelihood in spellings(read)[1:]:
        for char, position in zip(text, read.characters, strict=True):
            if char != position.char:
                assert likelihood <= 1.0 - position.likelihood + 1e-9
        assert likelihood <= read.likelihood + 1e-12


@given(reads(honest=True))
def test_whatever_differs_in_any_places_and_reaches_the_least_is_looked_up(read: PlateRead) -> None:
    """Against the definition: every way to choose a character in each position, likeliest or not."""
    ways = [[(each.char, 1.0), *_others(each, read, LEAST)] for each in read.characters]
    chosen = list(itertools.product(*ways))
    assume(len(chosen) < 10_000)
    likely = {
        "".join(char for char, _ in each)
        for each in chosen
        if read.likelihood * math.prod(ratio for _, ratio in each) >= LEAST * (1 + 1e-9)
    }
    if 1.0 - read.likelihood >= LEAST and len(likely) < MOST:
        assert likely <= set(texts(read))


@given(reads(honest=True), st.floats(1e-4, 0.5))
def test_a_higher_limit_only_leaves_out(read: PlateRead, least: float) -> None:
    every = dict(spellings(read, least=1e-4))
    some = dict(spellings(read, least=least))
    assert some.keys() <= every.keys() or len(every) == MOST


@given(reads(honest=False), st.sets(st.text(ALPHABET, min_size=1, max_size=7), max_size=5))
def test_all_strings_together_are_never_surer_than_certain(read: PlateRead, known: set[str]) -> None:
    spelt = spellings(read)
    assert sum(p for _, p in spelt) <= 1.0 + 1e-9
    for text, p in spelt:
        assert 0.0 <= likelihood_of(text, spelt, known) <= p + 1e-9
