"""The pipeline over one recording, and all that must be kept of it to go on after a break."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from edge.analyser import new_pipeline
from edge.contract.read import GeoPosition, PictureRef, ReadId
from edge.emission import Emission
from edge.engine import Engine
from edge.evidence import crop_jpeg, overview_jpeg
from edge.pipeline import Counts, Pipeline, Seen
from edge.read.vehicle_colour import palette
from edge.replay import snapshot
from edge.replay.kept import Said
from edge.replay.recording import Stop
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box, Frame

EDGE: Final = "replay"
_REMEMBERED: Final = 4096  # passages: one that is updated later tells its picture again


@dataclass(frozen=True, slots=True)
class Teller:
    """How a recording's reads are told.

    Attributes:
        edge_id, site_id: who tells.
        has_overview: whether the scene goes along.
        position: where the camera was at a moment; None where that is unknown.
    """

    edge_id: str = EDGE
    site_id: str = EDGE
    has_overview: bool = False
    position: Callable[[datetime], GeoPosition | None] = lambda _: None


@dataclass(slots=True)
class _Memory:
    """All that a snapshot holds.

    Attributes:
        began_at: capture time of the first frame.
        newest_at: of the newest.
        shown: capture time and box of the shot that was told last, by passage.
        cpu_s, wall_s: spent on frames, and altogether.
        stop: where the recording goes on.
    """

    pipeline: Pipeline
    began_at: datetime | None = None
    newest_at: datetime | None = None
    shown: dict[str, tuple[datetime, Box]] = field(default_factory=dict)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    stop: Stop | None = None


class Reel:
    """Frames in, what is said of them out.

    Args:
        engine: the nets.
        camera: stands for the camera that took the recording.
        vote: when a passage counts as read.
        teller: how it is told.
        content: of a `snapshot`, to go on from there.

    Raises:
        ConfigError: the snapshot is another version's.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        camera: CameraSettings,
        vote: VoteSettings,
        teller: Teller,
        content: bytes | None = None,
    ) -> None:
        self._teller = teller
        self._models = engine.models
        self._parts = {
            "detector": engine.detector,
            "reader": engine.reader,
            "grammar": engine.grammar,
            "camera": camera,
            "vote": vote,
            "palette": palette(),
            "new_vote": lambda: engine.new_vote(vote, camera.countries),
        }
        if content is None:
            self._memory = _Memory(new_pipeline(camera, vote, engine))
        else:
            self._memory = snapshot.loaded(content, parts=self._parts)

    @property
    def counts(self) -> Counts:
        """What the pipeline has seen."""
        return self._memory.pipeline.counts

    @property
    def cpu_s(self) -> float:
        """CPU time that this thread spent on the frames analysed."""
        return self._memory.cpu_s

    @property
    def wall_s(self) -> float:
        """Time spent, breaks left out."""
        return self._memory.wall_s

    @property
    def stop(self) -> Stop | None:
        """Where the recording goes on; None: at its beginning."""
        return self._memory.stop

    def feed(self, frame: Frame) -> list[Said]:
        """Analyse a frame, the next of the recording."""
        memory = self._memory
        memory.began_at = memory.began_at or frame.captured_at
        memory.newest_at = frame.captured_at
        began_s = time.thread_time()
        emissions = memory.pipeline.feed(frame, now=frame.captured_at)
        memory.cpu_s += time.thread_time() - began_s
        return self._said(emissions)

    def end(self) -> list[Said]:
        """There are no more frames."""
        newest_at = self._memory.newest_at
        return [] if newest_at is None else self._said(self._memory.pipeline.flush(now=newest_at))

    def seen(self) -> list[Seen]:
        """The plates of the newest frame, for drawing."""
        return self._memory.pipeline.seen()

    def at_s(self, frame: Frame) -> float:
        """The frame's time since the first one, seconds."""
        return (frame.captured_at - (self._memory.began_at or frame.captured_at)).total_seconds()

    def pause(self, *, stop: Stop | None, more_s: float) -> None:
        """Note where the recording stands behind the newest frame, and the time spent since the last pause."""
        self._memory.stop = stop
        self._memory.wall_s += more_s

    def snapshot(self) -> bytes:
        """All that is needed to go on from the pause."""
        return snapshot.dumped(self._memory, parts=self._parts)

    def _said(self, emissions: Iterable[Emission]) -> list[Said]:
        return [self._tell(emission) for emission in emissions]

    def _tell(self, emission: Emission) -> Said:
        teller, shot = self._teller, emission.shot
        key = f"{emission.camera_id}/{emission.track_id}"
        is_new = bool(shot.crop.size) and self._memory.shown.get(key) != (shot.captured_at, shot.box)
        self._memory.shown[key] = (shot.captured_at, shot.box)
        if len(self._memory.shown) > _REMEMBERED:
            del self._memory.shown[next(iter(self._memory.shown))]
        located = replace(emission, location=teller.position(shot.captured_at))
        read = located.message(
            ReadId(teller.edge_id, 1, 1),  # it gets its number where it is kept
            site_id=teller.site_id,
            models=self._models,
            pictures=PictureRef(crop=True, overview=teller.has_overview),
        )
        since_s = (read.first_at - (self._memory.began_at or read.first_at)).total_seconds()
        return Said(
            key=key,
            origin=f"{since_s:.1f} s",
            read=read,
            crop=crop_jpeg(shot.crop) if is_new else None,
            overview=overview_jpeg(shot.overview) if is_new and teller.has_overview else None,
        )
