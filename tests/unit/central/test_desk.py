"""Nothing is handed out that is not in the audit log first; what is new is handed out once."""

import json
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from central_reads import LASTING, NOON, a_read, put
from sqlalchemy import Engine, insert, select

from central.access.audit import AuditLog, verify
from central.access.key import AuditKey
from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import alert, alert_trail, audit, late_update, picture, to_us
from central.errors import CancelledError, QueryError, StoreError
from central.query.area import Area, Circle, Position
from central.query.cameras import CameraPlace
from central.query.desk import Desk
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.query.watch import Watch
from central.sections import QuerySettings
from central.types import Look, Reason

LOOK = Look("ana.rojas", "stolen motorcycle", "2026-117")
KEY = AuditKey(bytes(32))


@pytest.fixture
def engine(database: Engine) -> Engine:
    return database


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def reads(engine: Engine, archive: Path):
    with Reads(engine, LocalArchive(archive), QuerySettings(), rules=LASTING) as opened:
        yield opened


@pytest.fixture
def desk(engine: Engine, reads: Reads) -> Desk:
    log = AuditLog(engine, KEY, clock=lambda: NOON)
    return Desk(LOOK, log=log, key=KEY, reads=reads, engine=engine)


def logged(engine: Engine) -> list[tuple]:
    with engine.begin() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.action, row.rows, json.loads(row.detail)) for row in rows]


def raise_alert(engine: Engine, seq: int, *, raised_at=NOON, with_pictures: bool = False) -> None:
    read = a_read(seq)
    key = {"edge_id": read.edge_id, "epoch": read.epoch}
    with engine.begin() as connection:
        number = connection.execute(
            insert(alert)
            .values(
                **key,
                seq=seq,
                raised_us=to_us(raised_at),
                camera_id="cam-1",
                captured_us=to_us(read.best_at),
                plate="ABC123",
                likelihood=0.8,
                hotlist_entry_id=1,
                list_name="stolen",
                reason="stolen",
                priority=3,
                explanation="exactly the plate listed",
                late=False,
                passage_first_us=0,
                passage_last_us=0,
            )
            .returning(alert.c.alert_id)
        ).scalar_one()
        connection.execute(
            insert(alert_trail).values(
                **key, seq=seq, alert_id=number, captured_us=to_us(read.best_at), camera_id="cam-1"
            )
        )
        if with_pictures:
            place = {"pack": "2025-03-04/12-0.pack", "offset": 5, "length": 9, "sha256": "0" * 64}
            connection.execute(insert(picture).values(**key, read_seq=seq, kind="crop", seq=1, **place))


