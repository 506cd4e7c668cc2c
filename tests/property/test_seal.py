"""Any split of reads over seals, cut off at any point, gives each read exactly once in its newest version."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from central_reads import NOON, a_read, put, row_of
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, func, insert, select, update

from central.archive.write import seal
from central.db import hot_read, late_update, open_database


class CutOffError(BaseException):
    """What a crash looks like to the code that it hits: no handler of ours catches it."""


@contextmanager
def cut_off_at(engine: Engine, statement: int) -> Iterator[None]:
    """The process ends before the n-th statement from here; the open transaction rolls back."""
    left = statement

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CutOffError

    event.listen(engine, "before_cursor_execute", count_down)
    try:
        yield
    except CutOffError:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", count_down)


@dataclass(slots=True)
class World:
    """A centre and what it was told."""

    engine: Engine
    archive: Path
    newest: dict[int, int] = field(default_factory=dict)

    def receive(self, seqs: list[int]) -> None:
        fresh = [seq for seq in seqs if seq not in self.newest]
        if fresh:
            put(self.engine, [a_read(seq, captured_at=captured(seq)) for seq in fresh])
            self.newest.update(dict.fromkeys(fresh, 0))

    def improve(self, seq: int, update_seq: int) -> None:
        """An update, as the consumer takes it: into the hot row where no seal has it, else beside it."""
        if seq not in self.newest:
            return
        read = a_read(seq, captured_at=captured(seq), votes=4)
        row = row_of(read, update_seq=update_seq)
        same = {"edge_id": read.edge_id, "epoch": read.epoch, "seq": read.seq}
        with self.engine.begin() as connection:
            hot = update(hot_read).filter_by(**same).where(hot_read.c.seal_id.is_(None))
            changed = connection.execute(
                hot.where(hot_read.c.update_seq < update_seq).values(update_seq=update_seq, votes=4)
            ).rowcount
            free = select(hot_read.c.seq).filter_by(**same).where(hot_read.c.seal_id.is_(None))
            if not changed and connection.scalar(free) is None:
                held = connection.scalar(select(late_update.c.update_seq).filter_by(**same))
                if held is None or held < update_seq:
                    connection.execute(delete(late_update).filter_by(**same))
                    connection.execute(insert(late_update).values(row))
        self.newest[seq] = max(self.newest[seq], update_seq)

    def seal(self, chunk_rows: int, statement: int | None = None) -> None:
        if statement is None:
            seal(self.engine, self.archive, clock=lambda: NOON, chunk_rows=chunk_rows)
            return
        with cut_off_at(self.engine, statement):
            seal(self.engine, self.archive, clock=lambda: NOON, chunk_rows=chunk_rows)

    def unfinished(self) -> bool:
        """Whether rows are still in the database."""
        with self.engine.begin() as connection:
            tables = (hot_read, late_update)
            return any(connection.scalar(select(func.count()).select_from(t)) for t in tables)

    def archived(self) -> list[dict[str, Any]]:
        return DeltaTable(self.archive).to_pyarrow_table().to_pylist()


def captured(seq: int) -> Any:
    """Some reads are of another day than their neighbours."""
    return NOON + timedelta(hours=seq * 5)


SEQS = st.integers(1, 30)
STEPS = st.one_of(
    st.tuples(st.just("receive"), st.lists(SEQS, min_size=1, max_size=12, unique=True)),
    st.tuples(st.just("improve"), SEQS, st.integers(1, 5)),
    st.tuples(st.just("seal"), st.integers(2, 9), st.none() | st.integers(0, 25)),
)


def test_cut_off_at_every_statement_in_turn(tmp_path: Path) -> None:
    """Each call is cut off one statement later than the one before, until one comes to its end."""
    world = World(open_database(f"sqlite:///{tmp_path}/central.sqlite"), tmp_path / "archive")
    world.receive([1, 2])
    world.seal(chunk_rows=100)
    statement = 0
    while statement == 0 or world.unfinished():
        assert statement < 100, "cut off or not, a call must come to its end"
        fresh = 10 * statement + 10
        world.receive([fresh, fresh + 1, fresh + 2])
        world.improve(fresh - 10 if statement else 1, 1)
        world.seal(2, statement)
        statement += 1
    assert statement > 20
    assert_exact(world)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=1, max_size=8), st.lists(st.integers(4, 30), min_size=1, max_size=4))
def test_each_read_is_archived_once_in_its_newest_version(
    steps: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(open_database(f"sqlite:///{folder}/central.sqlite"), Path(folder) / "archive")
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
        world.receive([31, 32, 33])
        for cut in cuts:
            world.seal(2, cut)
        world.seal(chunk_rows=100)
        assert_exact(world)
        world.engine.dispose()


def assert_exact(world: World) -> None:
    rows = world.archived()
    assert sorted((row["seq"], row["update_seq"]) for row in rows) == sorted(world.newest.items())
    for row in rows:
        assert row["captured_date"] == row["captured_at"].date()
    assert not world.unfinished()
