"""Where units are, and which free one is nearest, on SQLite and on PostgreSQL."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from central_messages import a_store, ingest, rows
from central_reads import NOON
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from central.consume import units as keeping
from central.consume.store import Store
from central.db import alert, dead_letter, to_us, unit
from central.query.area import Position
from central.query.units import Unit, nearest, units
from central.types import Arrival

HERE = Position(6.2442, -75.5812)
FRESH = timedelta(minutes=2)


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


def message(
    unit_id: str, *, topic: str | None = None, received_at: datetime = NOON, **said: object
) -> Arrival:
    position = {
        "unit_id": unit_id,
        "state": "free",
        "lat": 6.25,
        "lon": -75.58,
        "at": NOON.isoformat(),
        **said,
    }
    where = topic or f"lpr/v1/units/{unit_id}/position"
    return Arrival(where, json.dumps(position).encode(), received_at, 1)


def test_the_newest_position_is_kept_whatever_comes_last(store: Store, database: Engine) -> None:
    earlier = (NOON - timedelta(seconds=5)).isoformat()
    outcome = ingest(store, [message("moto-7", lat=6.1), message("moto-7", at=earlier, lat=6.9)])
    assert (outcome.counts["unit"], outcome.counts["dead"], outcome.replies) == (2, 0, ())
    ingest(store, [message("car-1", state="busy", station="laureles", battery=12)])
    assert [(u.unit_id, u.state, u.station, u.lat, u.at) for u in units(database)] == [
        ("car-1", "busy", "laureles", 6.25, NOON),
        ("moto-7", "free", None, 6.1, NOON),
    ]


def test_a_clock_that_is_ahead_does_not_freeze_a_unit(store: Store, database: Engine) -> None:
    ahead = (NOON + timedelta(days=365)).isoformat()
    ingest(store, [message("moto-7", at=ahead)])
    later = NOON + timedelta(seconds=9)
    ingest(store, [message("moto-7", at=later.isoformat(), received_at=later, lat=6.3)])
    assert [(u.lat, u.at) for u in units(database)] == [(6.3, later)]


def test_our_own_clock_set_back_does_not_freeze_a_unit(store: Store, database: Engine) -> None:
    ingest(store, [message("moto-7"), message("moto-8")])
    back = NOON - timedelta(hours=1)
    ingest(store, [message("moto-7", received_at=back, lat=6.3)])
    assert [(u.unit_id, u.lat, u.at) for u in units(database)] == [
        ("moto-7", 6.3, back),
        ("moto-8", 6.25, NOON),
    ]
    proposed = nearest(units(database), HERE, now=back, fresh=FRESH)
    assert [each.unit_id for each in proposed] == ["moto-7"], "the other was not heard of since"


@pytest.mark.parametrize(
    "said",
    [{"lat": 91}, {"lat": "NaN"}, {"state": "asleep"}, {"at": "2025-03-04T12:00:00"}, {"unit_id": "moto-8"}],
)
def test_what_is_wrong_is_a_dead_letter(store: Store, database: Engine, said: dict[str, object]) -> None:
    wrong = message("moto-7", topic="lpr/v1/units/moto-7/position", **said) if "unit_id" not in said else None
    outcome = ingest(store, [wrong or message("moto-8", topic="lpr/v1/units/moto-7/position")])
    assert outcome.counts["dead"] == 1
    assert rows(database, unit) == []
    assert [row["topic"] for row in rows(database, dead_letter)] == ["lpr/v1/units/moto-7/position"]


def test_who_invents_names_fills_no_table(
    store: Store, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_UNITS", 2)
    ingest(store, [message(f"moto-{number}") for number in range(4)])
    later = NOON + timedelta(seconds=9)
    ingest(store, [message("moto-1", at=later.isoformat(), received_at=later)])
    assert [(u.unit_id, u.at) for u in units(database)] == [("moto-0", NOON), ("moto-1", later)]


def test_a_unit_that_was_sent_is_not_free(store: Store, database: Engine) -> None:
    ingest(store, [message("moto-7"), message("moto-8")])
    row = {
        "raised_us": 1, "edge_id": "e", "epoch": 1, "camera_id": "c", "captured_us": 1, "plate": "ABC123",
        "likelihood": 0.9, "hotlist_entry_id": 1, "list_name": "l", "reason": "stolen", "priority": 1,
        "explanation": "", "late": False, "passage_first_us": 1, "passage_last_us": 1,
    }  # fmt: skip
    states = (("moto-7", "dispatched"), ("moto-8", "closed"))
    with database.begin() as connection:
        for seq, (sent, state) in enumerate(states, start=1):
            connection.execute(insert(alert).values(row | {"seq": seq, "unit_id": sent, "state": state}))
    assert [(u.unit_id, u.state) for u in units(database)] == [("moto-7", "sent"), ("moto-8", "free")]
    proposed = nearest(units(database), HERE, now=NOON, fresh=FRESH)
    assert [each.unit_id for each in proposed] == ["moto-8"]


def a_unit(name: str, lat: float, lon: float, *, state: str = "free", age_s: float = 0) -> Unit:
    return Unit(name, None, state, lat, lon, NOON - timedelta(seconds=age_s))


def test_the_nearest_free_unit_of_whom_we_have_heard_comes_first() -> None:
    found = [
        a_unit("far", 6.30, -75.58),
        a_unit("near", 6.2450, -75.5812),
        a_unit("busy", HERE.lat, HERE.lon, state="busy"),
        a_unit("silent", HERE.lat, HERE.lon, age_s=121),
        a_unit("just in time", 6.2460, -75.5812, age_s=120),
        a_unit("of another centre, whose clock is a little ahead", 6.2470, -75.5812, age_s=-1),
        a_unit("of before our clock was set back", HERE.lat, HERE.lon, age_s=-121),
    ]
    proposed = nearest(found, HERE, now=NOON, fresh=FRESH)
    assert [each.unit_id for each in proposed] == [
        "near",
        "just in time",
        "of another centre, whose clock is a little ahead",
        "far",
    ]
    assert proposed[0].metres == pytest.approx(89, abs=1)


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=8))
def test_nobody_nearer_comes_later(places: list[tuple[float, float]]) -> None:
    found = [a_unit(f"u{number}", *place) for number, place in enumerate(places)]
    metres = [each.metres or 0.0 for each in nearest(found, HERE, now=NOON, fresh=FRESH)]
    assert metres == sorted(metres)
    assert len(metres) == len(places)


def test_what_is_kept_is_when_it_was_said(store: Store, database: Engine) -> None:
    ingest(store, [message("moto-7", received_at=NOON + timedelta(hours=1))])
    assert [row["at_us"] for row in rows(database, unit)] == [to_us(NOON)]
