"""Who is due for a hunt, in which order, and when again: on both databases."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from central_messages import list_plates, rows
from central_reads import NOON, a_read, put
from hunting import AT, KEEP, Hunt, listed
from sqlalchemy import Engine

from central.archive.set_aside import Missing
from central.db import audit, hotlist_entry, to_us
from central.errors import QueryError
from central.query import hunter as hunting
from central.query.answers import Seen
from central.query.hunt import Entry
from central.query.reads import Reads
from central.query.traces import due, keep_traces

DAY = timedelta(days=1)


@pytest.fixture
def hunt(database: Engine, tmp_path: Path) -> Hunt:
    return Hunt(database, tmp_path)


def in_turn(hunt: Hunt, *, most: int = 9) -> list[str]:
    return [entry.plate for entry in due(hunt.engine, hunt.at, hunt.at - KEEP * DAY, most=most)]


def lost(*, aside: bool) -> Missing:
    return Missing("reads/day.parquet", AT.date(), 7, "it is torn", aside=aside)


def unanswered(hunt: Hunt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look while the archive answers nothing."""

    def fail(*_: object, **__: object) -> None:
        raise QueryError("too slow")

    with monkeypatch.context() as patch:
        patch.setattr(Reads, "seen", fail)
        with pytest.raises(QueryError):
            hunt.look()


def test_who_was_changed_comes_before_whoever_waits(hunt: Hunt, tmp_path: Path) -> None:
    list_plates(hunt.engine, tmp_path, listed("AAA000"), listed("AAA001"))
    list_plates(hunt.engine, tmp_path, listed("AAA000").replace("stolen", "wanted"), at=AT)
    assert in_turn(hunt) == ["AAA000", "AAA001"]


def test_who_was_never_hunted_comes_before_those_to_be_hunted_again_who_take_turns(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(hunting, "seen_of", lambda *_, **__: ({}, [lost(aside=False)]))
        for plate in ("AAA000", "AAA001"):
            list_plates(hunt.engine, tmp_path, listed(plate), list_name=plate.lower(), at=hunt.at)
            assert hunt.look(after=timedelta(hours=1)) == 1
    list_plates(hunt.engine, tmp_path, listed("AAA002"))
    hunt.at += DAY
    assert in_turn(hunt) == ["AAA002", "AAA000", "AAA001"]
    assert in_turn(hunt, most=1) == ["AAA002"]


@pytest.mark.parametrize(("aside", "again"), [(True, 0), (False, 1)])
def test_what_lacks_a_file_that_is_gone_for_good_is_not_asked_for_again(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, aside: bool, again: int
) -> None:
    list_plates(hunt.engine, tmp_path, listed("AAA000"))
    with monkeypatch.context() as patch:
        patch.setattr(hunting, "seen_of", lambda *_, **__: ({}, [lost(aside=aside)]))
        assert hunt.look() == 1
    assert (hunt.told().hunted, hunt.told().lacking) == (1, again)
    (shown,) = (row for row in rows(hunt.engine, audit) if row["action"] == "hunt.shown")
    assert json.loads(str(shown["detail"]))["lacking"] == 1, "the log says what there was"
    assert hunt.look(after=DAY) == again


def test_who_gets_no_answer_is_asked_for_again_after_a_day(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(hunt.engine, [a_read(1, plate="AAA000")])
    list_plates(hunt.engine, tmp_path, listed("AAA000"))
    unanswered(hunt, monkeypatch)
    assert (hunt.told().hunted, hunt.told().found, hunt.told().lacking) == (1, 0, 1)
    assert hunt.look(after=DAY - timedelta(seconds=1)) == 0
    assert hunt.look(after=timedelta(seconds=1)) == 1
    assert (hunt.told().found, hunt.told().lacking) == (1, 0)


@pytest.mark.parametrize(("first_at", "kept"), [(NOON, 5), (NOON - timedelta(microseconds=1), 0)])
def test_what_was_found_stands_where_there_is_no_answer_as_long_as_it_may_be_shown(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_at: datetime, kept: int
) -> None:
    list_plates(hunt.engine, tmp_path, listed("AAA000"))
    (entry,) = rows(hunt.engine, hotlist_entry)
    found = Seen("AAA000", 5, 2, first_at, "cam-1", NOON + DAY, "cam-2")
    with hunt.engine.begin() as connection:
        before = Entry(1, "AAA000", "CO", "stolen", 1, int(str(entry["entered_us"])))
        keep_traces(connection, [before], {"AAA000": found}, at=AT, lacking=3)
    hunt.at = NOON + KEEP * DAY
    unanswered(hunt, monkeypatch)
    (row,) = hunt.rows()
    assert (row["reads"], row["hunted_us"], row["lacking"]) == (kept, to_us(hunt.at), 1)
    assert hunt.look() == 0
