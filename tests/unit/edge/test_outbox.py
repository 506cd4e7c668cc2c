from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import START, at, picture

from edge import outbox
from edge.contract.delivery import Stream
from edge.contract.read import Character, ModelVersions, PlateRead
from edge.contract.topics import Kind as Topic
from edge.contract.topics import Numbered, parse
from edge.emission import Emission, Kind
from edge.evidence import CROP_BYTES, Shot
from edge.outbox import Outbox
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
        emitted_at=at(2),
        verdict=Verdict(
            plate=plate,
            plate_raw=plate,
            likelihood=0.9,
            characters=tuple(Character(char=c, likelihood=0.9) for c in plate),
            country=None,
            plate_class=None,
            votes=2,
            frames=3,
        ),
        shot=Shot(
            at(0.5), Box(200, 100, 120, 60), (640, 360), 0.8, plate, FRAME[100:160, 200:320].copy(), FRAME
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
    return Outbox(spool, edge_id="edge-1", site_id="site-1", clock_error_s=lambda: 0.25)


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
    box.put(emission("KAB128", kind=Kind.UPDATE, track=0), models=MODELS)
    ((topic, message),) = waiting(spool, Stream.UPDATE)
    assert (topic.seq, topic.read_seq) == (1, 1)
    assert PlateRead.model_validate_json(message.payload).plate == "KAB128"
    assert len(waiting(spool, Stream.READ)) == 2
    assert len(waiting(spool, Stream.CROP, Stream.OVERVIEW)) == 6


def test_equal_track_numbers_of_two_cameras_are_two_passages(spool: Spool, box: Outbox) -> None:
    box.put(emission(camera="north"), models=MODELS)
    box.put(emission("XYZ987", camera="south"), models=MODELS)
    box.put(replace(emission("XYZ986", camera="south"), kind=Kind.UPDATE), models=MODELS)
    ((topic, _),) = waiting(spool, Stream.UPDATE)
    assert (topic.camera_id, topic.read_seq) == ("south", 2)


def test_an_update_of_a_read_long_gone_is_counted(
    spool: Spool, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_REMEMBERED", 2)
    for track in range(3):
        box.put(emission(track=track), models=MODELS)
    box.put(emission(kind=Kind.UPDATE, track=0), models=MODELS)
    assert box.orphans == 1
    assert waiting(spool, Stream.UPDATE) == []
    box.put(emission(kind=Kind.UPDATE, track=2), models=MODELS)
    assert len(waiting(spool, Stream.UPDATE)) == 1
