"""Legal holds: entered, listed and lifted, in turn with removal; the pictures of held reads; on both databases."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import JPEG, a_store, ingest, picture_message, read_message, rows
from central_reads import LASTING, NOON, a_read
from kept_pictures import KEEP, LATER
from sqlalchemy import Connection, Engine

from central.archive.holds import Hold, Order, enter, holds, lift
from central.archive.pictures import Packs
from central.archive.place import LocalArchive
from central.archive.retain_pictures import in_a_trail, retain_pictures
from central.archive.visible import Term
from central.archive.write import seal
from central.db import held_read, legal_hold, picture
from central.errors import HoldError
from central.lock import exclusive
from central.query.held import note_held, under_hold
from central.query.reads import Reads
from central.sections import QuerySettings
from edge.contract.read import ReadId

TERMS = [
    Term(plate="QQQ001", since=NOON),
    Term(camera_id="cam-1", since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=2)),
    Term(read=ReadId("edge-1", 7, 1)),
]


def order(term: Term, basis: str = "juzgado 3, oficio 88") -> Order:
    return Order(term, "2026-117", basis, "ana.rojas", NOON)


def quiet(_connection: Connection, _hold: Hold) -> None:
    """Writes nothing down."""


def archive_of(tmp_path: Path) -> LocalArchive:
    return LocalArchive(tmp_path / "archive")


@pytest.mark.parametrize("term", TERMS)
def test_a_hold_stands_until_it_is_lifted_and_stays_on_record(database: Engine, term: Term) -> None:
    noted: list[Hold] = []
    entered = enter(database, order(term), log=lambda _, hold: noted.append(hold))
    assert holds(database) == [entered] == noted
    assert (entered.number, entered.term, entered.lifted_at) == (1, term, None)
    at = NOON + timedelta(days=9)
    lifted = lift(database, 1, by="luis", at=at, why="case closed", log=lambda _, hold: noted.append(hold))
    assert holds(database) == []
    assert holds(database, lifted=True) == [lifted] == noted[1:]
    assert (lifted.lifted_at, lifted.lifted_by, lifted.why) == (at, "luis", "case closed")
    with pytest.raises(HoldError, match="no hold #1 stands"):
        lift(database, 1, by="luis", at=at, why="again", log=quiet)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (order(Term(camera_id="cam-1", since=NOON)), "give --from and --to"),
        (order(Term(plate="QQQ001", since=NOON, until=NOON)), "an empty time span"),
        (order(TERMS[0], basis=" "), "the legal basis"),
        (order(TERMS[0], basis="x" * 501), "the legal basis"),
    ],
)
def test_what_is_not_said_in_full_holds_nothing(database: Engine, wrong: Order, why: str) -> None:
    with pytest.raises(HoldError, match=why):
        enter(database, wrong, log=quiet)
    assert rows(database, legal_hold) == []


def test_a_hold_that_cannot_be_logged_is_none(database: Engine) -> None:
    def fail(_connection: Connection, _hold: Hold) -> None:
        raise HoldError("full")

    with pytest.raises(HoldError, match="full"):
        enter(database, order(TERMS[0]), log=fail)
    assert holds(database, lifted=True) == []


def test_a_hold_waits_for_a_removal_under_way(database: Engine) -> None:
    entering = threading.Thread(target=lambda: enter(database, order(TERMS[0]), log=quiet))
    with exclusive(database, "sealing", wait=True):
        entering.start()
        entering.join(0.3)
        assert holds(database) == []
    entering.join(20)
    assert len(holds(database)) == 1


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(("term", "kept"), list(zip(TERMS, ({1, 4}, {1}, {1}), strict=True)))
def test_the_pictures_of_held_reads_stay_until_the_hold_is_lifted(
    database: Engine, tmp_path: Path, term: Term, kept: set[int], *, sealed: bool
) -> None:
    store = a_store(database, tmp_path / "pictures")
    for seq, plate in enumerate(("QQQ001", "QQQ002", "QQQ003", "QQQ001"), start=1):
        read = a_read(seq, plate=plate, captured_at=NOON + timedelta(minutes=seq))
        jpeg = JPEG[:2] + b"\xff\xfe\x00\x08%06d" % seq + JPEG[2:]
        ingest(store, [read_message(read), picture_message(read, seq, jpeg=jpeg)])
    store._pictures.close()
    archive, packs = archive_of(tmp_path), Packs(tmp_path / "pictures")
    if sealed:
        seal(database, archive, clock=lambda: NOON)
    enter(database, order(term), log=quiet)

    def pictures_kept() -> set[object]:
        with Reads(database, archive, QuerySettings(), rules=LASTING) as reads:
            for _ in range(2):
                note_held(database, reads)
        retain_pictures(database, packs, keep=KEEP, now=LATER, ties=(in_a_trail, under_hold))
        return {row["read_seq"] for row in rows(database, picture)}

    assert pictures_kept() == kept
    lift(database, 1, by="luis", at=NOON, why="case closed", log=quiet)
    assert rows(database, held_read) == []
    assert pictures_kept() == set()
