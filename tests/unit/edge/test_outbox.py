import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from fakes import START, at, picture, reading

from edge import outbox
from edge.contract.delivery import Stream
from edge.contract.read import Character, ModelVersions, PictureRef, PlateRead
from edge.contract.topics import Kind as Topic
from edge.contract.topics import Numbered, parse
from edge.emission import Emission, Kind
from edge.evidence import CROP_BYTES, Shot
from edge.outbox import Outbox
from edge.settings import PicturesSettings
from edge.spool.queue import Outgoing, Spool
from edge.types import Box, Verdict

MODELS = ModelVersions(detector="d@000000000000", reader="r@111111111111")
FRAME = picture({7: Box(200, 100, 120, 60)})


def emission(
    plate: str = "KAB123", *, kind: Kind = Kind.READ, camera: str = "cam", track: int = 0
) -> Emission:
    return Emission(
        kind=kind,
        camera_id=camera,
        track_id=track,
        first_at=at(0),
        last_at=at(1),
        due_at=at(1.9),
        emitted_at=at(2),
        verdict=Verdict(
            plate=plate,
            plate_raw=plate,
            likelihood=0.9,
            characters=tuple(Character(char=c, likelihood=0.9) for c in plate),
            country=None,
            plate_class=None,
            vehicle=None,
            votes=2,
            frames=3,
        ),
        shot=Shot(
            at(0.5),
            Box(200, 100, 120, 60),
            (640, 360),
            0.8,
            reading(plate),
            FRAME[100:160, 200:320].copy(),
            FRAME,
        ),
        direction="approaching",
        preset=None,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "s.sqlite", edge_id="edge-1", max_bytes=10_000_000, clock=lambda: START) as spool:
        yield spool


@pytest.fixture
def box(spool: Spool) -> Outbox:
    return an_outbox(spool)


def an_outbox(
    spool: Spool, *, overview: Literal["always", "never"] = "always", listed: frozenset[str] = frozenset()
) -> Outbox:
    return Outbox(
        spool,
        edge_id="edge-1",
        site_id="site-1",
        pictures=PicturesSettings(overview=overview),
        clock_error_s=lambda: 0.25,
        is_listed=lambda read: read.plate in listed,
    )


def another_shot(one: Emission) -> Emission:
    """The same, seen a moment later."""
    return replace(one, shot=replace(one.shot, captured_at=at(0.75)))


@contextmanager
def full_disk(spool: Spool) -> Iterator[None]:
    """SQLite's way of one."""
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    filler = b"x" * 200
    with suppress(sqlite3.Error):
        while True:
            spool._db.execute("INSERT INTO meta VALUES (hex(randomblob(8)), ?)", (filler,))
    yield
    spool._db.execute(f"PRAGMA max_page_count = {pages + 100_000}")


def waiting(spool: Spool, *streams: Stream) -> list[tuple[Numbered, Outgoing]]:
    found = []
    for message in (m for stream in streams for m in spool.pending(stream, limit=100)):
        topic = parse(message.topic)
        assert isinstance(topic, Numbered)
        found.append((topic, message))
    return found


def test_a_read_goes_out_with_its_number_and_its_pictures(spool: Spool, box: Outbox) -> None:
    box.put(emission(), models=MODELS)
    ((topic, message),) = waiting(spool, Stream.READ)
    read = PlateRead.model_validate_json(message.payload)
    assert read.id == ("edge-1", spool.epoch, 1) == topic.read_id
    assert (read.site_id, read.camera_id, read.plate) == ("site-1", "cam", "KAB123")
    assert (read.first_at, read.best_at, read.last_at, read.emitted_at) == (at(0), at(0.5), at(1), at(2))
    assert read.clock_error_s == 0.25
    assert read.models == MODELS
    pictures = {
        topic.kind: message.payload for topic, message in waiting(spool, Stream.CROP, Stream.OVERVIEW)
    }
    assert set(pictures) == {Topic.CROP, Topic.OVERVIEW}
    assert len(pictures[Topic.CROP]) <= CROP_BYTES
    sizes = {k: cv2.imdecode(np.frombuffer(p, np.uint8), cv2.IMREAD_COLOR).shape for k, p in pictures.items()}
    assert sizes == {Topic.CROP: (60, 120, 3), Topic.OVERVIEW: (360, 640, 3)}


def test_an_update_bears_the_number_of_its_read(spool: Spool, box: Outbox) -> None:
    box.put(emission(track=0), models=MODELS)
    box.put(emission("XYZ987", track=1), models=MODELS)
    box.put(another_shot(emission("KAB128", kind=Kind.UPDATE, track=0)), models=MODELS)
    ((topic, message),) = waiting(spool, Stream.UPDATE)
    assert (topic.seq, topic.read_seq) == (1, 1)
    assert PlateRead.model_validate_json(message.payload).plate == "KAB128"
    assert len(waiting(spool, Stream.READ)) == 2
    assert len(waiting(spool, Stream.CROP, Stream.OVERVIEW)) == 6


def test_what_may_be_listed_goes_first_with_its_pictures_and_its_updates(tmp_path: Path) -> None:
    path, now = tmp_path / "listed.sqlite", [START]
    with Spool(path, edge_id="edge-1", max_bytes=10_000_000, clock=lambda: now[0]) as spool:
        box = an_outbox(spool, listed=frozenset({"XYZ987"}))
        for track, plate in enumerate(("KAB123", "XYZ987", "KAB124")):
            box.put(emission(plate, track=track), models=MODELS)
        for track, plate in ((0, "KAB123"), (2, "XYZ987")):
            update = another_shot(emission(plate, kind=Kind.UPDATE, track=track))
            box.put(update, models=MODELS)
        now[0] += timedelta(minutes=1)
        order = {stream: [topic.seq for topic, _ in waiting(spool, stream)] for stream in Stream}
    assert order[Stream.READ] == [2, 1, 3]
    assert order[Stream.UPDATE] == [2, 1]
    assert order[Stream.CROP] == order[Stream.OVERVIEW] == [2, 5, 1, 3, 4]


