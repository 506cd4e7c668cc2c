"""Looking back for a whole list, on both databases: compared with what plain loops over the reads say."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, config_in, database_of, runner
from central_messages import list_plates, rows
from central_reads import LASTING, NOON, a_read, put
from sqlalchemy import Engine

from central.access.audit import verify
from central.access.key import read_key
from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import audit
from central.errors import HotlistError, QueryError
from central.query.hunt import Hunted, Quarry, hunt
from central.query.plan import MOST_PLATES, Question
from central.query.reads import Reads
from central.sections import QuerySettings
from edge.contract.read import PlateRead

DAY = timedelta(days=1)
LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,2024-01-01,2026-12-31"
AT = NOON + 30 * DAY
PLATES = [f"AAA{number:03d}" for number in range(40)]


def some_reads() -> list[PlateRead]:
    """Of thirty days, of every third listed plate and of others."""
    chance = random.Random(3)
    return [
        a_read(
            seq,
            plate=chance.choice([*PLATES[::3], "XYZ789", "XYZ780"]),
            camera_id=f"cam-{chance.randrange(3)}",
            captured_at=NOON + timedelta(seconds=chance.randrange(30 * 86_400)),
        )
        for seq in range(1, 121)
    ]


@pytest.fixture(params=["hot", "sealed", "both"])
def kept(
    request: pytest.FixtureRequest, database: Engine, tmp_path: Path
) -> Iterator[tuple[Reads, list[PlateRead]]]:
    found = some_reads()
    half = {"hot": 0, "sealed": len(found)}.get(request.param, len(found) // 2)
    archive = LocalArchive(tmp_path / "archive")
    if half:
        put(database, found[:half])
        seal(database, archive, clock=lambda: NOON)
    if found[half:]:
        put(database, found[half:])
    with Reads(database, archive, QuerySettings(), rules=LASTING) as reads:
        yield reads, found


def hunted(engine: Engine, reads: Reads, *, limit: int = 100, **more: object) -> Hunted:
    quarry = Quarry("medellin", AT, AT - 10 * DAY, **more)  # type: ignore[arg-type]
    return hunt(engine, reads, quarry, limit=limit, on_step=lambda *_: None)


def test_every_entry_is_found_as_a_loop_over_the_reads_finds_it(
    database: Engine, tmp_path: Path, kept: tuple[Reads, list[PlateRead]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.query.hunt.MOST_PLATES", 7)  # of several portions
    list_plates(database, tmp_path, *(LISTED.replace("ABC123", plate) for plate in PLATES))
    list_plates(database, tmp_path, LISTED.replace("ABC123", "XYZ789"), list_name="interpol")
    reads, rows_ = kept
    found = hunted(database, reads)
    of = {plate: [row for row in rows_ if row.plate == plate] for plate in PLATES}
    seen = {plate: mine for plate, mine in of.items() if mine}
    assert (found.hunted, found.found, found.cut, found.missing) == (40, len(seen), False, ())
    newest = {plate: max(mine, key=lambda row: row.best_at) for plate, mine in seen.items()}
    assert [each.plate for each in found.traces] == sorted(
        newest, key=lambda p: newest[p].best_at, reverse=True
    )
    for each in found.traces:
        mine, last = seen[each.plate], newest[each.plate]
        assert (each.last_at, each.last_camera) == (last.best_at, last.camera_id)
        assert each.first_at == min(row.best_at for row in mine)
        assert each.reads == len(mine)
        assert each.recent == sum(row.best_at >= AT - 10 * DAY for row in mine)
    few = hunted(database, reads, limit=3)
    assert (few.traces, few.found, few.cut) == (found.traces[:3], len(seen), True)


def test_only_what_is_in_force_and_entered_since_is_hunted(database: Engine, tmp_path: Path) -> None:
    put(database, [a_read(1, plate=plate) for plate in ("AAA000",)])
    put(database, [a_read(2, plate="AAA001"), a_read(3, plate="AAA002")])
    over = LISTED.replace("ABC123", "AAA002").replace("2026-12-31", "2025-03-05")
    list_plates(database, tmp_path, LISTED.replace("ABC123", "AAA000"), over, at=NOON - DAY)
    list_plates(database, tmp_path, LISTED.replace("ABC123", "AAA001"), at=NOON + DAY)
    with Reads(database, LocalArchive(tmp_path / "archive"), QuerySettings(), rules=LASTING) as reads:
        everything = hunted(database, reads)
        assert {each.plate for each in everything.traces} == {"AAA000", "AAA001"}
        fresh = hunted(database, reads, entered_since=NOON)
        assert [each.plate for each in fresh.traces] == ["AAA001"]
        with pytest.raises(HotlistError, match="no list 'medelin' is known; known are medellin"):
            hunt(database, reads, Quarry("medelin", AT, AT), limit=1, on_step=lambda *_: None)


def test_too_many_plates_at_once_and_plates_beside_a_plate_are_refused(
    database: Engine, tmp_path: Path
) -> None:
    many = frozenset(f"P{number}" for number in range(MOST_PLATES + 1))
    with Reads(database, LocalArchive(tmp_path / "archive"), QuerySettings(), rules=LASTING) as reads:
        with pytest.raises(QueryError, match=f"{MOST_PLATES + 1} plates: expected at most {MOST_PLATES}"):
            reads.seen(Question(plates=many))
        with pytest.raises(QueryError, match="not two of them"):
            reads.seen(Question(plate="ABC123", plates=frozenset({"ABC124"})))


def test_the_command_tells_it_and_is_logged_without_plates(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    run, engine = runner(config), database_of(config)
    now = datetime.now(UTC)
    read_at = [now - 40 * DAY, now - 2 * DAY, now - DAY]
    put(engine, [a_read(seq, captured_at=at) for seq, at in enumerate(read_at, start=1)])
    lines = [
        line.replace("2026-12-31", "2199-12-31") for line in (LISTED, LISTED.replace("ABC123", "XYZ789"))
    ]
    list_plates(engine, tmp_path, *lines, at=now - DAY)
    shown = run("hunt", "medellin", *LOOK)
    assert shown.exit_code == 0
    assert "1 of 2 vehicles that are looked for were seen before\n" in shown.stdout
    assert " ".join(shown.stdout.split()).count("ABC123 (CO) stolen 1") == 1
    told = json.loads(run("hunt", "medellin", "--json", "--days", "1.5", *LOOK).stdout)
    (trace,) = told["traces"]
    assert (trace["plate"], trace["reads"], trace["recent"], told["cut"]) == ("ABC123", 3, 1, False)
    assert run("hunt", "medellin", "--as", "ana").exit_code == 2
    assert run("hunt", "nowhere", *LOOK).exit_code == 2
    acts = [(row["action"], str(row["detail"]), row["rows"]) for row in rows(engine, audit)]
    assert [(action, count) for action, _, count in acts] == [
        ("hunt", None),
        ("hunt.shown", 1),
        ("hunt", None),
        ("hunt.shown", 1),
        ("hunt", None),
        ("hunt.failed", None),
    ]
    assert not [detail for _, detail, _ in acts if "ABC123" in detail]
    assert verify(engine, read_key(tmp_path / "state" / "audit.key")).fault == ""
