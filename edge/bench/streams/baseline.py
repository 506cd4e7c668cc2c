"""What the box is held against: the processor time of plain decoding, and what can be read where nothing is skipped."""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import av

from edge.analyser import new_pipeline
from edge.bench.passages import ClipPassage, Sighting, at_camera, score
from edge.bench.streams.footage import Footage
from edge.capture.picture import luma
from edge.capture.video import VideoSource
from edge.engine import Engine
from edge.errors import WorkerError
from edge.settings import CameraSettings, VoteSettings

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def live_decode_s(urls: Sequence[str], *, seconds: float) -> float:
    """Processor seconds that a second of one live camera takes to receive and decode, a thread each.

    Live, because that is what a box does: pictures that come one by one find the processor's caches cold, and cost
    a third more than those of a file that is decoded in one go.
    """
    spent: list[float] = []
    threads = [threading.Thread(target=_decode_live, args=(url, seconds, spent)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(spent) < len(urls):
        raise WorkerError("plain decoding: a simulated camera ended its stream")
    return sum(spent) / len(urls)


def _decode_live(url: str, seconds: float, spent: list[float]) -> None:
    options = {"rtsp_transport": "tcp", "allowed_media_types": "video", "analyzeduration": "1"}
    with av.open(url, options=options, timeout=(5.0, 5.0)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        began, began_at = 0.0, None
        for frame in container.decode(stream):
            luma(frame)
            now = time.monotonic()
            if began_at is None:
                began, began_at = time.thread_time(), now
            elif now - began_at >= seconds:
                spent.append((time.thread_time() - began) / (now - began_at))
                return


def decode_s(footage: Footage) -> float:
    """Processor seconds that one thread takes to decode a second of the file, every picture's luma looked at."""
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
    pipeline = new_pipeline(camera, vote, engine)
    emissions, now = [], _EPOCH
    for frame in VideoSource(footage.path, camera_id=camera.id, started_at=_EPOCH).frames():
        now = frame.captured_at
        emissions += pipeline.feed(frame, now=now)
    emissions += pipeline.flush(now=now + timedelta(seconds=1))
    said = {e.track_id: e for e in emissions}  # an update takes the place of what was said before
    sightings = [Sighting(camera.id, e.verdict.plate, e.first_at, e.last_at) for e in said.values()]
    shown = at_camera(footage.passages, camera_id=camera.id, started_at=_EPOCH)
    of = dict(zip(shown, footage.passages, strict=True))
    return frozenset(of[passage] for passage, _ in score(shown, sightings).right)
