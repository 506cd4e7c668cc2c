"""Matching by likelihood: what a budget allows, which rivals the cameras know, and what is told of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_messages import list_plates, matched
from central_reads import NOON, a_read
from sqlalchemy import Engine, insert, update

from central.alert.rules import explain
from central.db import erasure
from central.db import hotlist as hotlist_table
from central.hotlist.budget import LEAST, Curve, as_json, from_json, limit, shipped
from central.hotlist.grammar import load_grammar
from central.hotlist.known import Known
from central.hotlist.live import Hotlist
from central.hotlist.match import match
from central.hotlist.version import raise_version
from central.sections import MatchSettings
from central.types import Hit, HotlistEntry, Reason
from edge.contract.listed import Terms
from edge.contract.match import KNOWN_WEIGHT, spellings
from edge.contract.read import Character, CharacterAlternative, PlateRead, Scored, Vehicle

GRAMMAR = load_grammar()
AN_ORDER = {
    "state": "given",
    "plate_hash": "0" * 64,
    "reference": "R-1",
    "case_number": "C-1",
    "ordered_by": "ana",
    "ordered_us": 1,
    "removed": "{}",
}
LISTED = "ABC12B,CO,motocicleta,stolen,1,SIJIN,C-1,2025-01-01,2026-12-31"
CURVE = Curve((0.05, 0.1, 0.5, 0.9), (4e-9, 2e-9, 1e-9, 5e-10), (0.01, 0.02, 0.04, 0.1))


def doubtful(first: str, second: str, *, p: float, other: float) -> PlateRead:
    """A read of `first` that may be `second`, which differs in one character."""
    characters = tuple(
        Character(char=a, likelihood=1.0)
        if a == b
        else Character(char=a, likelihood=p, alternatives=(CharacterAlternative(char=b, likelihood=other),))
        for a, b in zip(first, second, strict=True)
    )
    return a_read(1, plate=first, plate_class=None, likelihood=p, characters=characters)


def an_entry(plate: str, **more: object) -> HotlistEntry:
    fields: dict[str, object] = {
        "list_name": "stolen",
        "plate": plate,
        "country": "CO",
        "plate_class": None,
        "reason": Reason.STOLEN,
        "priority": 1,
        "source": "SIJIN",
        "case_number": "C-1",
        "valid_from": NOON - timedelta(days=1),
        "valid_until": NOON + timedelta(days=1),
    }
    return HotlistEntry(**{**fields, **more})  # type: ignore[arg-type]


def hits(
    read: PlateRead, *entries: HotlistEntry, known: Known | None = None, least: float = 0.1
) -> list[Hit]:
    terms = Terms(GRAMMAR, known or Known(), least=lambda _list: least)
    return match(read, spellings(read), enumerate(entries, start=1), terms)


def on(read: PlateRead, kind: str, sure: float) -> PlateRead:
    return read.model_copy(update={"vehicle": Vehicle(type=Scored(value=kind, likelihood=sure))})


def test_a_doubtful_read_on_the_wrong_vehicle_raises_nothing() -> None:
    doubted, entry = (
        doubtful("ABC128", "ABC12B", p=0.6, other=0.4),
        an_entry("ABC12B", vehicle_type="MOTOCICLETA"),
    )
    assert hits(on(doubted, "car", 0.95), entry) == []
    (right,) = hits(on(doubted, "motorcycle", 0.95), entry)
    (unseen,) = hits(doubted.model_copy(update={"vehicle": Vehicle()}), entry)
    assert right.likelihood == unseen.likelihood == pytest.approx(0.4)


def test_a_sure_read_on_the_wrong_vehicle_is_a_hit_that_says_so() -> None:
    sure = on(a_read(1, plate="ABC12B", plate_class=None, likelihood=0.97), "car", 1.0)
    (hit,) = hits(sure, an_entry("ABC12B", vehicle_type="motocicleta"))
    assert hit.likelihood == pytest.approx(0.097 / (0.097 + 0.03))
    assert "COMPARE: vehicle type listed motocicleta, seen car" in explain(
        hit, country_known=True, late_by=None
    )


def test_a_listed_plate_that_the_read_may_be_is_a_hit_with_its_likelihood() -> None:
    (hit,) = hits(doubtful("ABC128", "ABC12B", p=0.6, other=0.4), an_entry("ABC12B"))
    assert hit.likelihood == pytest.approx(0.4)
    assert not hit.is_exact
    assert hit.rival is None


def test_below_the_limit_of_its_list_it_is_none() -> None:
    read = doubtful("ABC128", "ABC12B", p=0.6, other=0.4)
    assert hits(read, an_entry("ABC12B"), least=0.41) == []
    assert hits(read, an_entry("ABC128"), least=0.61) == [], "what was decoded is held to the same"


def test_a_rival_that_the_cameras_know_takes_nearly_all_of_it() -> None:
    read = doubtful("ABC128", "ABC123", p=0.5, other=0.5)
    known = Known(["ABC128"])
    assert hits(read, an_entry("ABC123"), known=known) == []
    (hit,) = hits(read, an_entry("ABC123"), known=known, least=0.01)
    assert hit.likelihood == pytest.approx(1 / (1 + KNOWN_WEIGHT), rel=1e-4)
    assert hit.rival == "ABC128"
    assert "COMPARE: ABC128, which looks alike, drives here often (COMPARE: ABC128, que se le" in told(hit)


def test_that_the_listed_plate_itself_is_known_counts_for_nothing() -> None:
    """A thief who drives daily must not become less suspicious, nor more."""
    read = doubtful("ABC128", "ABC123", p=0.5, other=0.5)
    (hit,) = hits(read, an_entry("ABC123"), known=Known(["ABC123"]))
    assert hit.likelihood == pytest.approx(0.5, rel=1e-4)


def test_the_likelier_of_two_listed_plates_comes_first_where_they_are_as_urgent() -> None:
    read = doubtful("ABC128", "ABC12B", p=0.7, other=0.3)
    found = hits(read, an_entry("ABC12B"), an_entry("ABC128"))
    assert [hit.entry.plate for hit in found] == ["ABC128", "ABC12B"]
    urgent = hits(read, an_entry("ABC12B", priority=1), an_entry("ABC128", priority=2))
    assert [hit.entry.plate for hit in urgent] == ["ABC12B", "ABC128"]


@pytest.mark.parametrize(
    ("country", "plate_class", "is_hit"),
    [
        ("CO", None, True),
        ("CO", "motocicleta", True),
        ("CO", "particular", False),
        ("VE", None, True),
        ("EC", None, False),
    ],
)
def test_country_and_class_are_those_of_the_listed_plate_not_of_what_was_decoded(
    country: str, plate_class: str | None, is_hit: bool
) -> None:
    """ABC128 is a car's and ABC12B a motorcycle's: the read's own class is of the one that was decoded."""
    read = doubtful("ABC128", "ABC12B", p=0.6, other=0.4)
    read = read.model_copy(update={"plate_class": Scored(value="particular", likelihood=0.6)})
    assert bool(hits(read, an_entry("ABC12B", country=country, plate_class=plate_class))) is is_hit


