"""One thread a turning camera: asks the device, walks the tour, and says which frames may be read."""

import math
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from edge.capture.backoff import Backoff, persist
from edge.capture.ptz.aim import Aim, Reading, Stand
from edge.capture.ptz.device import DevicePreset, NoPresetError, PtzDevice
from edge.capture.ptz.tour import Phase, Stop, Terms, Tour, credible
from edge.contract.ptz import PtzPhase, PtzState
from edge.contract.read import PtzPosition
from edge.errors import LostError, SourceError
from edge.settings import PresetSettings, PtzSettings
from edge.types import Position

_DETAIL_CHARACTERS: Final = 300
_APART_S: Final = 0.1  # between two questions, whatever the picture does
_CALM_S: Final = 1.0

_log = structlog.get_logger(__name__)

Connect = Callable[[], PtzDevice]
"""Opens the device; raises as `PtzDevice` does. Called, and its device used, from the guard's thread only."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The times that a guard goes by.

    Attributes:
        utc: of frames and messages.
        now_s: seconds from anywhere, ascending, of all that lasts.
        poll_s: between two questions to the device.
    """

    utc: Callable[[], datetime]
    now_s: Callable[[], float] = time.monotonic
    poll_s: float = 0.5


class PtzGuard:
    """Keeps one camera on its tour until it is stopped; used once.

    A device that refuses us, or cannot be reached, is tried again with backoff; the reads go on meanwhile as
    `edge.capture.ptz.tour` says.

    Args:
        names: edge and camera, for messages.
        settings: the tour.
        connect: opens the device.
        say: takes every new state, from the guard's thread.
        clocks: the times.

    Attributes:
        aim: to be asked for every frame.
    """

    def __init__(
        self,
        names: tuple[str, str],
        settings: PtzSettings,
        *,
        connect: Connect,
        say: Callable[[PtzState], None],
        clocks: Clocks,
        backoff: Backoff | None = None,
    ) -> None:
        self.edge_id, self.camera_id = names
        self._presets = settings.presets
        self._connect, self._say_state = connect, say
        self._clocks, self._backoff = clocks, backoff or Backoff()
        self._wake = threading.Event()
        self.aim = Aim(doubt=self._wake.set)
        self._terms = Terms(
            settle_s=settings.settle_s,
            travel_s=settings.travel_s,
            resume_after_s=settings.resume_after_s,
            tolerance=settings.tolerance,
        )
        stops = tuple(Stop(p.name, p.dwell_s) for p in settings.presets)
        self._tour = Tour(stops, self._terms, now_s=clocks.now_s())
        self._tokens: Mapping[str, str] = {}
        self._missing = ""
        self._said: PtzState | None = None
        self._connected_s = math.inf
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ptz-{self.camera_id}", daemon=True)

    @property
    def state(self) -> PtzState | None:
        """What was last said; None before the first time."""
        return self._said

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self, *, timeout_s: float = 5.0) -> bool:
        """End the thread; the camera stays where it is. Idempotent.

        Returns:
            Whether it ended within `timeout_s` seconds (a device that hangs holds it until its own time-out).
        """
        self._stopped.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._tell()
        persist(self._attempt, backoff=self._backoff, stopped=self._stopped)

    def _attempt(self) -> None:
        """One connection; returns where the next may follow at once.

        Raises:
            SourceError: it could not be made, or broke before it was stable; said already.
        """
        self._connected_s = math.inf
        try:
            self._serve()
        except SourceError as error:
            self._note_lost(error)
            if self._clocks.now_s() - self._connected_s < self._backoff.stable_s:
                raise

    def _note_lost(self, error: SourceError) -> None:
        if str(error) != self._tour.detail:
            _log.warning("ptz lost", camera=self.camera_id, reason=str(error))
        self._tour.lost(str(error), now_s=self._clocks.now_s())
        self._tell()

    def _serve(self) -> None:
        """One connection, from making it to losing it or to the end.

        Raises:
            SourceError: it could not be made, or broke.
        """
        try:
            device = self._connect()
            self._connected_s = self._clocks.now_s()
            try:
                self._learn(device)
                while not self._stopped.is_set():
                    self._poll(device)
                    self._wake.wait(self._clocks.poll_s)
                    self._wake.clear()
                    self._stopped.wait(min(_APART_S, self._clocks.poll_s))  # each doubtful frame wakes it
            finally:
                device.close()
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  # the thread's top: no fault of ours may end a tour
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("ptz thread failed", camera=self.camera_id, kind=type(error).__name__, where=where)
            raise LostError(f"camera {self.camera_id}: fault in PTZ: {type(error).__name__}") from None

    def _learn(self, device: PtzDevice) -> None:
        """Find the presets at the device.

        Raises:
            LostError: it has none of them.
        """
        there = device.presets()
        found = {p.name: preset for p in self._presets if (preset := _find(p, there)) is not None}
        missing = ", ".join(p.name for p in self._presets if p.name not in found)
        if not found:
            known = ", ".join(f"{p.token} ({p.name})" for p in there) or "none"
            raise LostError(f"camera {self.camera_id}: the device has no preset {missing}; it has {known}")
        self._missing = f"the device has no preset {missing}" if missing else ""
        if missing:
            known = ", ".join(p.name for p in there)
            _log.warning("ptz preset missing", camera=self.camera_id, preset=missing, known=known)
        self._tokens = {name: preset.token for name, preset in found.items()}
        stops = [Stop(p.name, p.dwell_s, found[p.name].position) for p in self._presets if p.name in found]
        self._tour.learn(credible(stops, tolerance=self._terms.tolerance))

    def _poll(self, device: PtzDevice) -> None:
        asked_at, now_s = self._clocks.utc(), self._clocks.now_s()
        try:
            report = device.report()
        except LostError as error:
            self._tour.lost(str(error), now_s=self._clocks.now_s())
            if self._tour.phase is Phase.LOST:
                raise
            return  # a report still holds
        was, still_s = self._tour.phase, self.aim.still_s(self._clocks.utc())
        self._tour.seen(report, now_s=now_s, still_s=still_s)
        # Where the device tells nothing, only the picture can say that the camera stands.
        if was is self._tour.phase is Phase.WATCH and (report.tells or (still_s or 0.0) >= _CALM_S):
            self.aim.confirmed(asked_at)
        self._tell()
        stop = self._tour.wants(now_s=self._clocks.now_s())
        if stop is not None:
            self._send(device, stop)

    def _send(self, device: PtzDevice, stop: Stop) -> None:
        try:
            device.go(self._tokens[stop.name])
        except NoPresetError as error:
            self._tour.refused(f"the device will not go to {stop.name}: {error}", now_s=self._clocks.now_s())
        else:
            self._tour.ordered(now_s=self._clocks.now_s())
        self._tell()

    def _tell(self) -> None:
        """Say how the camera stands, to the frames first, where that has changed."""
        state = self._state_now()
        if self._said is not None and _same(state, self._said):
            return
        before, self._said = self._said, state
        if before is None or (before.phase, before.preset) != (state.phase, state.preset):
            self.aim.stands(self._stand(state.at))
        _log.info("ptz", camera=self.camera_id, phase=state.phase, preset=state.preset, detail=state.detail)
        self._say_state(state)

    def _stand(self, at: datetime) -> Stand:
        if self._tour.is_reading:
            return Stand(at, Reading.YES, self._tour.stop.name, self._tour.position)
        return Stand(at, Reading.STILL if self._tour.phase is Phase.LOST else Reading.NO)

    def _state_now(self) -> PtzState:
        tour, at = self._tour, self._clocks.utc()
        resumes_in_s = tour.resumes_in_s(now_s=self._clocks.now_s())
        knows = tour.phase not in {Phase.LOST, Phase.PAUSED}
        detail = "; ".join(filter(None, (tour.detail, self._missing)))
        return PtzState(
            edge_id=self.edge_id,
            camera_id=self.camera_id,
            at=at,
            phase=PtzPhase(tour.phase.value),
            preset=tour.stop.name if knows else None,
            position=_told(tour.position) if tour.phase is not Phase.LOST else None,
            resumes_at=None if resumes_in_s is None else at + timedelta(seconds=resumes_in_s),
            detail=detail[:_DETAIL_CHARACTERS],
        )


def _find(wanted: PresetSettings, there: Sequence[DevicePreset]) -> DevicePreset | None:
    """The preset of the device that a station means: by token, else by name."""
    if wanted.token is not None:
        return next((p for p in there if p.token == wanted.token), None)
    name = wanted.named or wanted.name
    return next((p for p in there if p.name == name), None) or next(
        (p for p in there if p.name.casefold() == name.casefold()), None
    )


def _same(one: PtzState, other: PtzState) -> bool:
    """Whether two states say the same to a person; that an operator goes on moving the camera is no news."""
    return (one.phase, one.preset, one.detail) == (other.phase, other.preset, other.detail)


def _told(position: Position | None) -> PtzPosition | None:
    if position is None:
        return None
    return PtzPosition(pan=position.pan, tilt=position.tilt, zoom=position.zoom)
