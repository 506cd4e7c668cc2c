"""A plate that a court has ordered to be erased: shown by nothing at once, then in no byte; on both databases."""

import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import damaged
import pytest
from central_city import FIRST
from central_messages import list_plates, read_message, rows
from central_reads import a_read, put
from erasing import LATER, PLATE, TODAY, Scene
from sqlalchemy import Delete, Engine, Update, event, insert, update
from told_alerts import plan_all

from central.access.audit import verify
from central.alert.log import Act, events, note
from central.archive.pictures import open_packs
from central.archive.place import LocalArchive
from central.archive.schema import DERIVED, READS
from central.archive.table import live_files, open_archive
from central.consume.store import Outcome
from central.db import (
    alert,
    alert_event,
    alert_trail,
    api_answer,
    api_key,
    dead_letter,
    delivery,
    erased_mark,
    erased_read,
    erasure,
    hot_read,
    hotlist_entry,
    late_update,
    legal_hold,
    picture,
    suppressed_read,
    suppression,
    taken_file,
    to_us,
)
from central.erase import archive as rewriting
from central.erase.certificate import issued
from central.erase.plate import Needle
from central.erase.purge import TOUCHED
from central.erase.remove import WORDS
from central.erase.run import DONE, Result
from central.erase.search import Aim
from central.errors import ErasureError, QueryError, StoreError
from central.hotlist.suppress import Term as SuppressedTerm
from central.hotlist.suppress import enter as suppress
from central.maintain import Step
from central.query.pictures import pictures_of
from central.types import Arrival, EventKind, Look
from edge.contract.delivery import Stream
from edge.contract.read import ReadId

AIM = Aim(Needle(PLATE))


@pytest.fixture
def scene(database: Engine, tmp_path: Path) -> Scene:
    """Without a read."""
    return Scene(database, tmp_path)


@pytest.fixture
def full(scene: Scene) -> Scene:
    scene.fill()
    return scene