def test_an_entry_that_is_over_or_not_yet_valid_is_not_hit() -> None:
    read = doubtful("ABC128", "ABC12B", p=0.6, other=0.4)
    assert hits(read, an_entry("ABC12B", valid_until=read.best_at)) == []
    assert hits(read, an_entry("ABC12B", valid_from=read.best_at + timedelta(microseconds=1))) == []


def told(hit: Hit) -> str:
    return explain(hit, country_known=True, late_by=None)


def test_the_explanation_says_which_plate_was_read_and_how_likely_the_listed_one_is() -> None:
    (hit,) = hits(doubtful("ABC128", "ABC12B", p=0.62, other=0.35), an_entry("ABC12B"))
    assert "it may be ABC12B (likelihood 0.35), the plate listed as stolen" in told(hit)
    assert "character 6 8 0.62 / B 0.35" in told(hit)
    exact = replace(hit, entry=an_entry("ABC128"))
    assert "exactly the plate listed as stolen" in told(exact)


# The budget


@pytest.mark.parametrize(
    ("entries", "false_a_day", "least"),
    [
        (1, 20.0, LEAST),  # however short a list, not below it
        (10_000, 100.0, LEAST),
        (10_000, 20.0, 0.9),
        (10_000, 10.0, 0.9),
        (1_000, 5.0, 0.5),
        (0, 0.0, LEAST),
    ],
)
def test_the_lowest_limit_that_keeps_to_the_budget(entries: int, false_a_day: float, least: float) -> None:
    found = limit(CURVE, entries=entries, reads_a_day=4_500_000, false_a_day=false_a_day)
    assert found.least == least


