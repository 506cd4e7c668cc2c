"""Where turning cameras stand: through the door, into the table, on the screen."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from io import StringIO
from pathlib import Path

import pytest
from central_messages import a_store, ingest, rows
from central_reads import NOON
from rich.console import Console
from sqlalchemy import Engine

from central.boxes import cameras_table
from central.consume.notices import MOST_CAMERAS
from central.consume.parse import parse
from central.consume.store import Store
from central.db import ptz_state
from central.query.lists import edges
from central.show import Style
from central.types import Arrival, DeadLetter, PtzArrival
from central.words import Words
from edge.contract.health import CameraHealth, CameraState, EdgeHealth, TriggerHealth, TriggerState
from edge.contract.ptz import PtzPhase, PtzState
from edge.contract.topics import Address

EDGE = Address("site-1", "edge-1")


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


def stands(phase: str, *, camera: str = "dome", late_s: float = 0.0, **more: object) -> Arrival:
    fields = {"edge_id": "edge-1", "camera_id": camera, "at": NOON, "phase": phase, **more}
    payload = PtzState.model_validate(fields).model_dump_json().encode()
    return Arrival(EDGE.ptz_state(camera), payload, NOON + timedelta(seconds=late_s), 1)


def health(*cameras: str, online: bool = True) -> Arrival:
    seen = tuple(CameraHealth(camera_id=name, state=CameraState.LIVE) for name in cameras)
    said = EdgeHealth(edge_id="edge-1", site_id="site-1", online=online, at=NOON, cameras=seen)
    return Arrival(EDGE.status, said.model_dump_json().encode(), NOON, 1)


def screen(engine: Engine, language: str = "en") -> str:
    out = StringIO()
    style = Style(zone=UTC, words=Words(language))
    Console(file=out, width=200).print(cameras_table(edges(engine), style, now=NOON))
    return out.getvalue()


def test_what_is_said_of_a_camera_is_of_that_camera() -> None:
    assert isinstance(parse(stands("watch")), PtzArrival)
    alien = Arrival(EDGE.ptz_state("other"), stands("watch").payload, NOON, 1)
    record = parse(alien)
    assert isinstance(record, DeadLetter)
    assert record.reason == "camera_id: the payload says 'dome', its topic 'other'"
    foreign = Arrival(Address("site-1", "edge-2").ptz_state("dome"), stands("watch").payload, NOON, 1)
    record = parse(foreign)
    assert isinstance(record, DeadLetter)
    assert "edge_id" in record.reason


def test_a_word_of_a_later_version_is_no_dead_letter(store: Store, database: Engine) -> None:
    payload = stands("watch").payload.replace(b'"watch"', b'"dreaming"')
    assert (
        ingest(store, [Arrival(EDGE.ptz_state("dome"), payload, NOON, 1), health("dome")]).counts["ptz"] == 1
    )
    assert edges(database)[0].ptz["dome"].phase is PtzPhase.UNKNOWN


def test_the_last_to_come_counts_in_one_batch_and_over_several(store: Store, database: Engine) -> None:
    counts = ingest(
        store, [health("dome"), stands("goto", preset="gate"), stands("watch", preset="gate")]
    ).counts
    assert (counts["ptz"], counts["health"], counts["dead"]) == (2, 1, 0)
    assert edges(database)[0].ptz["dome"].phase is PtzPhase.WATCH
    # A clock that was set back makes nothing stale.
    ingest(store, [stands("paused", at=NOON - timedelta(hours=1))])
    assert edges(database)[0].ptz["dome"].phase is PtzPhase.PAUSED


def test_each_camera_has_its_own_and_one_that_the_box_no_longer_has_is_not_shown(
    store: Store, database: Engine
) -> None:
    ingest(
        store,
        [stands("watch", camera="a", preset="gate"), stands("lost", camera="b"), stands("goto", camera="c")],
    )
    ingest(store, [health("a", "b", "fixed")])
    assert {name: state.phase for name, state in edges(database)[0].ptz.items()} == {
        "a": PtzPhase.WATCH,
        "b": PtzPhase.LOST,
    }


def test_the_screen_says_who_has_the_camera_and_until_when(store: Store, database: Engine) -> None:
    ingest(store, [health("dome", "fixed"), stands("watch", preset="gate")])
    (line,) = [line for line in screen(database).splitlines() if "dome" in line]
    assert "watching gate" in line
    ingest(store, [stands("paused", resumes_at=NOON + timedelta(minutes=1))])
    assert "an operator has it until 12:01:00" in screen(database)
    assert "la tiene un operador hasta 12:01:00" in screen(database, "es")


def test_of_a_box_that_is_gone_nobody_knows(store: Store, database: Engine) -> None:
    ingest(store, [health("dome", online=False), stands("watch", preset="gate")])
    assert "watching" not in screen(database)


def test_where_nothing_turns_there_is_no_such_column(store: Store, database: Engine) -> None:
    ingest(store, [health("fixed")])
    assert "tour" not in screen(database).splitlines()[0]
    ingest(store, [health("fixed", "dome"), stands("watch")])
    assert "tour" in screen(database).splitlines()[0]


@pytest.mark.parametrize("phase", list(PtzPhase))
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_phase_has_its_words(phase: PtzPhase, language: str) -> None:
    assert Words(language)(f"ptz.{phase}") != f"ptz.{phase}"


def test_what_beside_a_stream_is_not_believed_is_told(store: Store, database: Engine) -> None:
    triggers = (
        TriggerHealth(name="key", wakes=3),
        TriggerHealth(
            name="events", state=TriggerState.DISTRUSTED, detail="it kept silent where something moved"
        ),
        TriggerHealth(name="substream", state=TriggerState.LEARNING),
    )
    camera = CameraHealth(camera_id="fixed", state=CameraState.LIVE, triggers=triggers)
    said = EdgeHealth(edge_id="edge-1", site_id="site-1", online=True, at=NOON, cameras=(camera,))
    ingest(store, [Arrival(EDGE.status, said.model_dump_json().encode(), NOON, 1)])
    (line,) = [line for line in screen(database).splitlines() if "fixed" in line]
    assert line.rstrip().endswith("events: it kept silent where something moved")
    assert "substream" not in line


def test_a_box_that_invents_cameras_fills_no_table(database: Engine, store: Store) -> None:
    most = MOST_CAMERAS
    other = Address("site-1", "edge-2")
    state = PtzState.model_validate({"edge_id": "edge-2", "camera_id": "dome", "at": NOON, "phase": "watch"})
    ingest(store, [Arrival(other.ptz_state("dome"), state.model_dump_json().encode(), NOON, 1)])
    ingest(store, [stands("watch", camera=f"dome-{n}", late_s=n) for n in range(most + 9)])
    ingest(store, [stands("watch", camera="set-back", late_s=-9)])
    kept = [(row["edge_id"], row["camera_id"]) for row in rows(database, ptz_state)]
    assert ("edge-2", "dome") in kept, "another box loses nothing"
    mine = {camera for edge, camera in kept if edge == "edge-1"}
    assert mine == {"set-back", *(f"dome-{n}" for n in range(10, most + 9))}, "the newest stay"
