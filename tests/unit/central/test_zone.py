"""Cells of UTC fold to the site's clock exactly, whatever the zone does."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.query.zone import Shifts, shifts

ZONES = [
    "America/Bogota",
    "Europe/Madrid",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Caracas",
    "Africa/Casablanca",
]
FOUND = {name: shifts(ZoneInfo(name)) for name in ZONES}


def local(found: Shifts, moment: datetime) -> tuple[int, int]:
    """Day since 1970 and hour, as the SQL has it."""
    cell = int(moment.timestamp()) // found.cell_s
    at = cell + [s.cells for s in found.shifts if s.begins <= cell][-1]
    per_hour = 3600 // found.cell_s
    return at // (24 * per_hour), at // per_hour % 24


@given(
    st.sampled_from(ZONES),
    st.integers(86_400, 36_523 * 86_400).map(
        lambda s: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
    ),
)
def test_a_cell_is_in_the_hour_that_the_clock_shows(name: str, moment: datetime) -> None:
    shown = moment.astimezone(ZoneInfo(name))
    assert local(FOUND[name], moment) == ((shown.date() - date(1970, 1, 1)).days, shown.hour)


@pytest.mark.parametrize("name", ["Europe/Madrid", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_the_second_before_and_after_a_change(name: str) -> None:
    found = FOUND[name]
    assert len(found.shifts) > 100
    for shift in found.shifts[1:]:
        change = datetime.fromtimestamp(shift.begins * found.cell_s, UTC)
        for moment in (change - timedelta(seconds=1), change):
            shown = moment.astimezone(ZoneInfo(name))
            assert local(found, moment)[1] == shown.hour


def test_hours_do_where_offsets_are_whole_hours() -> None:
    assert {name: FOUND[name].cell_s for name in ZONES} == {
        "America/Bogota": 3600,
        "Europe/Madrid": 3600,
        "Asia/Kolkata": 900,
        "Asia/Kathmandu": 900,
        "Australia/Lord_Howe": 900,
        "America/St_Johns": 900,
        "America/Caracas": 900,
        "Africa/Casablanca": 3600,
    }


def test_only_the_time_of_the_question_counts() -> None:
    caracas = ZoneInfo("America/Caracas")
    since_half = datetime(2010, 1, 1, tzinfo=UTC)
    since_whole = datetime(2020, 1, 1, tzinfo=UTC)
    assert shifts(caracas, since=since_half).cell_s == 900
    assert shifts(caracas, since=since_whole).cell_s == 3600
    assert shifts(caracas, since=since_half, until=since_whole).cell_s == 900
    assert [s.cells for s in shifts(caracas, since=since_whole).shifts] == [-4]


@pytest.mark.parametrize("since", [datetime(2150, 1, 1, tzinfo=UTC), datetime(1980, 1, 1, tzinfo=UTC)])
def test_times_that_no_read_has_are_no_fault(since: datetime) -> None:
    assert shifts(ZoneInfo("America/Bogota"), since=since).shifts[0].cells == -5


def test_a_fixed_offset_is_a_zone_too() -> None:
    found = shifts(timezone(timedelta(hours=-5)))
    assert [(s.begins, s.cells) for s in found.shifts] == [(0, -5)]


class Counted(tzinfo):
    """Five hours behind, and how often that was asked."""

    asked = 0

    def utcoffset(self, _moment: datetime | None) -> timedelta:
        self.asked += 1
        return timedelta(hours=-5)

    def dst(self, _moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _moment: datetime | None) -> str:
        return "counted"


def test_a_question_without_an_end_asks_each_day_once_and_the_next_one_none() -> None:
    zone, since = Counted(), datetime(2026, 1, 1, tzinfo=UTC)
    shifts(zone, since=since)
    per_look = 2  # once to find the local time, once to tell its offset
    days = 75 * 366
    assert zone.asked <= per_look * (days + 75 + 1)
    before = zone.asked
    shifts(zone, since=since + timedelta(days=3))
    assert zone.asked - before <= per_look


def test_a_short_question_looks_at_its_own_years() -> None:
    zone = Counted()
    shifts(zone, since=datetime(2026, 12, 30, tzinfo=UTC), until=datetime(2027, 1, 2, tzinfo=UTC))
    assert zone.asked <= 2 * (2 * 367 + 1)
