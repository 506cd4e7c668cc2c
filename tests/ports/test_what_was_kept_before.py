"""What a version before kept is opened, read, sealed and merged by this one, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from alembic import command
from alembic.config import Config
from central_reads import LASTING, NOON, a_read, put, row_of
from deltalake import DeltaTable, write_deltalake
from sqlalchemy import Connection, Engine, create_engine, insert, inspect, table, text
from sqlalchemy import column as named
from told_alerts import an_alert

from central.alert.vehicle import is_confirmed
from central.archive.place import LocalArchive
from central.archive.rows import to_table
from central.archive.schema import ADDED, PARTITION, READS, SCHEMA
from central.archive.write import seal
from central.db import alert_trail, hot_read, late_update, open_database
from central.errors import StoreError
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from central.types import DetailedRead, Gaze
from edge.contract.read import GeoPosition, PtzPosition

# The columns of the first archive, which nobody may change any more.
FIRST = [
    "captured_date",
    "captured_at",
    "edge_id",
    "epoch",
    "seq",
    "site_id",
    "camera_id",
    "plate",
    "country",
    "plate_class",
    "likelihood_e4",
    "first_offset_us",
    "last_offset_us",
    "received_offset_us",
    "vehicle_type",
    "vehicle_color",
    "direction",
    "votes",
    "frames",
    "late",
    "update_seq",
    "lane",
    "preset",
    "plate_raw",
    "characters",
    "box",
    "clock_error_us",
    "detector",
    "reader",
]
HELICOPTER = {
    "speed_mps": 13.888,
    "trust": "lower",
    "location": GeoPosition(lat=6.2442031, lon=-75.5812119),
    "preset": "gate",
    "ptz": PtzPosition(pan=-0.50001, tilt=0.1, zoom=0.25),
}

Ask = Callable[..., list[DetailedRead]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One with ten reads, of seal 1."""
    path = tmp_path / "archive"
    first = pa.schema([SCHEMA.field(name) for name in FIRST])
    table = path / "reads"
    DeltaTable.create(table, first, partition_by=PARTITION, name="reads", configuration=READS.properties)
    rows = to_table([row_of(a_read(seq)) for seq in range(1, 11)]).select(FIRST)
    write_deltalake(table, rows, mode="append")
    return path


@pytest.fixture
def ask(database: Engine, archive: Path) -> Ask:
    def find(*, detailed: bool = True, **question: object) -> list[DetailedRead]:
        with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
            answer = reads.find(Question(**{"since": NOON, **question}), detailed=detailed)
            return sorted(answer.reads, key=lambda read: read.seq)

    return find


def seal_now(database: Engine, archive: Path) -> None:
    seal(database, LocalArchive(archive), clock=lambda: NOON)


def told(read: DetailedRead) -> tuple[object, ...]:
    return read.speed_mps, read.trust, read.lat, read.lon, read.ptz


NOTHING = (None, "normal", None, None, None)
ALL = (13.89, "lower", 6.2442031, -75.5812119, Gaze(-0.5, 0.1, 0.25))


def test_the_first_columns_are_all_that_an_old_archive_lacks_nothing_of() -> None:
    assert sorted([*FIRST, *ADDED]) == sorted(SCHEMA.names)
    assert all(SCHEMA.field(name).nullable for name in ADDED)


def test_it_is_read_as_it_stands(ask: Ask) -> None:
    assert [told(read) for read in ask()] == [NOTHING] * 10
    assert [read.speed_mps for read in ask(detailed=False)] == [None] * 10


def test_hot_rows_beside_it_tell_what_it_cannot(ask: Ask, database: Engine) -> None:
    put(database, [a_read(11, **HELICOPTER)])
    assert told(ask()[-1]) == (*ALL[:4], ALL[4])
    assert [read.trust for read in ask(detailed=False)] == ["normal"] * 10 + ["lower"]


