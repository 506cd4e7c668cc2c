"""Where the centre's requests for clips are met: each is answered once, with a clip or with why there is none.

    commands (newest list) -> accepted: its packets are pinned -> its last second has come, or never will
                                                               -> cut, remuxed, into the spool
                           -> cannot be met: gone or refused, said at once

A large clip is put with pauses in between (`edge.spool.intake`): what is asked meanwhile is pinned in them, and
answered after it.

Only the newest list counts: what it names no more nobody waits for. What was answered is known by the spool, so a
box that dies in between makes nothing twice; what it had pinned is gone with it, and that is what it says then.
"""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from pydantic import ValidationError

from edge.capture.ring import Cut, PacketRing
from edge.clips.mp4 import remux
from edge.contract.clip import MOST_PARTS, PART_BYTES, ClipAnswer, ClipCommands, ClipRequest, packed
from edge.contract.health import ClipHealth
from edge.contract.topics import Address
from edge.errors import SourceError, SpoolError
from edge.settings import CameraSettings, ClipSettings
from edge.spool.queue import Spool

_LATE_S: Final = 3.0  # how long after its time the last second of a clip is waited for
_AHEAD: Final = timedelta(seconds=30)  # a read of the future is none of ours
_LOOK_S: Final = 0.1  # between two looks at clips that are under way
_IDLE_S: Final = 5.0
_AGAIN_S: Final = 60.0  # after an answer that was given up, or could not be stored
_HOUR_S: Final = 3600.0
_SHORT: Final = timedelta(seconds=0.5)
_WORDS: Final = {"clip": "made", "gone": "gone", "refused": "refused"}

_log = structlog.get_logger(__name__)


class _StoppedError(Exception):
    """The box stops while a clip is put."""


@dataclass(frozen=True, slots=True)
class _Job:
    """An accepted request; `until` is when it is given what there is, seconds of the monotonic clock."""

    request: ClipRequest
    ring: PacketRing
    until: float

    @property
    def begin(self) -> datetime:
        return self.request.at - timedelta(seconds=self.request.before_s)

    @property
    def end(self) -> datetime:
        return self.request.at + timedelta(seconds=self.request.after_s)

    def is_due(self, now: float) -> bool:
        """Whether all of it has come, nothing more will, or what matters has gone."""
        at = self.request.at
        return now >= self.until or self.ring.reaches(at, end=self.end) or self._is_gone(at)

    def _is_gone(self, at: datetime) -> bool:
        return self.ring.reaches(at, end=at) and not self.ring.holds(at)


def rings(cameras: tuple[CameraSettings, ...], settings: ClipSettings) -> dict[str, PacketRing]:
    """A ring for each camera; none where none are to be kept."""
    if settings.seconds == 0:
        return {}
    return {c.id: PacketRing(seconds=settings.seconds, max_bytes=settings.max_bytes) for c in cameras}


