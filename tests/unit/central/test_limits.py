"""From which likelihood on lists count, and what has changed of them: of a million entries too, without reading one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_messages import list_plates
from sqlalchemy import Connection, Engine, event

from central.db import open_database, reading
from central.hotlist.budget import limit_of_list
from central.hotlist.copies import sums
from central.hotlist.limits import limits
from central.hotlist.lists import Terms, change
from central.sections import MatchSettings

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
BUDGET = MatchSettings()


def lines(count: int) -> list[str]:
    return [f"AAA{n:03d},CO,,stolen,5,SIJIN,C-1,2026-01-01,2026-12-31" for n in range(count)]


def test_each_list_has_the_limit_of_its_length_and_its_own_budget(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, *lines(300), at=AT)
    list_plates(database, tmp_path, *lines(7), at=AT, list_name="bolo")
    change(database, "bolo", Terms(false_alarms_a_day=0.5), at=AT, log=lambda *_: None)
    with reading(database) as connection:
        found = limits(connection, BUDGET, at=AT)
        later = limits(connection, BUDGET, at=AT + timedelta(days=400))
    assert found == {"medellin": limit_of_list(300, BUDGET, None), "bolo": limit_of_list(7, BUDGET, 0.5)}
    over = {"medellin": limit_of_list(0, BUDGET, None), "bolo": limit_of_list(0, BUDGET, 0.5)}
    assert later == over, "what is over matches reads of before still"


def test_without_an_entry_there_is_none(database: Engine) -> None:
    with reading(database) as connection:
        assert limits(connection, BUDGET, at=AT) == {}


@pytest.mark.parametrize(
    "ask", [lambda connection: limits(connection, BUDGET, at=AT), lambda connection: sums(connection, at=AT)]
)
def test_they_are_read_from_an_index_alone(tmp_path: Path, ask: Callable[[Connection], object]) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    asked: list[tuple[str, tuple[object, ...]]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        if "hotlist_entry" in statement:
            asked.append((statement, parameters))

    with reading(engine) as connection:
        ask(connection)
    ((statement, parameters),) = asked
    with engine.connect() as connection:
        told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    steps = [str(row[3]) for row in told if "hotlist_entry" in row[3]]
    assert steps == ["SCAN hotlist_entry USING COVERING INDEX hotlist_entry_part"]
    engine.dispose()
