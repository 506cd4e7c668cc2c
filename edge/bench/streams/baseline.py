"""What the box is held against: the processor time of plain decoding, and what can be read where nothing is skipped."""

import time
from datetime import UTC, datetime, timedelta

import av

from edge.bench.passages import ClipPassage, Sighting, at_camera, score
from edge.bench.streams.footage import Footage
from edge.capture.picture import luma
from edge.capture.video import VideoSource
from edge.engine import Engine
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, VoteSettings

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def decode_s(footage: Footage) -> float:
    """Processor seconds that one thread takes to decode a second of the stream, every picture's luma looked at."""
    began = time.thread_time()
    with av.open(str(footage.path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            luma(frame)
    return (time.thread_time() - began) / footage.seconds


def read_every_frame(
    footage: Footage, *, camera: CameraSettings, vote: VoteSettings, engine: Engine
) -> frozenset[ClipPassage]:
    """The passages that are read right where every picture of the stream is analysed."""
    pipeline = Pipeline(
        camera=camera,
        vote=vote,
        new_vote=lambda: engine.new_vote(vote, camera.countries),
        detector=engine.detector,
        reader=engine.reader,
    )
    emissions, now = [], _EPOCH
    for frame in VideoSource(footage.path, camera_id=camera.id, started_at=_EPOCH).frames():
        now = frame.captured_at
        emissions += pipeline.feed(frame, now=now)
    emissions += pipeline.flush(now=now + timedelta(seconds=1))
    said = {(e.track_id): e for e in emissions}  # an update takes the place of what was said before
    sightings = [Sighting(camera.id, e.verdict.plate, e.first_at, e.last_at) for e in said.values()]
    shown = at_camera(footage.passages, camera_id=camera.id, started_at=_EPOCH)
    of = dict(zip(shown, footage.passages, strict=True))
    return frozenset(of[passage] for passage, _ in score(shown, sightings).right)