def test_a_budget_that_cannot_be_kept_is_told() -> None:
    found = limit(CURVE, entries=1_000_000, reads_a_day=4_500_000, false_a_day=20)
    assert (found.least, found.is_kept) == (0.9, False)
    assert found.false_a_day == pytest.approx(5e-10 * 4_500_000 * 1_000_000)
    assert found.missed == 0.1


def test_the_shipped_curve_is_one() -> None:
    curve = shipped()
    assert len(curve.limits) == len(curve.false) == len(curve.missed) > 10
    assert list(curve.limits) == sorted(set(curve.limits))
    assert list(curve.false) == sorted(curve.false, reverse=True)
    assert list(curve.missed) == sorted(curve.missed)
    assert curve.limits[0] <= LEAST < curve.limits[-1] < 1
    assert from_json(as_json(curve)) == curve


# What the cameras know


def test_known_plates_are_found_and_no_others() -> None:
    known = Known(["ABC123", "0A", "A", "A" * 12, "ABC123"])
    assert len(known) == 4
    assert all(plate in known for plate in ("ABC123", "0A", "A", "A" * 12))
    assert not any(plate in known for plate in ("ABC12", "00A", "", "ABC124", "Z" * 12))
    assert 123 not in known
    known.replace(["XYZ98A"])
    assert ("ABC123" in known, "XYZ98A" in known) == (False, True)
    known.replace([])
    assert "XYZ98A" not in known


def test_what_is_gathered_while_all_is_forgotten_is_not_known() -> None:
    """An order of a court may come while the archive is read, which still holds the plate."""
    known = Known(["ABC123"])

    def gathered() -> Iterator[str]:
        yield "ABC123"
        known.forget()
        yield "XYZ98A"

    known.replace(gathered())
    assert len(known) == 0
    known.replace(["XYZ98A"])
    assert "XYZ98A" in known


def test_a_new_order_of_erasure_makes_the_match_forget_what_it_knows(
    database: Engine, tmp_path: Path
) -> None:
    known = Known()
    hotlist = Hotlist(grammar=GRAMMAR, known=known)
    with database.begin() as connection:
        hotlist.refresh(connection)
    known.replace(["ABC128"])
    list_plates(database, tmp_path, LISTED, at=NOON)
    with database.begin() as connection:
        hotlist.refresh(connection)
        assert "ABC128" in known, "another list is no order"
        connection.execute(insert(erasure).values(**AN_ORDER))
        raise_version(connection)
        hotlist.refresh(connection)
    assert "ABC128" not in known


def test_what_has_ended_costs_no_false_alerts(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, LISTED, LISTED.replace("ABC12B", "ABC12C"), at=NOON)
    hotlists = [
        Hotlist(grammar=GRAMMAR, clock=lambda at=at: at) for at in (NOON, datetime(2027, 1, 2, tzinfo=UTC))
    ]
    with database.begin() as connection:
        for hotlist in hotlists:
            hotlist.refresh(connection)
            assert hotlist.plates == {"ABC12B", "ABC12C"}, "reads of before still match"
    now, later = (hotlist.limits["medellin"].false_a_day for hotlist in hotlists)
    assert now > 0
    assert later == 0


def test_a_list_is_matched_by_what_the_settings_allow(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, LISTED, at=NOON)
    read = doubtful("ABC128", "ABC12B", p=0.6, other=0.4)
    found = {}
    for false_a_day in (20.0, 0.0):
        hotlist = Hotlist(grammar=GRAMMAR, budget=MatchSettings(false_a_day=false_a_day))
        with database.begin() as connection:
            hotlist.refresh(connection)
            assert hotlist.listed(read) == ["ABC12B"]
            found[false_a_day] = [hit.likelihood for hit in matched(hotlist, connection, read)]
        assert hotlist.limits["medellin"].is_kept is (false_a_day > 0)
    assert found == {20.0: [pytest.approx(0.4)], 0.0: []}


def test_a_list_may_have_a_budget_of_its_own(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, LISTED, at=NOON)
    listed = hotlist_table.c
    with database.begin() as connection:
        connection.execute(
            update(hotlist_table).where(listed.name == "medellin").values(false_alarms_a_day=1e-9)
        )
        hotlist = Hotlist(grammar=GRAMMAR)
        hotlist.refresh(connection)
    assert hotlist.limits["medellin"].least > LEAST
    assert not hotlist.limits["medellin"].is_kept