def others(shown: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [row for row in shown if row[2] != PLATE]


def test_shown_by_nothing_at_once_and_then_in_no_byte(full: Scene) -> None:
    before, files, held = full.shown(), full.city.files(READS), full.city.held()
    mine = [row for row in before if row[2] == PLATE]
    assert len(mine) > 5
    assert full.counted() == len(before)
    assert full.search(AIM).found, "or the search proves nothing"
    assert plan_all(full.engine) > 0

    ordered = full.order()
    assert full.shown() == others(before)
    assert full.shown(PLATE) == []
    assert full.counted() == len(before) - len(mine)
    assert rows(full.engine, alert) == rows(full.engine, alert_trail) == rows(full.engine, alert_event) == []
    assert rows(full.engine, delivery) == []
    assert rows(full.engine, hotlist_entry) == rows(full.engine, dead_letter) == []
    with pytest.raises(QueryError, match="no picture"):
        pictures_of(full.engine, ReadId("edge-2", 7, 1))
    assert len(pictures_of(full.engine, ReadId("edge-2", 7, 2))) == 1
    assert ordered.removed["reads"] == len(mine) - 3, "two are hot, one is an update"
    assert (ordered.removed["hot_read"], ordered.removed["late_update"]) == (2, 1)
    assert verify(full.engine, full.key).fault == ""

    packs, (pack,) = open_packs(full.settings), {str(row["pack"]) for row in rows(full.engine, picture)}
    (result,) = full.run(now=TODAY)
    assert result.waiting == (pack,), "its hour is not over"
    assert b"000001" in packs.whole(pack)
    assert full.run() == [Result(1, DONE)]
    whole = packs.whole(pack)
    assert [number in whole for number in (b"000001", b"000002", b"000003")] == [False, True, False]

    assert full.search(AIM).found == []
    assert full.shown() == others(before)
    assert full.counted() == len(others(before))
    assert full.city.held() == held, "what is derived holds as before"
    _check_certificate(full, files)
    _check_files(full)
    assert rows(full.engine, erased_read) == []
    assert [row["plate_box"] for row in rows(full.engine, erasure)] == [None]
    assert full.run() == [], "nothing is left to do"
    full.seal()
    full.city.maintain(datetime(2025, 2, 4, 2, tzinfo=UTC))
    full.city.check()
    assert full.shown() == others(before)


def _check_certificate(scene: Scene, files: list[str]) -> None:
    content, _ = issued(scene.engine, 1, scene.key)
    assert content["found"] == []
    assert content["removed"]["archive"] >= 5
    assert PLATE not in str(content)
    touched = {file["name"] for file in content["files"] if file["name"].startswith("reads/")}
    assert touched == {f"reads/{name}" for name in set(files) - set(scene.city.files(READS))}
    assert all(file["before"] != file["after"] for file in content["files"])


def _check_files(scene: Scene) -> None:
    """Nothing lies there that no table names."""
    archive = LocalArchive(scene.settings.archive.path)
    for layout in (READS, *DERIVED):
        table = open_archive(archive, layout)
        assert table is not None
        folder = archive.scratch / layout.folder
        there = {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
        assert {name for name in there if "_delta_log" not in name} == {f.name for f in live_files(table)}


def test_a_window_leaves_what_lies_outside(full: Scene) -> None:
    before = full.shown()
    since, until = datetime(2025, 1, 27, tzinfo=UTC), datetime(2025, 1, 28, tzinfo=UTC)
    mine = [row for row in before if row[2] == PLATE and row[3] < until]
    left = [row for row in before if row not in mine]
    assert mine
    assert PLATE in {row[2] for row in left}
    full.order(since=since, until=until)
    assert full.shown() == left
    assert full.run() == [Result(1, DONE)]
    assert full.shown() == left
    assert full.counted() == len(left)
    assert full.take(full.messages(50, PLATE)).counts["erased"] == 0
    full.city.maintain(datetime(2025, 2, 4, 2, tzinfo=UTC))
    full.city.check()


def test_cut_off_at_every_commit_and_every_step_it_is_finished_all_the_same(
    full: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = full.shown()
    full.order()
    real, attempts, left = rewriting.commit, 0, 0

    def cut(*args: object, **more: object) -> None:
        """Its process ends at one of the commits: by turns before it and behind it."""
        nonlocal left
        left -= 1
        if left or attempts % 2:
            real(*args, **more)
        if not left:
            raise StoreError("cut off at a commit")

    monkeypatch.setattr(rewriting, "commit", cut)
    while left <= 0:  # until an attempt has none left to be cut at
        attempts += 1
        left = attempts // 2 + 1
        with pytest.raises(StoreError, match="cut off"):
            full.run(on_step=_cut_after(1))
        assert full.shown() == others(before)
    assert attempts > 4
    # Before files are deleted; pictures blanked; the work list; twice in the purge and the search; the second purge.
    for steps in (2, 3, 1, 2, 1, 2, 3):
        with pytest.raises(StoreError, match="cut off"):
            full.run(on_step=_cut_after(steps))
        assert full.shown() == others(before)
        assert full.counted() == len(others(before))
    assert [row["state"] for row in rows(full.engine, erasure)] == ["signed"]
    assert full.run() == [Result(1, DONE)]
    assert full.search(AIM).found == []
    assert full.shown() == others(before)
    assert full.counted() == len(others(before))
    full.city.check_held()


def _cut_after(steps: int) -> Callable[[Step], None]:
    """Ends a run before the step after so many."""
    left = steps

    def cut(_step: Step) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreError("cut off")

    return cut


def test_what_comes_again_is_refused_and_counted(scene: Scene) -> None:
    scene.take(scene.messages(1, PLATE, "XYZ789"))
    scene.order()
    read, crop = scene.messages(10, PLATE)
    assert scene.take([crop]).counts["picture"] == 1, "its read is not known yet"
    outcome = scene.take([read, *scene.messages(11, PLATE, "QQQ111")])
    assert (outcome.counts["erased"], outcome.counts["read"], outcome.counts["picture"]) == (3, 1, 1)
    assert {row["plate"] for row in rows(scene.engine, hot_read)} == {"XYZ789", "QQQ111"}
    assert {row["read_seq"] for row in rows(scene.engine, picture)} == {2, 12}
    spans = {(span.first, span.last) for span in outcome.replies[0].ack.streams[Stream.READ].ranges}
    assert (10, 12) in spans, "the edge may delete them"
    assert scene.run() == [Result(1, DONE)]
    assert len(rows(scene.engine, erased_mark)) == 3
    assert scene.take(scene.messages(20, PLATE)).counts["erased"] == 2
    assert scene.search(AIM).found == []


def test_an_alert_of_another_time_tells_nothing_of_the_reads(scene: Scene) -> None:
    scene.list_plate()
    for seq, second in ((1, 0), (2, 20)):
        at = TODAY + timedelta(seconds=second)
        scene.take([read_message(a_read(seq, plate=PLATE, captured_at=at, edge_id="edge-2"))])
    assert [row["kind"] for row in rows(scene.engine, alert_event)] == ["raised", "joined"]
    scene.order(since=TODAY + timedelta(seconds=10))
    assert [row["seq"] for row in rows(scene.engine, alert_trail)] == [1]
    assert [row["kind"] for row in rows(scene.engine, alert_event)] == ["raised"]


def test_nor_where_and_when_the_first_of_them_was(scene: Scene) -> None:
    scene.list_plate()
    for seq, second in ((2, 20), (1, 0)):
        at = TODAY + timedelta(seconds=second)
        scene.take([read_message(a_read(seq, plate=PLATE, captured_at=at, edge_id="edge-2"))])
    with scene.engine.begin() as connection:  # of another entry, that looks like it
        connection.execute(update(alert).values(plate="XYZ789"))
    scene.order(until=TODAY + timedelta(seconds=10))
    (row,) = rows(scene.engine, alert)
    told = [row[name] for name in ("captured_us", "passage_first_us", "passage_last_us")]
    assert told == [to_us(TODAY + timedelta(seconds=20))] * 3


def test_nor_does_one_that_was_taken_in(scene: Scene) -> None:
    """Alerts #1 and #2 prove to be of one vehicle, then both of them and #3: their trails move, their events stay."""
    scene.list_plate()
    for seq, second in ((1, 0), (2, 50), (3, 25), (4, 100), (5, 75), (6, 500)):
        at = TODAY + timedelta(seconds=second)
        scene.take([read_message(a_read(seq, plate=PLATE, captured_at=at, edge_id="edge-2"))])
    merged = {row["alert_id"]: row["merged_into"] for row in rows(scene.engine, alert)}
    assert merged == {1: None, 2: 1, 3: 1, 4: None}
    with scene.engine.begin() as connection:  # as where the last was taken in by one that was then taken in
        connection.execute(update(alert).where(alert.c.alert_id == 3).values(merged_into=2))
        others = update(alert).where(alert.c.alert_id != 1)  # of another entry, that looks like it
        connection.execute(others.values(plate="XYZ789", captured_us=0, seq=alert.c.seq + 1_000))
    scene.order(since=TODAY + timedelta(seconds=10), until=TODAY + timedelta(seconds=200))
    named = {json.loads(str(row["detail"])).get("seq") for row in rows(scene.engine, alert_event)}
    assert named == {None, 1, 6}


@pytest.mark.parametrize("typed", ["ABC-003", "abc003", "Abc 003", "A.B.C.0.0.3"])
def test_nor_what_people_typed_of_it(scene: Scene, typed: str) -> None:
    list_plates(scene.engine, scene.folder, "XYZ789,CO,,stolen,1,SIJIN,C-1,,2026-12-31", at=FIRST)
    (scene.folder / "hotlist.csv").unlink()
    scene.take(scene.messages(1, "XYZ789"))
    with scene.engine.begin() as connection:
        note(connection, 1, Act(EventKind.SEEN, TODAY, "ana", {"note": f"era {typed}, no esta"}))
    assert scene.order().removed["alert_event.detail"] == 1
    with scene.engine.connect() as connection:
        notes = [event.act.detail.get("note") for event in events(connection, 1)]
    assert notes == [None, "era ..., no esta"]
    assert scene.run() == [Result(1, DONE)]


def test_words_about_another_alert_are_kept_without_the_plate(scene: Scene) -> None:
    list_plates(scene.engine, scene.folder, "XYZ789,CO,,stolen,1,SIJIN,C-1,,2026-12-31", at=FIRST)
    (scene.folder / "hotlist.csv").unlink()
    scene.take(scene.messages(1, "XYZ789"))
    with scene.engine.begin() as connection:
        note(connection, 1, Act(EventKind.REJECTED, TODAY, "ana", {"as": "misread", "saw": PLATE}))
    ordered = scene.order()
    assert ordered.removed["alert_event.detail"] == 1
    with scene.engine.connect() as connection:
        assert [event.act.detail.get("saw") for event in events(connection, 1)] == [None, "..."]
    assert scene.run() == [Result(1, DONE)]


def test_a_letter_that_spells_it_is_kept_without_what_it_said(scene: Scene) -> None:
    scene.order()
    said = (b'{"plate": "ABC 003", oh', b'{"plate": "ABC0031", oh')
    scene.take([Arrival(f"lpr/v1/0/site-1/edge-2/{n}", text, TODAY, n) for n, text in enumerate(said)])
    assert sorted(bytes(row["payload"]) for row in rows(scene.engine, dead_letter)) == [b"", said[1]]


def test_a_plate_under_a_legal_hold_is_refused_until_it_is_lifted(scene: Scene) -> None:
    put(scene.engine, [a_read(1, plate=PLATE, captured_at=TODAY, camera_id="cam-0")])
    hold = {"case_number": "2025-9", "legal_basis": "law", "entered_by": "eva", "entered_us": 1}
    lifted = legal_hold.update().values(lifted_by="eva", lifted_us=2, lifted_why="over")
    with scene.engine.begin() as connection:
        connection.execute(insert(legal_hold).values(camera_id="cam-0", **hold))
    with pytest.raises(ErasureError, match=r"reads of the plate are under a legal hold \(#1, case 2025-9\)"):
        scene.order()
    with scene.engine.begin() as connection:
        connection.execute(lifted)
        connection.execute(insert(legal_hold).values(plate=PLATE, since_us=to_us(LATER), **hold))
    with pytest.raises(ErasureError, match="the plate is under a legal hold"):
        scene.order()
    assert rows(scene.engine, erasure) == []
    assert len(scene.shown()) == 1
    scene.order(until=LATER)
    assert scene.shown() == []
    with scene.engine.begin() as connection:
        connection.execute(lifted)
    scene.order()
    assert [row["plate"] for row in rows(scene.engine, legal_hold)] == [None], "that of the camera stays"


def test_a_listed_plate_needs_a_word(scene: Scene) -> None:
    scene.list_plate()
    with pytest.raises(ErasureError, match="stands in medellin: --with-lists"):
        scene.order(with_lists=False)
    assert rows(scene.engine, erasure) == []
    assert len(rows(scene.engine, hotlist_entry)) == 1
    scene.order(with_lists=True)
    assert rows(scene.engine, hotlist_entry) == []


def test_a_suppression_of_the_plate_goes_with_all_that_it_held_back(scene: Scene) -> None:
    look = Look("ana", "stopped by mistake", "2026-117")
    for plate in (PLATE, "ABC004"):
        term = SuppressedTerm(plate, "CO", None, None, TODAY, TODAY + timedelta(days=1))
        suppress(scene.engine, term, look, reason="recovered", log=lambda *_: None)
    with scene.engine.begin() as connection:
        for number in (1, 2):
            row = {"suppression_id": number, "edge_id": "edge-9", "epoch": 7, "seq": number, "captured_us": 1}
            connection.execute(insert(suppressed_read), [row])
    assert scene.order().suppressions == 1, "who was protected by it is told"
    assert [row["plate"] for row in rows(scene.engine, suppression)] == ["ABC004"]
    assert [row["suppression_id"] for row in rows(scene.engine, suppressed_read)] == [2]


def test_a_suppression_that_is_over_is_no_loss(scene: Scene) -> None:
    term = SuppressedTerm(PLATE, "CO", None, None, TODAY - timedelta(days=2), TODAY)
    suppress(scene.engine, term, Look("ana", "by mistake", "2026-117"), reason="r", log=lambda *_: None)
    ordered = scene.order()
    assert (ordered.suppressions, ordered.removed["suppression"]) == (0, 1)


def test_words_of_entries_suppressions_reports_and_receivers_are_kept_without_the_plate(scene: Scene) -> None:
    list_plates(scene.engine, scene.folder, "XYZ789,CO,,stolen,1,SIJIN,C-1,,2026-12-31", at=FIRST)
    (scene.folder / "hotlist.csv").unlink()
    scene.take(scene.messages(1, "XYZ789"))
    assert plan_all(scene.engine) > 0
    term = SuppressedTerm("ABC004", "CO", None, None, TODAY, TODAY + timedelta(days=1))
    suppress(scene.engine, term, Look("ana", "by mistake", "2026-117"), reason="r", log=lambda *_: None)
    told = {"refused_lines": [{"line": 2, "reason": f"{PLATE} (CO) stands in line 1 already"}]}
    report = {"name": "stolen.csv", "identity": "1:2:3", "report": json.dumps(told)}
    said = {
        hotlist_entry: ("source", "legal_basis", "note", "ended_why"),
        suppression: ("reason", "lifted_why"),
        delivery: ("said",),
    }
    with scene.engine.begin() as connection:
        for table, names in said.items():
            connection.execute(update(table).values(dict.fromkeys(names, "goes with abc-003, they say")))
        connection.execute(insert(taken_file).values(report))
        holder = {
            "id": 1,
            "name": "sijin",
            "digest": "",
            "rights": "",
            "lists": "",
            "made_by": "ana",
            "made_us": 0,
        }
        connection.execute(insert(api_key).values(holder | {"expires_us": 0}))
        answer = {"key_id": 1, "token": "t", "request": "", "answer": json.dumps(told), "at_us": 0}
        connection.execute(insert(api_answer).values(answer))
    assert {found.where.partition(": ")[2] for found in scene.search(AIM).found} >= {
        "taken_file.report",
        "api_answer.answer",
        *(f"{table.name}.{name}" for table, names in said.items() for name in names),
    }
    scene.order()
    for table, names in said.items():
        assert {row[name] for row in rows(scene.engine, table) for name in names} == {
            "goes with ..., they say"
        }
    (report_left,), (answer_left,) = rows(scene.engine, taken_file), rows(scene.engine, api_answer)
    for left in (report_left["report"], answer_left["answer"]):
        assert json.loads(str(left))["refused_lines"] == [
            {"line": 2, "reason": "... (CO) stands in line 1 already"}
        ]
    assert scene.run() == [Result(1, DONE)]


def test_words_that_are_only_spelt_alike_are_not_kept_in_memory(scene: Scene) -> None:
    report = f"A Bomberos del Centro, 100 de 30, {PLATE[:-1]} " + "." * 10_000
    said = [report] * 2_999 + [f"{report}{PLATE}"]
    names = [
        {"name": f"{n}.csv", "identity": "1:2:3", "report": words} for n, words in enumerate(said, start=1)
    ]
    with scene.engine.begin() as connection:
        connection.execute(insert(taken_file), names)
    assert sum(map(len, said)) > 30_000_000
    tracemalloc.start()
    try:
        assert scene.order().removed == {"taken_file.report": 1}
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert Counter(str(row["report"]) for row in rows(scene.engine, taken_file)) == {
        report: 2_999,
        f"{report}...": 1,
    }


def test_every_table_of_which_rows_go_is_written_anew(scene: Scene) -> None:
    """On PostgreSQL what was deleted from another one would stay in its pages."""
    touched: set[str] = set()

    def look(_connection: object, statement: object, *_: object) -> None:
        if isinstance(statement, Delete | Update):
            touched.add(statement.table.name)

    scene.fill()
    with scene.engine.begin() as connection:
        connection.execute(update(hotlist_entry).values(note=f"as {PLATE}"))
    event.listen(scene.engine, "before_execute", look)
    scene.order()
    event.remove(scene.engine, "before_execute", look)
    assert {"delivery", "alert", "hotlist_entry"} <= touched
    assert touched - {"table_version"} <= {table.name for table in TOUCHED}
    named = {column.table.name for column in WORDS}
    assert named <= {table.name for table in TOUCHED}


@pytest.mark.parametrize("where", ["reference", "purpose", "case_number"])
def test_an_order_that_would_write_the_plate_down_is_refused(scene: Scene, where: str) -> None:
    said = {"reference": "STC-1", "purpose": "a court", "case_number": "2025-1", where: "on abc-003"}
    look = Look("ana", said["purpose"], said["case_number"])
    with pytest.raises(ErasureError, match="names the plate"):
        scene.order(look=look, reference=said["reference"])


def test_a_read_that_another_plate_s_grammar_put_right_keeps_what_was_put_right(scene: Scene) -> None:
    spelt = a_read(1, plate="A8C003", plate_raw="ABC003", captured_at=TODAY)
    put(scene.engine, [spelt])
    put(scene.engine, [spelt.model_copy(update={"seq": 2})], table=late_update, update_seq=1)
    scene.order()
    for table in (hot_read, late_update):
        (row,) = rows(scene.engine, table)
        assert (row["plate"], row["plate_raw"]) == ("A8C003", "A8C003")
        assert PLATE not in str(row["message"])


def test_a_place_where_it_still_stands_is_named_and_the_certificate_waits(scene: Scene) -> None:
    scene.take(scene.messages(1, PLATE))
    export = scene.folder / "exports" / "march.csv"
    export.write_text("time,plate\n2025-02-02,ABC003\n")
    scene.order()
    (result,) = scene.run()
    assert result.found == (f"{export} (1)",)
    with pytest.raises(ErasureError, match="not finished"):
        issued(scene.engine, 1, scene.key)
    export.unlink()
    assert scene.run() == [Result(1, DONE)]
    assert issued(scene.engine, 1, scene.key)[0]["found"] == []


def test_two_orders_are_done_in_turn(scene: Scene) -> None:
    put(scene.engine, [a_read(n, plate=PLATE, captured_at=TODAY + timedelta(days=n)) for n in (1, 2, 3)])
    scene.seal()
    scene.order(until=TODAY + timedelta(days=1, hours=1))
    scene.order(since=TODAY + timedelta(days=2), until=TODAY + timedelta(days=2, hours=1))
    assert [row[1] for row in scene.shown()] == [3]
    assert [each.state for each in scene.run()] == [DONE, DONE]
    assert [row[1] for row in scene.shown()] == [3]


def test_an_order_is_refused_while_a_damaged_file_may_keep_a_read_back(scene: Scene) -> None:
    put(scene.engine, [a_read(1, plate=PLATE, captured_at=TODAY)])
    scene.seal()
    (hit,) = (scene.settings.archive.path / "reads").glob("captured_date=*/*.parquet")
    damaged.tear(hit)
    with pytest.raises(ErasureError, match=r"captured_date=.* is damaged \(.* bytes\): mend it first"):
        scene.order()
    assert rows(scene.engine, erasure) == []


def test_no_read_slips_in_beside_an_order(scene: Scene) -> None:
    """Whoever stores a batch meanwhile commits it before the order, which then sees it, or after, and knows of it."""
    begun, over, outcomes = Event(), Event(), list[Outcome]()

    def consume() -> None:
        for first in range(1, 2_000, 2):
            outcomes.append(scene.take(scene.messages(first, PLATE, "XYZ789")))
            begun.set()
            if over.is_set():
                return

    with ThreadPoolExecutor(1) as consumer:
        consuming = consumer.submit(consume)
        assert begun.wait(60)
        scene.order()
        last = len(outcomes)
        while len(outcomes) < last + 3 and not consuming.done():
            time.sleep(0.01)
        over.set()
        consuming.result()
    assert outcomes[0].counts["erased"] == 0
    assert outcomes[-1].counts["erased"] == 2
    assert {row["plate"] for row in rows(scene.engine, hot_read)} == {"XYZ789"}
    assert all(int(str(row["read_seq"])) % 2 == 0 for row in rows(scene.engine, picture))
    assert scene.run(now=TODAY + timedelta(days=9)) == [Result(1, DONE)]
    assert scene.search(AIM).found == []


def test_a_damaged_file_holds_up_a_run(scene: Scene) -> None:
    put(
        scene.engine,
        [a_read(1, plate=PLATE, captured_at=TODAY), a_read(2, plate="XYZ789", captured_at=TODAY)],
    )
    scene.seal()
    (name,) = scene.city.files(READS)
    file = scene.settings.archive.path / "reads" / name
    whole = file.read_bytes()
    hit = bytearray(whole)
    hit[60] ^= 1
    scene.order()
    file.write_bytes(hit)
    with pytest.raises(StoreError, match="maintenance sees to it first"):
        scene.run()
    file.write_bytes(whole)
    assert scene.run() == [Result(1, DONE)]
    assert [row[1] for row in scene.shown()] == [2]
