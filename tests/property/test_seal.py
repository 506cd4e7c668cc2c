"""Any split of reads over seals, cut off at any point, gives each read exactly once in its newest version."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from archived import archived_rows
from central_messages import a_store, ingest, read_message, update_message
from central_reads import NOON, a_read
from cut_off import cut_off_at
from databases import NewDatabase
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.consume.store import Store
from central.db import hot_read, late_update
from edge.contract.read import PlateRead


@dataclass(slots=True)
class World:
    """A centre and what it was told: the newest update of each read, 0 where none came."""

    engine: Engine
    folder: Path
    store: Store
    newest: dict[int, int] = field(default_factory=dict)
    updates: set[int] = field(default_factory=set)

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def receive(self, seqs: list[int]) -> None:
        ingest(self.store, [read_message(look(seq, 0)) for seq in seqs])
        for seq in seqs:
            self.newest.setdefault(seq, 0)

    def improve(self, seq: int, number: int) -> None:
        """An update; a number that came before is a repetition, whatever it says."""
        ingest(self.store, [update_message(look(seq, number), number)])
        if number not in self.updates:
            self.updates.add(number)
            self.newest[seq] = max(self.newest.get(seq, 0), number)

    def seal(self, chunk_rows: int, statement: int | None = None) -> None:
        if statement is None:
            seal(self.engine, LocalArchive(self.archive), clock=lambda: NOON, chunk_rows=chunk_rows)
            return
        with cut_off_at(self.engine, statement):
            seal(self.engine, LocalArchive(self.archive), clock=lambda: NOON, chunk_rows=chunk_rows)

    def unfinished(self) -> bool:
        """Whether rows are still in the database."""
        with self.engine.begin() as connection:
            tables = (hot_read, late_update)
            return any(connection.scalar(select(func.count()).select_from(t)) for t in tables)

    def archived(self) -> list[dict[str, Any]]:
        return archived_rows(DeltaTable(self.archive / "reads")).to_pylist()


@contextmanager
def a_world(new_database: NewDatabase, folder: Path) -> Iterator[World]:
    with new_database(folder) as engine:
        store = a_store(engine, folder / "pictures")
        yield World(engine, folder, store)
        store._pictures.close()


def look(seq: int, number: int) -> PlateRead:
    """What update `number` says of a read; some reads are of another day than their neighbours."""
    return a_read(seq, captured_at=NOON + timedelta(hours=seq * 5), plate=f"ABC{number:03d}")


SEQS = st.integers(1, 30)
STEPS = st.one_of(
    st.tuples(st.just("receive"), st.lists(SEQS, min_size=1, max_size=12, unique=True)),
    st.tuples(st.just("improve"), SEQS, st.integers(1, 40)),
    st.tuples(st.just("seal"), st.integers(2, 9), st.none() | st.integers(0, 25)),
)


def test_cut_off_at_every_statement_in_turn(new_database: NewDatabase, tmp_path: Path) -> None:
    """Each call is cut off one statement later than the one before, until one comes to its end."""
    with a_world(new_database, tmp_path) as world:
        world.receive([1, 2])
        world.seal(chunk_rows=100)
        statement = 0
        while statement == 0 or world.unfinished():
            assert statement < 100, "cut off or not, a call must come to its end"
            fresh = 10 * statement + 10
            world.receive([fresh, fresh + 1, fresh + 2])
            # Updates in pairs, the newer one first: the older one is too late wherever its read has got to.
            world.improve(fresh - 10 if statement else 1, 2 * statement + 2)
            world.improve(fresh - 10 if statement else 1, 2 * statement + 1)
            world.seal(2, statement)
            statement += 1
        assert statement > 20
        assert_exact(world)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(STEPS, min_size=1, max_size=8), cuts=st.lists(st.integers(4, 30), min_size=1, max_size=4)
)
def test_each_read_is_archived_once_in_its_newest_version(
    new_database: NewDatabase, steps: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder, a_world(new_database, Path(folder)) as world:
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
        world.receive([31, 32, 33])
        for cut in cuts:
            world.seal(2, cut)
        world.seal(chunk_rows=100)
        assert_exact(world)


def assert_exact(world: World) -> None:
    rows = world.archived()
    assert sorted((row["seq"], row["update_seq"]) for row in rows) == sorted(world.newest.items())
    for row in rows:
        assert row["captured_date"] == row["captured_at"].date()
        assert row["plate"] == f"ABC{row['update_seq']:03d}"
    assert not world.unfinished()
