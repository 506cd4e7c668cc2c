"""The guard tour as a state machine: what a camera was told, what it says, and whether its frames may be read. No I/O.

    GOTO -> MOVING -> SETTLE -> WATCH -> GOTO the next ...
              ^          |        |
              +-- moves -+        +-- moves, but not by us --> PAUSED -- nobody moved it for a while --> GOTO
    LOST from anywhere, when the device does not answer; from there back to WATCH, GOTO or PAUSED

Only WATCH says that the camera stands at a preset: it was seen to come to rest there, and at rest ever since.

GotoPreset does not block, so an order is no arrival. A device is believed as far as it tells: where it says whether it
moves or where it looks, it must be at rest in two reports in a row, and at the preset's own position where that is
known; where it says neither, the longest journey is waited for, and the picture must stand still.

While the device does not answer (LOST) nobody knows where the camera looks: no frame claims a preset. The frames are
still worth reading, as a fixed camera's are, because what matters most, a stolen vehicle's plate, needs no preset;
but only while the picture itself stands still, for anybody may be turning the camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.types import Position

_AT_REST: Final = 2  # reports in a row
_START_S: Final = 2.0  # a motor has begun to turn by then, and does not rest so long on its way
_RESTLESS_S: Final = (
    5.0  # so long after its time a picture may go on moving, as traffic does, before it is believed
)
_TURNED_S: Final = 1.0  # a whole picture that moves for so long is a camera that turns, where no device tells
_AGAIN_S: Final = 5.0  # between two tries of a preset that the device refuses


class Phase(StrEnum):
    """What the tour is doing; `edge.contract.ptz` publishes these words."""

    GOTO = "goto"
    MOVING = "moving"
    SETTLE = "settle"
    WATCH = "watch"
    PAUSED = "paused"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Stop:
    """One station of the tour.

    Attributes:
        name: of the preset, as reads name it.
        dwell_s: how long to watch.
        position: where the device says that the preset is; None where it does not say, or cannot be believed.
    """

    name: str
    dwell_s: float
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How patient the tour is.

    Attributes:
        settle_s: from coming to rest to the first frame read: the focus and the exposure follow.
        travel_s: the longest journey between two presets.
        resume_after_s: after an operator's last move.
        tolerance: by which positions differ that are the same, in the device's own unit.
        stale_s: so long a report holds while the next ones fail.
    """

    settle_s: float = 1.5
    travel_s: float = 15.0
    resume_after_s: float = 60.0
    tolerance: float = 0.005
    stale_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the device says of itself; None where it does not say."""

    moving: bool | None = None
    position: Position | None = None

    @property
    def tells(self) -> bool:
        """Whether it says anything at all."""
        return self.moving is not None or self.position is not None


class Tour:
    """One camera's tour. Times are seconds from anywhere, ascending; the caller tells it what happens.

    Attributes:
        phase: what it is doing.
        detail: why, where that is not as it should be; empty: all is well.
        changed_s: when the phase began.
    """

    def __init__(self, stops: Sequence[Stop], terms: Terms, *, now_s: float) -> None:
        self._stops = tuple(stops)
        self._terms = terms
        self._index = 0
        self.phase = Phase.LOST
        self.detail = "not connected yet"
        self.changed_s = now_s
        self._order_s = now_s  # when the newest order was given
        self._not_before_s = now_s  # the next order
        self._moved = False  # since the newest order
        self._quiet = 0  # reports at rest in a row
        self._quiet_s = now_s  # since when
        self._rest: Position | None = None  # where it came to rest
        self._was_watching = False  # when contact was lost
        self._disturbed_s = now_s
        self._report: Report | None = None
        self._report_s = now_s

    def learn(self, stops: Sequence[Stop]) -> None:
        """The stations as the device knows them, one or more, in order."""
        name = self.stop.name
        self._stops = tuple(stops)
        self._index = next((n for n, stop in enumerate(stops) if stop.name == name), 0)
        self._was_watching = self._was_watching and self.stop.name == name

    @property
    def stop(self) -> Stop:
        """The station that it is at, or on its way to."""
        return self._stops[self._index]

    @property
    def is_reading(self) -> bool:
        """Whether frames are of the present station: the only phase in which they may claim its name."""
        return self.phase is Phase.WATCH

    @property
    def position(self) -> Position | None:
        """Where the device last said that it looks."""
        return self._report.position if self._report else None

    def wants(self, *, now_s: float) -> Stop | None:
        """The station to send the camera to now, if any."""
        return self.stop if self.phase is Phase.GOTO and now_s >= self._not_before_s else None

    def resumes_in_s(self, *, now_s: float) -> float | None:
        """How long the operator still has; None where none has taken over."""
        if self.phase is not Phase.PAUSED:
            return None
        return max(0.0, self._disturbed_s + self._terms.resume_after_s - now_s)

    def ordered(self, *, now_s: float) -> None:
        """The device has taken the order."""
        self._order_s, self._moved, self._quiet = now_s, False, 0
        self._enter(Phase.MOVING, now_s)

    def refused(self, why: str, *, now_s: float) -> None:
        """The device will not go there: on to the next station."""
        self._go_on(now_s, why)
        self._not_before_s = now_s + _AGAIN_S / len(self._stops)

    def lost(self, why: str, *, now_s: float) -> None:
        """The device did not answer."""
        watching = self.phase is Phase.WATCH
        if watching and now_s - self._report_s < self._terms.stale_s:
            return
        if self.phase is not Phase.LOST:
            self._was_watching = watching
            self._enter(Phase.LOST, now_s)
        self.detail = why

    def seen(self, report: Report, *, now_s: float, still_s: float | None) -> None:
        """The device has told how it is.

        Args:
            report: its words.
            now_s: when it was asked.
            still_s: how long the picture has stood still; None where there is none.
        """
        moves = self._moves(report)
        self._quiet = 0 if moves else self._quiet + 1
        self._quiet_s = now_s if self._quiet <= 1 else self._quiet_s
        self._moved = self._moved or moves
        self._report, self._report_s = report, now_s
        if self.phase is Phase.LOST:
            self._found(report, moves, now_s)
        elif self.phase is Phase.MOVING:
            self._travel(report, now_s)
        elif self.phase is Phase.SETTLE:
            self._settle(report, moves, now_s, still_s)
        elif self.phase is Phase.WATCH:
            self._watch(report, moves, now_s, still_s)
        elif self.phase is Phase.PAUSED:
            self._pause(report, moves, now_s)

    def _found(self, report: Report, moves: bool, now_s: float) -> None:
        """Contact, for the first time or again: nobody moves a camera away from whoever turned it meanwhile."""
        was_watching, self._was_watching = self._was_watching, False
        if was_watching and (moves or self._is_off(report, self._rest)):
            self._interrupt("an operator turned the camera while it was out of reach", now_s)
        # A preset may have been saved anew at another place meanwhile.
        elif was_watching and report.position is not None and not self._is_off(report, self.stop.position):
            self._begin_watch(report, now_s)
        else:
            self._enter(Phase.GOTO, now_s)

    def _travel(self, report: Report, now_s: float) -> None:
        gone_s = now_s - self._order_s
        if not report.tells:
            if gone_s >= self._terms.travel_s:
                self._come_to_rest(report, now_s)
            return
        rests = self._quiet >= _AT_REST
        if rests and not self._is_off(report, self.stop.position) and self._has_begun(report, gone_s):
            self._come_to_rest(report, now_s)
        elif rests and self._moved and now_s - self._quiet_s >= self._begun_s:
            self._interrupt("the camera came to rest elsewhere: an operator has taken over", now_s)
        elif gone_s >= self._terms.travel_s:
            self._go_on(now_s, f"the camera did not come to rest at {self.stop.name} within {gone_s:.0f} s")

    def _has_begun(self, report: Report, gone_s: float) -> bool:
        """Whether rest means arrival: where the preset's position is known, being there does."""
        is_there = self.stop.position is not None and report.position is not None
        return is_there or self._moved or gone_s >= self._begun_s

    @property
    def _begun_s(self) -> float:
        return min(_START_S, self._terms.travel_s)

    def _come_to_rest(self, report: Report, now_s: float) -> None:
        self._rest = report.position
        self._enter(Phase.SETTLE, now_s)

    def _settle(self, report: Report, moves: bool, now_s: float, still_s: float | None) -> None:
        if moves or self._is_off(report, self._rest):
            self._quiet = 0
            self._enter(Phase.MOVING, now_s)
            return
        over_s = now_s - self.changed_s - self._terms.settle_s
        if over_s < 0:
            return
        if still_s is None or still_s >= min(1.0, self._terms.settle_s):
            self._begin_watch(report, now_s)
        elif over_s >= _RESTLESS_S and report.tells:
            self._begin_watch(report, now_s)  # heavy traffic: the device is believed
        elif over_s >= _RESTLESS_S:
            self._go_on(now_s, f"the picture does not come to rest at {self.stop.name}")

    def _begin_watch(self, report: Report, now_s: float) -> None:
        self._rest = report.position
        self._enter(Phase.WATCH, now_s)

    def _watch(self, report: Report, moves: bool, now_s: float, still_s: float | None) -> None:
        unseen = not report.tells and still_s == 0.0 and now_s - self._disturbed_s >= _TURNED_S
        if still_s != 0.0:
            self._disturbed_s = now_s
        if moves or unseen or self._is_off(report, self._rest):
            self._interrupt("an operator has taken over", now_s)
        elif now_s - self.changed_s >= self.stop.dwell_s:
            if len(self._stops) == 1 and report.position is not None:
                self.changed_s = now_s  # it is there already, and known to be
            else:
                self._go_on(now_s)

    def _pause(self, report: Report, moves: bool, now_s: float) -> None:
        if moves or self._is_off(report, self._rest):
            self._disturbed_s, self._rest = now_s, report.position
        elif now_s - self._disturbed_s >= self._terms.resume_after_s:
            self._enter(Phase.GOTO, now_s)

    def _interrupt(self, why: str, now_s: float) -> None:
        self._enter(Phase.PAUSED, now_s)
        self.detail, self._disturbed_s = why, now_s
        self._rest = self.position

    def _go_on(self, now_s: float, why: str = "") -> None:
        self._index = (self._index + 1) % len(self._stops)
        self._enter(Phase.GOTO, now_s)
        self.detail = why

    def _enter(self, phase: Phase, now_s: float) -> None:
        if phase in {Phase.WATCH, Phase.GOTO}:
            self.detail = ""
        self.phase, self.changed_s = phase, now_s
        self._not_before_s = self._disturbed_s = now_s

    def _moves(self, report: Report) -> bool:
        """Whether it moves, or has moved since the report before: some devices never say so."""
        before = self._report.position if self._report else None
        return bool(report.moving) or self._is_off(report, before)

    def _is_off(self, report: Report, place: Position | None) -> bool:
        """Whether it is known to look elsewhere."""
        if report.position is None or place is None:
            return False
        return not near(report.position, place, tolerance=self._terms.tolerance)


def near(one: Position, other: Position, *, tolerance: float) -> bool:
    """Whether two positions are the same; a pan of -1 is one of 1, for heads that turn for ever."""
    pan = abs(one.pan - other.pan)
    if max(abs(one.pan), abs(other.pan)) <= 1.0:
        pan = min(pan, 2.0 - pan)
    zoom = 0.0 if one.zoom is None or other.zoom is None else abs(one.zoom - other.zoom)
    return max(pan, abs(one.tilt - other.tilt), zoom) <= tolerance


def credible(stops: Sequence[Stop], *, tolerance: float) -> tuple[Stop, ...]:
    """The stations, without their positions where a device gives several of them the same one: it does not know."""
    known = [stop.position for stop in stops if stop.position is not None]
    twice = any(
        near(one, other, tolerance=tolerance) for n, one in enumerate(known) for other in known[n + 1 :]
    )
    return tuple(Stop(s.name, s.dwell_s) for s in stops) if twice else tuple(stops)