class ClipDesk:
    """Answers requests in a thread of its own once started.

    Args:
        kept: the rings of the box's cameras.
        spool: where answers go.
        address: this edge.
        settings: what is asked too much.
        clock: now, UTC: the one by which reads bear their times.
        monotonic: seconds from anywhere, always ascending.
    """

    def __init__(
        self,
        kept: Mapping[str, PacketRing],
        spool: Spool,
        address: Address,
        settings: ClipSettings,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kept = kept
        self._spool = spool
        self._address = address
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._commands: ClipCommands | None = None
        self._jobs: dict[str, _Job] = {}
        self._answered: dict[str, float] = {}
        self._made: deque[float] = deque()
        self._counts = {"clip": 0, "gone": 0, "refused": 0}
        self._unreadable = 0
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)

    @property
    def counts(self) -> ClipHealth:
        """What became of requests so far."""
        counts = self._counts
        return ClipHealth(
            made=counts["clip"], gone=counts["gone"], refused=counts["refused"], unreadable=self._unreadable
        )

    def command(self, payload: bytes) -> None:
        """Take what the centre says; from any thread, without waiting."""
        try:
            commands = ClipCommands.model_validate_json(payload)
        except ValidationError as error:
            self._unreadable += 1
            _log.warning("unreadable command", fault=str(error.errors(include_input=False)[:1]))
            return
        if commands.edge_id != self._address.edge_id:
            self._unreadable += 1
            _log.warning("command for another box", named=commands.edge_id)
            return
        self._commands = commands
        self._bell.set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way is left, and after the next start its answer is that it is gone."""
        self._stop.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join()

    def work(self) -> float:
        """One round; how long nothing will be due, seconds.

        Raises:
            SpoolError: the spool cannot be read.
        """
        wanted = self._wanted()
        for name in self._jobs.keys() - wanted.keys():
            self._forget(name)
        self._answered = {name: at for name, at in self._answered.items() if name in wanted}
        for name, request in wanted.items():
            if name not in self._jobs and self._is_open(name):
                self._apart(request, partial(self._accept, request))
        for name, job in list(self._jobs.items()):
            if self._is_time(name):
                self._apart(job.request, partial(self._finish_if_due, job))
        return _LOOK_S if self._jobs else _IDLE_S

    def _wanted(self) -> dict[str, ClipRequest]:
        """What the newest list names."""
        commands = self._commands
        return {} if commands is None else {clip.request: clip for clip in commands.clips}

    def _apart(self, request: ClipRequest, step: Callable[[], None]) -> None:
        """What goes wrong with one request ends that one: the box answers that it has no such clip.

        Raises:
            SpoolError: the spool cannot be read.
        """
        try:
            step()
        except SpoolError:
            raise
        except Exception as error:  # noqa: BLE001  # as at the thread's top: the centre may ask for anything
            _log.exception("clip failed", camera=request.camera_id, request=request.request)
            self._answer(request, "gone", f"it cannot be made: {type(error).__name__}")

    def _is_open(self, name: str) -> bool:
        return self._is_time(name) and not self._spool.is_answered(name)

    def _is_time(self, name: str) -> bool:
        """Whether it is not too soon after an answer that could not be stored, or was given up."""
        return self._answered.get(name, float("-inf")) + _AGAIN_S <= self._monotonic()

    def _accept(self, request: ClipRequest) -> None:
        refusal = self._refusal(request)
        if refusal:
            self._answer(request, "refused", refusal)
        else:
            self._pin(request)

    def _pin_all(self) -> None:
        """Accept what may be met; answers nothing, for a clip may be half put. The next round meets what fails."""
        for name, request in self._wanted().items():
            try:
                if name not in self._jobs and self._is_open(name) and not self._refusal(request):
                    self._pin(request)
            except Exception as error:  # noqa: BLE001  # as in _apart
                _log.debug("clip not pinned yet", request=name, fault=str(error))

    def _pause(self, seconds: float) -> None:
        """Between two parts of a clip that is put.

        Raises:
            _StoppedError: the box stops.
        """
        self._pin_all()
        if self._stop.wait(seconds):
            raise _StoppedError

    def _pin(self, request: ClipRequest) -> None:
        ring, now = self._kept[request.camera_id], self._monotonic()
        remaining_s = (request.at - self._clock()).total_seconds() + request.after_s + _LATE_S
        job = _Job(request, ring, now + max(remaining_s, 0.0))
        ring.pin(request.request, since=job.begin)
        self._jobs[request.request] = job

    def _refusal(self, request: ClipRequest) -> str:
        """Why this clip will not be made; empty: it may."""
        now, settings = self._monotonic(), self._settings
        while self._made and self._made[0] <= now - _HOUR_S:
            self._made.popleft()
        if not self._kept:
            return "this box keeps no packets (clips.seconds is 0)"
        if request.camera_id not in self._kept:
            return f"this box has no camera {request.camera_id}"
        if request.before_s + request.after_s > settings.longest_s:
            asked_s = request.before_s + request.after_s
            return f"{asked_s:g} s are asked, {settings.longest_s:g} s at most are made (clips.longest_s)"
        if request.at > self._clock() + _AHEAD:
            return f"{request.at.isoformat()} lies in the future of this box"
        under_way = len(self._jobs)
        if len(self._made) + under_way >= settings.per_hour:
            return f"{settings.per_hour} clips an hour at most are made (clips.per_hour)"
        return ""

    def _finish_if_due(self, job: _Job) -> None:
        request = job.request
        if self._stop.is_set() or not job.is_due(self._monotonic()):
            return
        cut = job.ring.cut(request.at, begin=job.begin, end=job.end)
        if cut is None:
            kept_s = self._settings.seconds
            self._answer(request, "gone", f"what the camera sent then is not held; {kept_s:g} s are kept")
            return
        try:
            data = remux(cut)
        except SourceError as error:
            self._answer(request, "gone", str(error))
            return
        if len(data) > MOST_PARTS * PART_BYTES:
            self._answer(request, "gone", f"a clip of {len(data)} bytes is more than can be sent")
            return
        self._answer(request, "clip", _shortened(job, cut), parts=lambda: _parts(job, cut, data))

    def _answer(
        self,
        request: ClipRequest,
        outcome: str,
        reason: str,
        *,
        parts: Callable[[], Iterator[bytes]] | None = None,
    ) -> None:
        """Store the answer; where the spool fails, it is made again later. All that was asked is pinned before."""
        self._answered[request.request] = self._monotonic()
        self._pin_all()
        if parts is None:
            fields = {"request": request.request, "epoch": request.epoch, "outcome": outcome}
            single = packed(ClipAnswer.model_validate({**fields, "reason": reason[:200]}))
            build: Callable[[], Iterator[bytes]] = lambda: iter((single,))  # noqa: E731
        else:
            build = parts
        try:
            stored = self._spool.put_clip(self._address, request, build, pause=self._pause)
        except _StoppedError:
            _log.info("clip left half: the box stops", camera=request.camera_id, request=request.request)
            return
        except SpoolError as error:
            _log.error("clip cannot be stored, trying again", camera=request.camera_id, fault=str(error))
            return
        self._forget(request.request)
        if stored:
            self._counts[outcome] += 1
            if outcome == "clip":
                self._made.append(self._monotonic())
            _log.info(
                f"clip {_WORDS[outcome]}", camera=request.camera_id, request=request.request, reason=reason
            )

    def _forget(self, name: str) -> None:
        job = self._jobs.pop(name, None)
        if job is not None:
            job.ring.unpin(name)

    def _run(self) -> None:
        while not self._stop.is_set():
            wait_s = _IDLE_S
            try:
                self._bell.clear()
                wait_s = self.work()
            except SpoolError as error:
                _log.error("requests for clips cannot be looked up, trying again", fault=str(error))
            except Exception:  # noqa: BLE001  # the thread's top: a box without clips must still read plates
                _log.exception("clips failed", edge=self._address.edge_id)
            self._bell.wait(wait_s)


def _shortened(job: _Job, cut: Cut) -> str:
    """What of the clip is missing, in words."""
    said = []
    if cut.began_at > job.begin + _SHORT:
        said.append(f"begins {(cut.began_at - job.begin).total_seconds():.1f} s later than asked")
    if cut.ended_at < job.end - _SHORT:
        said.append(f"ends {(job.end - cut.ended_at).total_seconds():.1f} s earlier than asked")
    return ", ".join(said)


def _parts(job: _Job, cut: Cut, data: bytes) -> Iterator[bytes]:
    """The clip as it travels."""
    starts = range(0, len(data), PART_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    for number, start in enumerate(starts, start=1):
        answer = ClipAnswer(
            request=job.request.request,
            epoch=job.request.epoch,
            outcome="clip",
            reason=_shortened(job, cut),
            part=number,
            parts=len(starts),
            size=len(data),
            sha256=digest,
            began_at=cut.began_at,
            ended_at=cut.ended_at,
        )
        yield packed(answer, data[start : start + PART_BYTES])
