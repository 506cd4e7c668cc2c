"""Whether a read may be an entry, as box and centre decide it."""

from collections.abc import Container
from datetime import timedelta

import pytest
from edge_reads import plate_read

from edge.assets import plate_files
from edge.contract.hotlist import Entry
from edge.contract.listed import Terms, fits, may_be, read_country
from edge.contract.match import spellings
from edge.contract.read import Character, CharacterAlternative, PlateRead, Scored, Vehicle
from edge.grammar import load_grammar

GRAMMAR = load_grammar(plate_files())
HOUR_US = 3_600_000_000


def terms(least: float = 0.5, known: Container[str] = ()) -> Terms:
    return Terms(GRAMMAR, known, lambda _: least)


def listed(read: PlateRead, plate: str = "ABC123", **more: object) -> Entry:
    """An entry that holds from an hour before a read to an hour after it."""
    at = round(read.best_at.timestamp() * 1_000_000)
    entry = Entry(plate, "stolen", "CO", None, None, None, None, at - HOUR_US, at + HOUR_US, 1)
    return entry._replace(**more)  # type: ignore[arg-type]


def doubtful(sure: float = 0.6) -> PlateRead:
    """ABC123, or ABC128 with what is left."""
    *first, last = (Character(char=c, likelihood=1.0) for c in "ABC123")
    other = CharacterAlternative(char="8", likelihood=1.0 - sure)
    last = Character(char=last.char, likelihood=sure, alternatives=(other,))
    return plate_read(1, 1, plate="ABC123").model_copy(
        update={"characters": (*first, last), "likelihood": sure}
    )


def found(read: PlateRead, entry: Entry, by: Terms | None = None) -> float | None:
    return may_be(read, entry, spellings(read), by or terms())


def test_a_listed_plate_counts_from_its_lists_likelihood_on() -> None:
    read = doubtful(0.6)
    assert found(read, listed(read)) == pytest.approx(0.6)
    assert found(read, listed(read), terms(0.61)) is None
    assert found(read, listed(read, "ABC128"), terms(0.3)) == pytest.approx(0.4)


def test_a_rival_that_is_known_makes_it_less_likely_and_never_more() -> None:
    read = doubtful(0.6)
    alone = found(read, listed(read), terms(0.0))
    beside = found(read, listed(read), terms(0.0, known={"ABC128"}))
    assert alone is not None
    assert beside is not None
    assert beside < alone


def test_an_entry_counts_while_it_holds() -> None:
    read = doubtful()
    after = {"valid_from_us": listed(read).valid_until_us, "valid_until_us": listed(read).valid_until_us + 1}
    assert found(read, listed(read, **after)) is None
    at = listed(read).valid_from + timedelta(hours=1)
    assert at == read.best_at
    at_us = listed(read).valid_from_us + HOUR_US
    assert found(read, listed(read, valid_from_us=at_us)) is not None
    assert found(read, listed(read, valid_until_us=at_us)) is None


def test_a_look_that_contradicts_makes_it_less_likely() -> None:
    read = doubtful(0.6)
    car = read.model_copy(update={"vehicle": Vehicle(type=Scored(value="car", likelihood=0.9))})
    assert found(car, listed(read, vehicle_type="moto")) is None
    assert found(car, listed(read, vehicle_type="carro")) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("country", "plate_class", "entry", "expected"),
    [
        (None, None, {}, True),
        ("CO", None, {}, True),
        ("EC", None, {}, False),
        ("ZZ", None, {}, True),
        ("CO", "particular", {"plate_class": "publico"}, True),  # the same strings
        ("CO", "particular", {"plate_class": "motocicleta"}, False),
        ("CO", "particular", {"country": "EC"}, False),
    ],
)
def test_what_was_decoded_must_fit_by_country_and_class(
    country: str | None, plate_class: str | None, entry: dict[str, str], expected: bool
) -> None:
    scored = (None if word is None else Scored(value=word, likelihood=0.9) for word in (country, plate_class))
    read = doubtful().model_copy(update=dict(zip(("country", "plate_class"), scored, strict=True)))
    assert fits(read, listed(read, **entry), GRAMMAR) is expected


def test_another_string_must_be_a_plate_of_the_entrys_country_and_class() -> None:
    read = doubtful()
    assert fits(read, listed(read, "ABC128"), GRAMMAR)
    assert not fits(read, listed(read, "ABC128", plate_class="motocicleta"), GRAMMAR)
    assert not fits(read, listed(read, "A1", country="CO"), GRAMMAR)


def test_a_country_without_a_grammar_is_none() -> None:
    read = doubtful()
    assert read_country(read.model_copy(update={"country": None})) is None
    assert read_country(read.model_copy(update={"country": Scored(value="ZZ", likelihood=1.0)})) is None
    assert read_country(read.model_copy(update={"country": Scored(value="CO", likelihood=1.0)})) == "CO"
