"""What is seen beside the characters weighs on the class of a plate, and never decides it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.assets import plate_files
from edge.contract.plate import Grammar, PlateClass
from edge.contract.seen import NOTHING, UNKNOWN, Seen
from edge.grammar import load_grammar

COLOMBIAN = {"CO": 1.0}
SHIPPED = load_grammar(plate_files())


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return SHIPPED


def a_class(grammar: Grammar, name: str) -> PlateClass:
    return next(c for c in grammar.classes if (c.country, c.name) == ("CO", name))


def best(grammar: Grammar, text: str, seen: Seen) -> tuple[str, str]:
    origin = grammar.prior(COLOMBIAN).origins(text, seen=seen)[0]
    return origin.country, origin.plate_class


def test_where_nothing_was_seen_all_classes_are_alike(grammar: Grammar) -> None:
    assert {NOTHING.fits(c) for c in grammar.classes} == {UNKNOWN}


def test_two_lines_on_a_motorcycle_speak_for_a_motorcycle_s_plate(grammar: Grammar) -> None:
    seen = Seen(lines={2: 1.0}, vehicle={"motorcycle": 0.9, "car": 0.1})
    assert seen.fits(a_class(grammar, "motocicleta")) > 20 * seen.fits(a_class(grammar, "particular"))


@pytest.mark.parametrize(("colour", "name"), [("yellow", "particular"), ("white", "publico")])
def test_the_colour_tells_classes_of_one_shape_apart(grammar: Grammar, colour: str, name: str) -> None:
    seen = Seen(lines={1: 1.0}, vehicle={"car": 1.0}, background={colour: 1.0})
    assert best(grammar, "ABC123", seen) == ("CO", name)


def test_the_look_tells_countries_of_one_shape_apart(grammar: Grammar) -> None:
    both = {"CO": 0.5, "VE": 0.5}
    asked = {("CO", "motocicleta"): 0.0, ("VE", "particular"): 0.0}
    for look in asked:
        origins = grammar.prior(both).origins("MHW15X", seen=Seen(look={**asked, look: 1.0}))
        assert origins[0][:2] == look


def test_a_sixth_character_is_weighed_by_what_bears_the_plate(grammar: Grammar) -> None:
    prior = grammar.prior(COLOMBIAN)
    for kind, likelier, rarer in (("motorcycle", "ABC12B", "ABC128"), ("car", "ABC128", "ABC12B")):
        seen = Seen(vehicle={kind: 0.95})
        before = prior.lift(likelier) - prior.lift(rarer)
        after = prior.lift(likelier, seen=seen) - prior.lift(rarer, seen=seen)
        assert after > before + 1


shares = st.dictionaries(st.sampled_from(["car", "motorcycle", "bus", "truck"]), st.floats(0, 1), max_size=4)


@given(
    shares,
    st.sampled_from([{}, {1: 1.0}, {2: 1.0}, {1: 0.5, 2: 0.5}]),
    st.sampled_from(["ABC123", "ABC12D", "QQ"]),
)
def test_nothing_seen_makes_a_class_impossible_or_certain(
    vehicle: dict[str, float], lines: dict[int, float], text: str
) -> None:
    seen = Seen(lines=lines, vehicle=vehicle)
    assert all(0 < seen.fits(c) < 1 for c in SHIPPED.classes)
    prior = SHIPPED.prior(COLOMBIAN)
    origins = prior.origins(text, seen=seen)
    assert sum(o.likelihood for o in origins) == pytest.approx(1)
    assert {o[:2] for o in origins} == {o[:2] for o in prior.origins(text)}
    assert math.isfinite(prior.lift(text, seen=seen))
