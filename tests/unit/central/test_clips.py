"""`central clips`: no clip is asked for, listed or handed out without who, why and for which case."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import a_store, ingest, list_plates, picture_message, read_message, rows
from central_reads import NOON, a_read
from edge_clips import MP4_HEAD, clip_parts, no_clip
from sqlalchemy import Engine, select, update

from central.access.audit import verify
from central.access.key import read_key
from central.clip.store import asked
from central.consume.link import MqttLink
from central.consume.store import Store
from central.db import audit, clip, reading
from central.sections import ClipSettings, MqttSettings
from central.settings import load
from central.types import Arrival, ClipState
from central.words import Words
from edge.contract.clip import LONGEST_S, ClipCommands, ClipRequest
from edge.contract.topics import Address, Kind, Numbered

VIDEO = MP4_HEAD + bytes(range(256)) * 1_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_in(tmp_path, clips={"before_s": 4, "after_s": 3})


@pytest.fixture
def engine(config: Path) -> Engine:
    return database_of(config)


@pytest.fixture
def store(engine: Engine, config: Path) -> Store:
    store = a_store(engine, config.parent / "state" / "pictures")
    store._clips = ClipSettings()
    return store


@pytest.fixture
def run(config: Path) -> Run:
    return runner(config)


def acts(engine: Engine) -> list[tuple[str, int | None, dict[str, object]]]:
    with reading(engine) as connection:
        found = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.action, row.rows, json.loads(row.detail)) for row in found]


def open_request(engine: Engine) -> ClipRequest:
    with reading(engine) as connection:
        (commands,) = asked(connection).values()
    (request,) = commands.clips
    return request


def deliver(store: Store, request: ClipRequest, payloads: list[bytes]) -> None:
    address = Address("site-1", "edge-1")
    topics = [Numbered(address, "cam-1", Kind.CLIP, 7, n, request.seq) for n in range(1, len(payloads) + 1)]
    ingest(store, [Arrival(str(t), p, NOON, 1) for t, p in zip(topics, payloads, strict=True)])


def test_asking_names_the_request_and_the_log_names_who(run: Run, engine: Engine, store: Store) -> None:
    ingest(store, [read_message(a_read(5))])
    result = run("clips", "ask", "edge-1/7/5", *LOOK)
    assert result.exit_code == 0, result.output
    request = open_request(engine)
    assert result.output.strip() == request.request
    assert (request.seq, request.epoch, request.camera_id) == (5, 7, "cam-1")
    assert (request.at, request.before_s, request.after_s) == (a_read(5).best_at, 4.0, 3.0)
    assert acts(engine) == [("clip.ask", None, {"read": "edge-1/7/5", "request": request.request})]
    (row,) = rows(engine, clip)
    assert row["asked_by"] == "ana.rojas"


def test_seconds_may_be_said(run: Run, engine: Engine, store: Store) -> None:
    ingest(store, [read_message(a_read(5))])
    assert run("clips", "ask", "edge-1/7/5", "--before", "8", "--after", "0", *LOOK).exit_code == 0
    request = open_request(engine)
    assert (request.before_s, request.after_s) == (8.0, 0.0)
    for seconds, code in ((LONGEST_S, 0), (LONGEST_S + 1, 2)):
        assert run("clips", "ask", "edge-1/7/5", "--before", str(seconds), *LOOK).exit_code == code


@pytest.mark.parametrize(
    ("read", "complaint"),
    [
        ("edge-1/7/6", "read edge-1/7/6 is not known, or long archived"),
        ("edge-1/7", "not a read: 'edge-1/7'; expected EDGE/EPOCH/SEQ"),
        ("edge-1/0/5", "not a read"),
        ("Edge/7/5", "not a read"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    run: Run, engine: Engine, store: Store, read: str, complaint: str
) -> None:
    ingest(store, [read_message(a_read(5))])
    result = run("clips", "ask", read, *LOOK)
    assert result.exit_code == 2
    assert complaint in result.output
    assert rows(engine, clip) == []


@pytest.mark.parametrize(
    "words", [("ask", "edge-1/7/5"), ("list",), ("save", "0" * 32, "x.mp4")], ids=lambda w: w[0]
)
def test_nothing_goes_without_who_why_and_for_which_case(
    run: Run, engine: Engine, store: Store, words: tuple[str, ...]
) -> None:
    ingest(store, [read_message(a_read(5))])
    result = run("clips", *words, *LOOK[2:])
    assert result.exit_code == 2
    assert "who asks (--as)" in result.output
    assert rows(engine, clip) == []
    assert acts(engine) == []


def test_what_came_is_listed_and_saved_and_each_look_is_logged(
    run: Run, engine: Engine, store: Store, tmp_path: Path, config: Path
) -> None:
    ingest(store, [read_message(a_read(5))])
    run("clips", "ask", "edge-1/7/5", *LOOK)
    request = open_request(engine)
    assert "asked" in run("clips", "list", *LOOK).output
    deliver(store, request, clip_parts(request, VIDEO))
    table = run("clips", "list", *LOOK).output
    assert all(word in table for word in ("came", request.request, "edge-1/7/5", "7.0", str(len(VIDEO))))
    assert "llegó" in run("clips", "list", *LOOK, language="es").output
    (listed,) = json.loads(run("clips", "list", "--json", *LOOK).output)["clips"]
    assert (listed["state"], listed["size"], listed["asked_by"]) == ("came", len(VIDEO), "ana.rojas")
    target = tmp_path / "clip.mp4"
    saved = run("clips", "save", request.request, str(target), *LOOK)
    assert saved.exit_code == 0, saved.output
    assert target.read_bytes() == VIDEO
    assert target.stat().st_mode & 0o777 == 0o600
    tail = acts(engine)[-2:]
    assert tail[0] == ("clip", None, {"request": request.request})
    assert (tail[1][0], tail[1][1], tail[1][2]["pictures"]) == ("clip.shown", 1, 1)
    assert verify(engine, read_key(config.parent / "state" / "audit.key")).fault == ""


def test_a_clip_that_is_gone_says_why(run: Run, engine: Engine, store: Store, tmp_path: Path) -> None:
    ingest(store, [read_message(a_read(5))])
    run("clips", "ask", "edge-1/7/5", *LOOK)
    request = open_request(engine)
    deliver(store, request, no_clip(request, reason="what the camera sent then is not held"))
    assert "what the camera sent then is not held" in run("clips", "list", *LOOK).output
    result = run("clips", "save", request.request, str(tmp_path / "x.mp4"), *LOOK)
    assert result.exit_code == 2
    assert "has not come, it is gone: what the camera sent then is not held" in result.output
    assert acts(engine)[-1][0] == "clip.failed"
    assert not (tmp_path / "x.mp4").exists()


def test_alerts_hand_their_clips_out_with_their_pictures_and_count_them(
    run: Run, engine: Engine, store: Store, tmp_path: Path
) -> None:
    list_plates(engine, tmp_path, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
    ingest(store, [read_message(a_read(5)), picture_message(a_read(5), 1)])
    request = open_request(engine)
    deliver(store, request, clip_parts(request, VIDEO))
    folder = tmp_path / "out"
    result = run("alerts", "list", "--pictures", str(folder), *LOOK)
    assert result.exit_code == 0, result.output
    assert {file.name for file in folder.iterdir()} == {
        "alert-1-edge-1-7-5-crop.jpg",
        "alert-1-edge-1-7-5-clip.mp4",
    }
    assert (folder / "alert-1-edge-1-7-5-clip.mp4").read_bytes() == VIDEO
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert acts(engine)[-1] == ("alerts.shown", 1, {"look": acts_begin(engine), "pictures": 2})


def test_a_clip_of_an_alert_that_is_not_what_was_sent_is_not_handed_out(
    run: Run, engine: Engine, store: Store, tmp_path: Path
) -> None:
    list_plates(engine, tmp_path, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
    ingest(store, [read_message(a_read(5))])
    request = open_request(engine)
    deliver(store, request, clip_parts(request, VIDEO))
    with engine.begin() as connection:
        connection.execute(update(clip).values(sha256="0" * 64))
    folder = tmp_path / "out"
    result = run("alerts", "list", "--pictures", str(folder), *LOOK)
    assert result.exit_code != 0
    assert "is not what its box said that it sent" in result.output
    assert list(folder.iterdir()) == []


def acts_begin(engine: Engine) -> int:
    """The number of the row before the last."""
    return len(acts(engine)) - 1


def test_settings_say_when_clips_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "central.yaml"
    path.write_text("clips: {ask: never}\n")
    assert load(path).clips.ask == "never"
    assert ClipSettings() == ClipSettings(ask="alerts", before_s=5.0, after_s=5.0)


@pytest.mark.parametrize("state", list(ClipState))
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_state_has_its_word(state: ClipState, language: str) -> None:
    assert not Words(language)(f"clip.{state}").startswith("clip.")


class FakeClient:
    """Stands where paho's client does."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str, bool]] = []
        self.rc = 0

    def publish(self, topic: str, payload: str, *, qos: int, retain: bool) -> object:
        assert qos == 1
        self.published.append((topic, payload, retain))
        return type("Info", (), {"rc": self.rc})()


def test_the_link_retains_what_an_edge_is_asked() -> None:
    link = MqttLink(MqttSettings(), None, clock=lambda: NOON, on_fault=lambda _: None)  # type: ignore[arg-type]
    link._client = client = FakeClient()  # type: ignore[misc, assignment]
    address = Address("site-1", "edge-1")
    assert link.connection == 0
    payload = ClipCommands(edge_id="edge-1").model_dump_json()
    assert link.command(address, payload)
    assert client.published == [(address.cmd, payload, True)]
    client.rc = 15  # MQTT_ERR_QUEUE_SIZE
    assert not link.command(address, payload)


def test_a_day_later_the_same_request_would_be_for_nothing(run: Run, engine: Engine, store: Store) -> None:
    """A read that came late, from a box that was away, is hot: it may be asked for, and the box answers."""
    late = a_read(6, captured_at=NOON - timedelta(days=2))
    ingest(store, [read_message(late, received_at=NOON)])
    assert run("clips", "ask", "edge-1/7/6", *LOOK).exit_code == 0
    assert open_request(engine).at == late.best_at