def test_equal_track_numbers_of_two_cameras_are_two_passages(spool: Spool, box: Outbox) -> None:
    box.put(emission(camera="north"), models=MODELS)
    box.put(emission("XYZ987", camera="south"), models=MODELS)
    box.put(replace(emission("XYZ986", camera="south"), kind=Kind.UPDATE), models=MODELS)
    ((topic, _),) = waiting(spool, Stream.UPDATE)
    assert (topic.camera_id, topic.read_seq) == ("south", 2)


def test_an_update_of_a_read_long_gone_is_said(
    spool: Spool, box: Outbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outbox, "_REMEMBERED", 2)
    for track in range(3):
        box.put(emission(track=track), models=MODELS)
    box.put(emission(kind=Kind.UPDATE, track=0), models=MODELS)
    assert "update of a read long gone" in capsys.readouterr().out
    assert waiting(spool, Stream.UPDATE) == []
    box.put(emission(kind=Kind.UPDATE, track=2), models=MODELS)
    assert len(waiting(spool, Stream.UPDATE)) == 1


def test_an_update_without_a_new_shot_brings_no_pictures(spool: Spool, box: Outbox) -> None:
    box.put(emission(), models=MODELS)
    box.put(emission("KAB128", kind=Kind.UPDATE), models=MODELS)
    assert len(waiting(spool, Stream.CROP)) == len(waiting(spool, Stream.OVERVIEW)) == 1
    ((_, message),) = waiting(spool, Stream.UPDATE)
    named = PlateRead.model_validate_json(message.payload).pictures
    assert named == PictureRef(crop=True, overview=True), "those that the read came with"
    box.put(another_shot(emission("KAB129", kind=Kind.UPDATE)), models=MODELS)
    box.put(another_shot(emission("KAB127", kind=Kind.UPDATE)), models=MODELS)
    assert len(waiting(spool, Stream.CROP)) == len(waiting(spool, Stream.OVERVIEW)) == 2


def test_where_the_site_wants_no_overview_none_goes(spool: Spool) -> None:
    box = an_outbox(spool, overview="never")
    box.put(emission(), models=MODELS)
    box.put(another_shot(emission("KAB128", kind=Kind.UPDATE)), models=MODELS)
    assert (len(waiting(spool, Stream.CROP)), len(waiting(spool, Stream.OVERVIEW))) == (2, 0)
    for _, message in waiting(spool, Stream.READ, Stream.UPDATE):
        named = PlateRead.model_validate_json(message.payload).pictures
        assert named == PictureRef(crop=True, overview=False)


def plates(spool: Spool, stream: Stream = Stream.READ) -> list[str]:
    return [PlateRead.model_validate_json(m.payload).plate for _, m in waiting(spool, stream)]


def test_on_a_full_disk_emissions_wait_in_memory_and_go_out_in_order(spool: Spool, box: Outbox) -> None:
    box.put(emission(track=0), models=MODELS)
    with full_disk(spool):
        box.put(emission("KAB124", track=1), models=MODELS)
        box.put(emission("KAB125", track=2), models=MODELS)
        box.put(another_shot(emission("KAB126", kind=Kind.UPDATE, track=1)), models=MODELS)
        box.retry()
        assert box.fault.startswith("3 reads and updates wait in memory, 0 lost: ")
        assert "cannot be written: database or disk is full" in box.fault
        assert plates(spool) == ["KAB123"]
    box.retry()
    assert box.fault == ""
    assert plates(spool) == ["KAB123", "KAB124", "KAB125"]
    ((topic, _),) = waiting(spool, Stream.UPDATE)
    assert topic.read_seq == 2
    assert len(waiting(spool, Stream.CROP)) == 4


def test_what_finds_no_room_in_memory_is_counted_and_its_update_stands_in(
    spool: Spool, box: Outbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outbox, "_KEPT", 2)
    with full_disk(spool):
        for track in range(3):
            box.put(emission(f"KAB12{track}", track=track), models=MODELS)
        assert box.fault.startswith("2 reads and updates wait in memory, 1 lost: ")
        assert "lost, because the spool cannot be written" in capsys.readouterr().out
    box.put(emission("KAB129", kind=Kind.UPDATE, track=0), models=MODELS)
    assert box.fault == "1 reads and updates lost while the spool failed"
    assert plates(spool) == ["KAB121", "KAB122", "KAB129"]
    assert plates(spool, Stream.UPDATE) == []
    assert len(waiting(spool, Stream.CROP)) == 3


def test_a_shot_that_was_let_go_of_brings_no_pictures_though_they_were_lost(
    spool: Spool, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_KEPT", 0)
    read = emission()
    with full_disk(spool):
        box.put(read, models=MODELS)
        assert box.fault == "1 reads and updates lost while the spool failed"
    empty = np.zeros((0, 0, 3), np.uint8)
    bare = replace(read, kind=Kind.UPDATE, shot=replace(read.shot, crop=empty, overview=empty))
    box.put(bare, models=MODELS)
    ((_, message),) = waiting(spool, Stream.READ, Stream.CROP, Stream.OVERVIEW)
    assert PlateRead.model_validate_json(message.payload).pictures == PictureRef(crop=False, overview=False)


def test_what_waits_in_memory_at_the_end_is_counted(spool: Spool, box: Outbox) -> None:
    with full_disk(spool):
        box.put(emission(), models=MODELS)
        box.close()
        assert box.fault == "1 reads and updates lost while the spool failed"