class TestLooksAreLogged:
    def test_a_history_is_logged_before_and_after(self, desk: Desk, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(2), a_read(3, plate="XYZ987")])
        since = NOON - timedelta(hours=1)
        answer = desk.history(Question(plate="abc-123", cameras=("cam-1",), since=since, limit=9))
        assert [read.seq for read in answer.reads] == [2, 1]
        asked = {
            "plate": KEY.of_plate("ABC123"),
            "cameras": ["cam-1"],
            "since": "2025-03-04T11:00:00+00:00",
            "until": None,
            "limit": 9,
            "form": "table",
        }
        assert logged(engine) == [("history", None, asked), ("history.shown", 2, {"look": 1})]
        assert verify(engine, KEY).fault == ""

    def test_the_log_holds_no_plate(self, desk: Desk, engine: Engine, tmp_path: Path) -> None:
        desk.history(Question(plate="QXZ987"))
        desk.counts(Question(plate="QXZ987"))
        engine.dispose()
        assert b"QXZ987" not in b"".join(p.read_bytes() for p in tmp_path.glob("central.sqlite*"))

    def test_patterns_are_hashed_and_areas_told(self, desk: Desk, engine: Engine) -> None:
        put(engine, [a_read(1)])
        area = Area(Circle(Position(6.25, -75.6), 500), ("cam-1",))
        question = Question(pattern=compile_pattern("abc 12?", alike=True), area=area, limit=9)
        desk.seen(question, form="csv")
        asked = {
            "plate": None,
            "pattern": KEY.of_plate("ABC12?"),
            "alike": True,
            "cameras": [],
            "area": "500 m around 6.25, -75.6",
            "since": None,
            "until": None,
            "limit": 9,
            "form": "csv",
        }
        assert logged(engine) == [("seen", None, asked), ("seen.shown", 1, {"look": 1})]

    def test_each_kind_of_question_is_logged(self, desk: Desk, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(2, camera_id="cam-2"), a_read(3, plate="XYZ987")])
        since, one = Question(since=NOON), Question(plate="ABC123")
        assert [len(desk.places(one, zone=UTC).places), len(desk.heatmap(since, zone=UTC).rows)] == [2, 2]
        assert len(desk.volumes(since, zone=UTC).rows) == 2
        cameras = {"cam-2": CameraPlace("Calle 33", Position(6.25, -75.6))}
        journey = desk.journey(one, cameras=cameras, gap=timedelta(hours=1))
        assert [passage.camera for passage in journey.passages] == ["", "Calle 33"]
        actions = ("places", "heatmap", "volumes", "journey")
        shown = [(action, rows) for action, rows, _ in logged(engine) if rows is not None]
        assert shown == [(f"{action}.shown", 2) for action in actions]

    def test_a_journey_is_that_of_one_vehicle(self, desk: Desk, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(2, plate="A8C123")])
        alike = Question(pattern=compile_pattern("ABC123", alike=True))
        found = desk.journey(alike, cameras={}, gap=timedelta(hours=1))
        assert [(passage.plate, passage.reads) for passage in found.passages] == [("ABC123", 2)]
        for question in (Question(since=NOON), Question(pattern=compile_pattern("ABC12?"))):
            with pytest.raises(QueryError, match="one vehicle"):
                desk.journey(question, cameras={}, gap=timedelta(hours=1))

    @pytest.mark.parametrize("why", [KeyboardInterrupt, CancelledError])
    def test_a_question_that_is_given_up_is_logged(
        self, desk: Desk, engine: Engine, reads: Reads, monkeypatch: pytest.MonkeyPatch, why: type
    ) -> None:
        def give_up(*_: object, **__: object):
            raise why

        monkeypatch.setattr(reads, "seen", give_up)
        with pytest.raises(why):
            desk.seen(Question(plate="ABC123"))
        assert logged(engine)[1] == ("seen.failed", None, {"look": 1, "why": why.__name__})

    def test_the_look_is_in_the_log_when_the_answer_is_made(
        self, desk: Desk, engine: Engine, reads: Reads
    ) -> None:
        seen: list[int] = []

        class Spying(Reads):
            def find(self, question: Question, *, detailed: bool = False):
                assert not detailed
                seen.append(len(logged(engine)))
                return reads.find(question)

        desk._reads = Spying.__new__(Spying)
        desk.history(Question(plate="ABC123"))
        assert seen == [1]

    def test_a_question_that_fails_is_logged(self, desk: Desk, engine: Engine) -> None:
        with pytest.raises(QueryError):
            desk.history(Question(cameras=("nowhere",)))
        assert logged(engine)[1] == ("history.failed", None, {"look": 1, "why": "QueryError"})

    def test_a_log_that_cannot_be_written_shows_nothing(
        self, desk: Desk, engine: Engine, reads: Reads
    ) -> None:
        put(engine, [a_read(1)])

        class Full(AuditLog):
            def begin(self, *_: object) -> int:
                raise StoreError("disk full")

        closed = Desk(LOOK, log=Full(engine, KEY, clock=lambda: NOON), key=KEY, reads=reads, engine=engine)
        with pytest.raises(StoreError, match="disk full"):
            closed.history(Question(plate="ABC123"))

    def test_a_wrong_question_never_gets_as_far(self, desk: Desk, engine: Engine) -> None:
        with pytest.raises(QueryError, match="not a plate"):
            desk.history(Question(plate="%"))
        assert logged(engine) == []

    def test_what_is_taken_away_is_logged(self, desk: Desk, engine: Engine) -> None:
        raise_alert(engine, 1, with_pictures=True)
        raise_alert(engine, 2, with_pictures=True)
        desk.history(Question(plate="ABC123"), form="csv")
        desk.alerts(limit=5, form="json", with_pictures=True)
        desk.alerts(limit=5)
        entries = logged(engine)
        assert entries[0][2]["form"] == "csv"
        assert entries[2:] == [
            ("alerts", None, {"limit": 5, "form": "json", "with_pictures": True}),
            ("alerts.shown", 2, {"look": 3, "pictures": 2}),
            ("alerts", None, {"limit": 5, "form": "table", "with_pictures": False}),
            ("alerts.shown", 2, {"look": 5}),
        ]

    def test_alerts_come_with_their_pictures(self, desk: Desk, engine: Engine) -> None:
        raise_alert(engine, 1)
        raise_alert(engine, 2, with_pictures=True)
        found, evidence = desk.alerts(limit=5)
        assert [(a.alert_id, a.reason, a.captured_at) for a in found] == [
            (2, Reason.STOLEN, a_read(2).best_at),
            (1, Reason.STOLEN, a_read(1).best_at),
        ]
        assert [
            (e.alert_id, e.picture.kind, e.picture.places[0].offset, e.picture.read.seq) for e in evidence
        ] == [(2, "crop", 5, 2)]
        assert [(action, shown) for action, shown, _ in logged(engine)] == [
            ("alerts", None),
            ("alerts.shown", 2),
        ]

    def test_watching_is_one_look_that_tells_how_much_it_showed(self, desk: Desk, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(2)])
        with desk.watching() as watch:
            assert logged(engine) == [("tail", None, {})]
            watch.fresh(since=NOON)
        assert logged(engine)[1] == ("tail.shown", 2, {"look": 1})


