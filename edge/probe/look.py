"""One look at a camera: the stream on one thread, the real nets on this one, and all that was measured."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.analyser import new_pipeline
from edge.emission import Emission
from edge.engine import Engine
from edge.errors import LostError, WorkerError
from edge.pipeline import Pipeline, Seen
from edge.probe import plates
from edge.probe.capture import Capture
from edge.probe.clock import ask
from edge.probe.facts import ClockFacts, Facts, SceneFacts, Settings
from edge.probe.plates import Passage, Plates
from edge.probe.scene import Scene
from edge.settings import CameraSettings, VoteSettings
from edge.types import Bgr, Frame

_POLL_S: Final = 0.2
_SCENE_S: Final = 1.0  # between looks at the light
_ONVIF_S: Final = 3.0
_UNSURE: Final = 0.2  # of a picture's worth: what was not read may be no plate

Progress = Callable[[float, int], None]
"""Told how many seconds have been watched and how many plates were seen by then."""


@dataclass(frozen=True, slots=True)
class Best:
    """The frame that shows most.

    Attributes:
        bgr: (height, width, 3) uint8, BGR; None where no picture was analysed.
        plates: what the pipeline knew of the plates in it, with the numbers under which they are shown.
    """

    bgr: Bgr | None = None
    plates: tuple[tuple[Seen, int | None], ...] = ()
    worth: float = -1.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found: the facts, and the pictures to them."""

    began_at: datetime
    facts: Facts
    best: Best
    passages: tuple[Passage, ...]


class Look:
    """Used once.

    Args:
        engine: the nets.
        vote: when a passage counts as read.
        seconds: how long to watch.
        clock: the UTC time.
    """

    def __init__(
        self,
        camera: CameraSettings,
        *,
        engine: Engine,
        vote: VoteSettings,
        seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._camera, self._vote, self._clock = camera, vote, clock
        self._pipeline: Pipeline = new_pipeline(camera, vote, engine)
        self._capture = Capture(camera, seconds=seconds, clock=clock)
        self._plates, self._scene = Plates(), Scene()
        self._best = Best()
        self._analysed = 0
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._lit_at: datetime | None = None

    def run(self, *, onvif: tuple[str, int] | None = None, progress: Progress) -> Looked:
        """Look.

        Args:
            onvif: host and port to ask for the camera's clock; None: it is not asked.
            progress: told now and then.

        Raises:
            RefusedError: wrong user or password.
            LostError: no picture came.
            WorkerError: the capture's thread died.
        """
        began_at = self._clock()
        self._capture.start()
        try:
            while (frame := self._capture.hub.next(timeout_s=_POLL_S)) or not self._capture.has_ended:
                if frame is not None:
                    self._analyse(frame)
                progress(self._capture.watched_s, len(self._plates.passages))
        finally:
            self._capture.stop()
        if self._capture.crash:
            raise WorkerError(f"camera {self._camera.id}: fault in capture: {self._capture.crash}")
        if self._first_at is None or self._last_at is None:
            raise self._capture.fault or LostError(f"camera {self._camera.id}: no picture came")
        self._keep(self._pipeline.flush(now=self._clock()))
        return Looked(
            began_at=began_at,
            facts=self._facts(self._clock_facts(onvif), self._first_at, self._last_at),
            best=self._best,
            passages=self._plates.passages,
        )

    def _analyse(self, frame: Frame) -> None:
        self._first_at = self._first_at or frame.captured_at
        self._last_at = frame.captured_at
        self._keep(self._pipeline.feed(frame, now=self._clock()))
        self._analysed += 1
        seen = self._pipeline.seen()
        self._plates.note(frame, seen)
        if self._lit_at is None or (frame.captured_at - self._lit_at).total_seconds() >= _SCENE_S:
            self._lit_at = frame.captured_at
            self._scene.note(frame.bgr)
        worth = sum(s.box.width * (1.0 if s.emitted else _UNSURE) for s in seen)
        if worth > self._best.worth:
            numbered = tuple((s, self._plates.number_of(s.passage)) for s in seen)
            self._best = Best(frame.bgr, numbered, worth)

    def _keep(self, emissions: list[Emission]) -> None:
        for emission in emissions:
            self._plates.said(emission.track_id, emission.verdict)

    def _facts(self, clock: ClockFacts, first_at: datetime, last_at: datetime) -> Facts:
        measured = (
            plates.facts(
                passage,
                began_at=first_at,
                ended_at=last_at,
                legible=self._vote.legible,
            )
            for passage in self._plates.passages
        )
        return Facts(
            settings=Settings(min_plate_px=self._camera.min_plate_px, analyse_fps=self._camera.analyse_fps),
            stream=self._capture.facts(analysed=self._analysed),
            clock=clock,
            scene=SceneFacts(
                brightness=round(self._scene.brightness, 1),
                burnt=round(self._scene.burnt, 4),
                is_grey=self._scene.is_grey,
                motion_s=round(self._capture.motion_s, 2),
            ),
            plates=tuple(measured),
            plates_not_kept=self._plates.not_kept,
        )

    def _clock_facts(self, onvif: tuple[str, int] | None) -> ClockFacts:
        rtcp_s = self._capture.clock_off_s
        said: dict[str, object] = {"onvif_s": None, "onvif_by_hand": None, "onvif_fault": ""}
        if onvif is not None:
            try:
                told = ask(*onvif, timeout_s=_ONVIF_S, clock=self._clock)
                said = {"onvif_s": round(told.off_s, 1), "onvif_by_hand": told.by_hand, "onvif_fault": ""}
            except LostError as error:
                said["onvif_fault"] = str(error)
        return ClockFacts.model_validate({"rtcp_s": None if rtcp_s is None else round(rtcp_s, 3), **said})
