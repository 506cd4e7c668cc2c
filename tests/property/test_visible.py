"""What may be shown, told three times: in plain words here, by DuckDB for the archive, by the database for rows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from central_reads import a_read, hold_row, row_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from central.archive.rows import to_core_table
from central.archive.rules import Rules, shown
from central.archive.visible import Erased, Term, Visible
from central.db import hot_read, legal_hold, open_database
from edge.contract.read import PlateRead, ReadId

CUT = datetime(2025, 3, 4, 12, 0, 0, 5, tzinfo=UTC)
MOMENTS = st.sampled_from(
    [CUT + timedelta(microseconds=us) for us in (-1, 0, 1)]
    + [CUT + timedelta(days=days) for days in (-40, -1, 1)]
    + [datetime(2025, 3, day, tzinfo=UTC) for day in (3, 4, 5)]
)
PLATES = st.sampled_from(["ABC123", "XYZ789"])
CAMERAS = st.sampled_from(["cam-1", "cam-2"])
READS = st.builds(
    lambda plate, camera, at: a_read(1, plate=plate, camera_id=camera, captured_at=at),
    PLATES,
    CAMERAS,
    MOMENTS,
)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    spans = {name: draw(st.none() | MOMENTS) for name in ("since", "until")}
    kind = draw(st.sampled_from(["plate", "camera_id", "read"]))
    if kind == "plate":
        return Term(plate=draw(PLATES), **spans)
    if kind == "camera_id":
        return Term(camera_id=draw(CAMERAS), **spans)
    return Term(read=ReadId("edge-1", 7, draw(st.integers(1, 8))), **spans)


def names(term: Term, read: PlateRead) -> bool:
    at = read.best_at
    return (
        (term.plate is None or term.plate == read.plate)
        and (term.camera_id is None or term.camera_id == read.camera_id)
        and (term.read is None or term.read == read.id)
        and (term.since is None or at >= term.since)
        and (term.until is None or at < term.until)
    )


def told(visible: Visible, read: PlateRead) -> bool:
    young_or_kept = read.best_at >= visible.since or any(names(term, read) for term in visible.kept)
    return young_or_kept and read.id not in visible.erased.reads


def numbered(reads: Sequence[PlateRead]) -> list[PlateRead]:
    return [read.model_copy(update={"seq": seq}) for seq, read in enumerate(reads, start=1)]


def by_duckdb(visible: Visible, rows: pa.Table) -> set[int]:
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        for name, table in {"rows": rows, **visible.tables}.items():
            duck.register(name, table)
        sql = f"SELECT seq FROM rows WHERE {visible.condition}"  # noqa: S608
        return {seq for (seq,) in duck.sql(sql, params=visible.parameters).fetchall()}


@settings(max_examples=60, deadline=None)
@given(st.lists(READS, min_size=1, max_size=8), st.lists(terms(), max_size=4), st.sets(st.integers(1, 8)))
def test_the_archive_shows_what_may_be_shown_and_nothing_else(
    made: list[PlateRead], kept: list[Term], erased: set[int]
) -> None:
    reads = numbered(made)
    gone = [read for read in reads if read.seq in erased]
    days = frozenset(read.best_at.date() for read in gone)
    visible = Visible(CUT, kept, Erased(tuple(read.id for read in gone), days))
    expected = {read.seq for read in reads if told(visible, read)}
    assert by_duckdb(visible, to_core_table([row_of(read) for read in reads])) == expected
    for read in reads:
        day = read.best_at.date()
        assert told(visible, read) or not visible.is_whole(day)
        assert not (told(visible, read) and visible.is_over(day))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Engine:
    path = tmp_path_factory.mktemp("visible") / "central.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    return open_database(f"sqlite:///{path}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(READS, min_size=1, max_size=8), st.lists(terms(), max_size=4), st.lists(terms(), max_size=2))
def test_the_database_shows_the_same(
    engine: Engine, made: list[PlateRead], kept: list[Term], lifted: list[Term]
) -> None:
    reads = numbered(made)
    rules = Rules(keep=timedelta(days=1826), clock=lambda: CUT + timedelta(days=1826))
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(insert(hot_read), [row_of(read) for read in reads])
        holds = [*map(hold_row, kept), *(hold_row(term, lifted_us=2) for term in lifted)]
        if holds:
            connection.execute(insert(legal_hold), holds)
        visible = rules.in_force(connection)
        assert visible == Visible(CUT, tuple(kept))
        found = set(connection.scalars(select(hot_read.c.seq).where(shown(hot_read, visible))))
        transaction.rollback()
    assert found == {read.seq for read in reads if told(visible, read)}


def test_thousands_of_terms_are_answered() -> None:
    kept = [Term(plate=f"AAA{n:04}", since=CUT - timedelta(days=n)) for n in range(3000)]
    reads = numbered([a_read(1, plate=f"AAA{n:04}", captured_at=CUT - timedelta(days=9)) for n in range(20)])
    rows = to_core_table([row_of(read) for read in reads])
    assert by_duckdb(Visible(CUT, kept), rows) == set(range(10, 21)), (
        "from the tenth on the term reaches back"
    )


def test_a_cut_off_is_told_in_utc() -> None:
    with pytest.raises(ValueError, match="in UTC"):
        Visible(CUT.astimezone(timezone(timedelta(hours=-5))))


@pytest.mark.parametrize("named", [{}, {"plate": "ABC123", "camera_id": "cam-1"}])
def test_a_term_names_one_thing(named: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="one of them"):
        Term(**named)


def test_a_day_is_over_when_its_last_microsecond_is() -> None:
    day, midnight = date(2025, 3, 4), datetime(2025, 3, 5, tzinfo=UTC)
    assert Visible(midnight).is_over(day)
    assert not Visible(midnight - timedelta(microseconds=1)).is_over(day)
    assert Visible(datetime(2025, 3, 4, tzinfo=UTC)).is_whole(day)
    assert not Visible(datetime(2025, 3, 4, 0, 0, 0, 1, tzinfo=UTC)).is_whole(day)
    held = Term(plate="ABC123", until=datetime(2025, 3, 4, tzinfo=UTC))
    assert Visible(midnight, (held,)).is_over(day), "the hold ends where the day begins"
    assert not Visible(midnight, (Term(plate="ABC123"),)).is_over(day)
