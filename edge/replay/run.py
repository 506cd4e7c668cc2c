"""The pipeline over a recording or over pictures, and the report of what it read."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import av
import cv2

from edge.analyser import new_pipeline
from edge.contract.read import ModelVersions, PictureRef, PlateRead, ReadId
from edge.emission import Emission
from edge.engine import Engine
from edge.errors import ConfigError, LostError
from edge.evidence import Shot
from edge.pipeline import Counts, Pipeline, Seen
from edge.replay.annotate import VideoWriter, annotated
from edge.replay.output import VIDEO, Output
from edge.settings import CameraSettings, VoteSettings
from edge.types import Bgr, Frame

_EDGE: Final = "replay"


@dataclass(frozen=True, slots=True)
class Found:
    """A read with its evidence.

    Attributes:
        origin: seconds of the recording, such as "12.3 s", or the picture's file name.
    """

    read: PlateRead
    shot: Shot
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay found.

    Attributes:
        is_video: whether the origins are times.
        cpu_ms: CPU time of one analysed frame, decoding and drawing left out.
    """

    found: tuple[Found, ...]
    is_video: bool
    cpu_ms: float
    counts: Counts
    models: ModelVersions

    def as_json(self) -> dict[str, Any]:
        """For `--json`: every read as it would travel, and where in the recording it was."""
        return {
            "cpu_ms_per_frame": round(self.cpu_ms, 1),
            "counts": asdict(self.counts),
            "reads": [{"origin": f.origin, **f.read.model_dump(mode="json")} for f in self.found],
        }


class Replay:
    """Feeds frames to pipelines as a worker would, and keeps what they say.

    Args:
        engine: the nets.
        camera: stands for the camera that took the recording.
        vote: when a passage counts as read.
        out: folder for annotated copies and a picture of each read; none are made without it.
    """

    def __init__(
        self, engine: Engine, *, camera: CameraSettings, vote: VoteSettings, out: Output | None = None
    ) -> None:
        self._engine = engine
        self._camera = camera
        self._vote = vote
        self._out = out
        self._models = engine.models
        self._found: dict[tuple[str, int], Found] = {}
        self._counts = Counts()
        self._spent_s = 0.0

    def video(self, frames: Iterable[Frame], *, fps: float) -> Report:
        """Replay a recording.

        Args:
            frames: in order; the first one's time is second 0.
            fps: about how many a second.

        Raises:
            LostError: there was no frame.
        """
        pipeline = new_pipeline(self._camera, self._vote, self._engine)
        first: Frame | None = None
        now = datetime.min.replace(tzinfo=UTC)
        with ExitStack() as stack:
            writer: VideoWriter | None = None
            for frame in frames:
                first = first or frame
                now = frame.captured_at
                at_s = (now - first.captured_at).total_seconds()
                self._feed(pipeline, frame)
                if self._out is not None:
                    if writer is None:
                        writer = stack.enter_context(_video_writer(self._out, frame, fps))
                    writer.write(self._annotated(frame, pipeline.seen()), at_s=at_s)
        if first is None:
            raise LostError("the recording holds no picture")
        self._keep(pipeline.flush(now=now))
        self._counts = pipeline.counts
        began = first.captured_at
        return self._report(
            is_video=True, origin=lambda read: f"{(read.first_at - began).total_seconds():.1f} s"
        )

    def pictures(self, frames: Iterable[tuple[str, Frame]]) -> Report:
        """Replay pictures, given with their names, that have nothing to do with one another.

        Raises:
            LostError: there was none.
        """
        # One look is all there is: what is legible is as certain as it will be.
        self._vote = self._vote.model_copy(update={"certain": self._vote.legible})
        names: dict[str, str] = {}
        for name, frame in frames:
            camera = self._camera.model_copy(update={"id": f"{self._camera.id}-{len(names) + 1}"})
            names[camera.id] = name
            self._picture(name, camera, frame)
        if not names:
            raise LostError("there is no picture that can be read")
        return self._report(is_video=False, origin=lambda read: names[read.camera_id])

    def _picture(self, name: str, camera: CameraSettings, frame: Frame) -> None:
        pipeline = new_pipeline(camera, self._vote, self._engine)
        self._feed(pipeline, frame)
        if self._out is not None:
            least = self._vote.legible
            seen = [
                replace(s, emitted=s.verdict is not None and s.verdict.likelihood >= least)
                for s in pipeline.seen()
            ]
            self._out.write(f"{name}.annotated.jpg", _jpeg(self._annotated(frame, seen)))
        self._keep(pipeline.flush(now=frame.captured_at))
        more = asdict(pipeline.counts)
        self._counts = Counts(**{key: value + more[key] for key, value in asdict(self._counts).items()})

    def _feed(self, pipeline: Pipeline, frame: Frame) -> None:
        began = time.process_time()
        emissions = pipeline.feed(frame, now=frame.captured_at)
        self._spent_s += time.process_time() - began
        self._keep(emissions)

    def _annotated(self, frame: Frame, plates: Sequence[Seen]) -> Bgr:
        return annotated(frame.bgr, plates, legible=self._vote.legible)

    def _keep(self, emissions: Iterable[Emission]) -> None:
        """Give a READ the next number; an UPDATE takes the place of what was said of its passage."""
        for emission in emissions:
            passage = (emission.camera_id, emission.track_id)
            known = self._found.get(passage)
            number = known.read.id if known else ReadId(_EDGE, 1, len(self._found) + 1)
            read = emission.message(number, site_id=_EDGE, models=self._models, pictures=PictureRef())
            self._found[passage] = Found(read, emission.shot)

    def _report(self, *, is_video: bool, origin: Callable[[PlateRead], str]) -> Report:
        found = tuple(replace(f, origin=origin(f.read)) for f in self._found.values())
        if self._out is not None:
            for f in found:
                self._out.write(f"read-{f.read.seq:03d}-{f.read.plate}.jpg", _jpeg(f.shot.crop))
            self._out.finish()
        cpu_ms = 1000 * self._spent_s / max(1, self._counts.frames)
        return Report(found=found, is_video=is_video, cpu_ms=cpu_ms, counts=self._counts, models=self._models)


def _video_writer(out: Output, frame: Frame, fps: float) -> VideoWriter:
    height, width = frame.bgr.shape[:2]
    path = out.take(VIDEO)
    try:
        return VideoWriter(path, width_px=width, height_px=height, fps=fps)
    except av.FFmpegError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _jpeg(bgr: Bgr) -> bytes:
    done, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, 92))
    if not done:
        raise LostError(f"a picture of shape {bgr.shape} cannot be encoded")
    return data.tobytes()