class TestWatch:
    @pytest.fixture
    def watch(self, reads: Reads, engine: Engine) -> Watch:
        return Watch(reads, engine)

    def test_each_read_is_handed_out_once_however_often_it_is_sealed(
        self, watch: Watch, engine: Engine, archive: Path
    ) -> None:
        shown = []
        for seq in range(1, 13):
            put(engine, [a_read(seq)])
            shown += [read.seq for read in watch.fresh(since=NOON)]
            if seq % 3 == 0:
                seal(engine, LocalArchive(archive), clock=lambda: NOON)
        assert shown == list(range(1, 13))
        assert watch.fresh(since=NOON) == []
        assert watch.shown == 12

    def test_reads_that_were_sealed_before_they_were_seen_are_handed_out(
        self, watch: Watch, engine: Engine, archive: Path
    ) -> None:
        put(engine, [a_read(1)])
        watch.fresh(since=NOON)
        put(engine, [a_read(2), a_read(3)])
        seal(engine, LocalArchive(archive), clock=lambda: NOON)
        assert [read.seq for read in watch.fresh(since=NOON)] == [2, 3]

    def test_a_late_read_is_new_when_it_arrives(self, watch: Watch, engine: Engine) -> None:
        put(engine, [a_read(1)])
        watch.fresh(since=NOON)
        put(
            engine, [a_read(2, captured_at=NOON - timedelta(days=9))], received_at=NOON + timedelta(seconds=3)
        )
        assert [read.seq for read in watch.fresh(since=NOON)] == [2]

    def test_a_read_whose_commit_took_long_is_handed_out(self, watch: Watch, engine: Engine) -> None:
        put(engine, [a_read(30)])
        watch.fresh(since=NOON)
        put(engine, [a_read(15)])
        assert [read.seq for read in watch.fresh(since=NOON)] == [15]

    def test_an_update_is_no_new_read(self, watch: Watch, engine: Engine, archive: Path) -> None:
        put(engine, [a_read(1), a_read(2)])
        watch.fresh(since=NOON)
        seal(engine, LocalArchive(archive), clock=lambda: NOON)
        put(engine, [a_read(2, votes=4)], table=late_update, update_seq=1)
        assert watch.fresh(since=NOON) == []

    def test_what_came_before_it_began_is_not_shown(self, watch: Watch, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(100)])
        assert [read.seq for read in watch.fresh(since=NOON + timedelta(seconds=60))] == [100]

    def test_a_burst_is_cut_and_owned_up_to(
        self, watch: Watch, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("central.query.watch.MOST_FRESH", 3)
        put(engine, [a_read(seq) for seq in range(1, 4)])
        assert len(watch.fresh(since=NOON)) == 3
        assert not watch.passed_over
        put(engine, [a_read(seq) for seq in range(4, 9)])
        assert [read.seq for read in watch.fresh(since=NOON)] == [6, 7, 8]
        assert watch.passed_over

    def test_totals_and_alerts(self, watch: Watch, engine: Engine, archive: Path) -> None:
        put(engine, [a_read(1)])
        seal(engine, LocalArchive(archive), clock=lambda: NOON)
        put(engine, [a_read(2)])
        raise_alert(engine, 1)
        assert (watch.totals().hot, watch.totals().archived) == (1, 1)
        assert [a.alert_id for a in watch.alerts(limit=3)] == [1]