def test_new_reads_are_sealed_into_it(ask: Ask, database: Engine, archive: Path) -> None:
    old = set(DeltaTable(archive / "reads").file_uris())
    put(database, [a_read(11, **HELICOPTER), a_read(12)])
    seal_now(database, archive)
    assert [told(read) for read in ask()] == [NOTHING] * 10 + [ALL, NOTHING]
    assert old < set(DeltaTable(archive / "reads").file_uris()), "what is there is not written again"
    columns = {name for uri in old for name in pq.read_schema(uri).names}
    assert not columns & set(ADDED)


def test_an_update_of_an_old_read_is_merged_into_it(ask: Ask, database: Engine, archive: Path) -> None:
    put(database, [a_read(3, **HELICOPTER)], table=late_update, update_seq=1)
    assert told(ask()[2]) == ALL
    seal_now(database, archive)
    assert [told(read) for read in ask()] == [ALL if seq == 3 else NOTHING for seq in range(1, 11)]
    assert ask()[2].improved


def test_it_gets_its_columns_once(database: Engine, archive: Path) -> None:
    for seq in (11, 12):
        put(database, [a_read(seq)])
        seal_now(database, archive)
    log = [
        (archive / "reads" / "_delta_log" / f"{n:020}.json").read_text(encoding="utf-8")
        for n in range(DeltaTable(archive / "reads").version() + 1)
    ]
    assert sum('"operation":"ADD COLUMN"' in entry for entry in log) == 1


def test_a_merge_of_old_and_new_days_keeps_each_its_columns(
    ask: Ask, database: Engine, archive: Path
) -> None:
    put(database, [a_read(11, captured_at=NOON + timedelta(days=1), **HELICOPTER)])
    seal_now(database, archive)
    put(database, [a_read(5, votes=4), a_read(11, captured_at=NOON + timedelta(days=1), **HELICOPTER)],
        table=late_update, update_seq=1)  # fmt: skip
    seal_now(database, archive)
    assert [told(read) for read in ask()] == [NOTHING] * 10 + [ALL]
    assert [read.seq for read in ask() if read.improved] == [5, 11]


def test_one_that_lay_in_the_archive_s_own_folder_moves_with_the_next_seal(
    ask: Ask, database: Engine, archive: Path
) -> None:
    for entry in (archive / "reads").iterdir():
        entry.rename(archive / entry.name)
    with pytest.raises(
        StoreError, match=r"an earlier version; `python -m central seal` brings it up to date"
    ):
        ask()
    put(database, [a_read(11)])
    seal_now(database, archive)
    assert [read.seq for read in ask()] == list(range(1, 12))
    assert {entry.name for entry in archive.iterdir() if entry.is_dir()} == {"reads"}


def test_an_old_database_keeps_its_rows(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        config = _migrations(connection)
        command.upgrade(config, "0004")
        row = {
            name: value
            for name, value in row_of(a_read(1)).items()
            if name not in (*ADDED, "speed_mps", "lat", "lon")
        }
        connection.execute(insert(table("hot_read", *map(named, row))), [row])
    engine.dispose()
    opened = open_database(empty_database_url)
    with opened.begin() as connection:
        kept = connection.execute(hot_read.select()).mappings().one()
        assert (kept["plate"], kept["speed_mps"], kept["trust"], kept["lat"]) == ("ABC123", None, None, None)
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
        assert connection.scalar(text("SELECT plate FROM hot_read")) == "ABC123"
        assert not inspect(connection).has_table("ptz_state")
    opened.dispose()


def test_of_old_trails_only_what_is_confirmed_from_now_on_was_there_to_be_compared(
    empty_database_url: str,
) -> None:
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        config = _migrations(connection)
        command.upgrade(config, "head")
        raised = [an_alert(connection, seq, events=3) for seq in (1, 2)]
        connection.execute(
            alert_trail.update().where(alert_trail.c.alert_id == raised[1]).values(alert_id=77)
        )
        command.downgrade(config, "0019")
        command.upgrade(config, "head")
        kept = connection.execute(alert_trail.select().order_by(alert_trail.c.alert_id)).mappings()
        told = [(row["number"], row["alike"], row["refuted"]) for row in kept]
    engine.dispose()
    assert told == [(3, False, False), (0, False, False)]
    assert [is_confirmed(told[0][0], confirmation) for confirmation in (None, 2, 4)] == [None, False, True]


def _migrations(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
