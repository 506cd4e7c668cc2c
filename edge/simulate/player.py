"""Plays a clip to one client, over and over, in real time, and writes down what it showed when."""

import asyncio
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge.errors import ConfigError
from edge.simulate.clip import AccessUnit, Clip
from edge.simulate.outlet import Outlet
from edge.simulate.rtp import CLOCK_HZ, Packetiser

_REPORT_EVERY_S = 5.0
_STALL_STEP_S = 0.05


class SlowClientError(Exception):
    """The client takes packets more slowly than the clip makes them."""


class BrokenOnPurposeError(Exception):
    """A fault that was asked for ends this connection."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What a simulated camera does wrong, for tests.

    Attributes:
        drop_share: RTP packets left out at random, 0..1.
        stall_after_s: after this long the session sends nothing; it goes on where it stopped, late, when the
            fault is taken back.
        abort_after_s: after this long the connection is reset.
        becomes: from now on every session shows this clip, from its beginning, and does not say so: its session
            description still tells of the clip before. None: the one that was asked for.
        time_scale: by how much RTP timestamps run faster than time; 0: they stand still.
        told_fps: what the session description says of the frame rate; None: the truth.
    """

    drop_share: float = 0.0
    stall_after_s: float | None = None
    abort_after_s: float | None = None
    becomes: Clip | None = None
    time_scale: float = 1.0
    told_fps: float | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """One session's one pass over a clip: the picture at p seconds was sent at `started_at` + p.

    Attributes:
        clip: its file's name, without the suffix.
        from_s: the second of the file that the first picture shows.
    """

    mount: str
    session: str
    number: int
    clip: str
    from_s: float
    started_at: datetime
    duration_s: float


@dataclass(frozen=True, slots=True)
class End:
    """A session's end: of the pass that it was in, nothing after `ended_at` was sent."""

    mount: str
    session: str
    ended_at: datetime


Journal = Callable[[Pass | End], None]
"""Is told what was shown to whom, as it happens."""


class PassLog:
    """Appends one JSON line a pass or end; a line that was written outlives the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def __call__(self, event: Pass | End) -> None:
        """Write one pass or end."""
        fields: dict[str, str | int | float] = {"mount": event.mount, "session": event.session}
        if isinstance(event, Pass):
            fields["pass"] = event.number
            fields["clip"] = event.clip
            fields["from_s"] = round(event.from_s, 6)
            fields["started_at"] = event.started_at.isoformat()
            fields["duration_s"] = round(event.duration_s, 6)
        else:
            fields["ended_at"] = event.ended_at.isoformat()
        self._file.write(json.dumps(fields).encode() + b"\n")

    def close(self) -> None:
        """Close the file; idempotent."""
        self._file.close()


def pass_log(path: Path) -> PassLog:
    """A log below `--log`.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        return PassLog(path)
    except OSError as error:
        raise ConfigError(f"--log {path}: cannot be written: {error.strerror}") from error


class Player:
    """One session's stream: timestamps run on over the wrap, pictures leave at their time.

    Args:
        view: says before every picture which clip to show; another one than before is shown from its beginning.
        journal: called at the start of each pass and at the end.
        now: the UTC time.
        backlog_bytes: more than this untaken by the client ends the session.
    """

    def __init__(
        self,
        view: Callable[[], Clip],
        outlet: Outlet,
        *,
        name: tuple[str, str],
        journal: Journal,
        now: Callable[[], datetime],
        backlog_bytes: int,
    ) -> None:
        self._view = view
        self._outlet = outlet
        self._mount, self._session = name
        self._journal = journal
        self._now = now
        self._backlog_bytes = backlog_bytes
        self._random = random.Random(0)  # noqa: S311  # the same losses in every test
        self._first_ticks = random.getrandbits(32)
        self._packetiser = Packetiser(ssrc=random.getrandbits(32), sequence=random.getrandbits(16))

    @property
    def rtp_info(self) -> str:
        """Number and timestamp of the first packet, as PLAY's answer states them."""
        return f"seq={self._packetiser.sequence};rtptime={self._first_ticks}"

    async def play(self, faults: Callable[[], Faults]) -> None:
        """Send until cancelled.

        Args:
            faults: what is to go wrong, asked before every picture.

        Raises:
            SlowClientError: more than the bound waits to be taken.
            BrokenOnPurposeError: `Faults.abort_after_s` has passed.
        """
        try:
            await self._play(faults)
        finally:
            self._journal(End(self._mount, self._session, self._now()))

    async def _play(self, faults: Callable[[], Faults]) -> None:
        loop = asyncio.get_running_loop()
        start_s, reported_s = loop.time(), float("-inf")
        pass_ticks = 0
        for number in itertools.count():
            pass_s = start_s + pass_ticks / CLOCK_HZ
            showing = self._showing(faults())
            self._log(number, showing, late_s=loop.time() - pass_s)
            played_ticks = showing.ticks
            for unit in showing.units:
                due_s = pass_s + unit.ticks / CLOCK_HZ
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                now = await self._suffer(faults, played_s=due_s - start_s)
                if self._showing(now) is not showing:
                    played_ticks = unit.ticks
                    break
                timestamp = self._timestamp(pass_ticks + unit.ticks, now)
                await self._send(unit, showing, timestamp=timestamp, drop_share=now.drop_share)
                if due_s - reported_s >= _REPORT_EVERY_S:
                    reported_s = due_s
                    self._report(timestamp, late_s=loop.time() - due_s)
            pass_ticks += played_ticks

    def _showing(self, faults: Faults) -> Clip:
        return faults.becomes or self._view()

    def _log(self, number: int, showing: Clip, *, late_s: float) -> None:
        started_at = self._now() - timedelta(seconds=late_s)
        what = (showing.path.stem, showing.first_ticks / CLOCK_HZ)
        self._journal(Pass(self._mount, self._session, number, *what, started_at, showing.duration_s))

    def _report(self, timestamp: int, *, late_s: float) -> None:
        at = self._now() - timedelta(seconds=late_s)
        self._outlet.report(self._packetiser.sender_report(timestamp=timestamp, at=at))

    def _timestamp(self, ticks: int, faults: Faults) -> int:
        return (self._first_ticks + round(ticks * faults.time_scale)) & 0xFFFFFFFF

    async def _suffer(self, faults: Callable[[], Faults], *, played_s: float) -> Faults:
        now = faults()
        while now.stall_after_s is not None and played_s >= now.stall_after_s:
            await asyncio.sleep(_STALL_STEP_S)
            now = faults()
        if now.abort_after_s is not None and played_s >= now.abort_after_s:
            raise BrokenOnPurposeError
        return now

    async def _send(self, unit: AccessUnit, showing: Clip, *, timestamp: int, drop_share: float) -> None:
        packets = self._packetiser.packets(unit.nals, timestamp=timestamp, h265=showing.is_h265)
        if drop_share:
            packets = [p for p in packets if self._random.random() >= drop_share]
        await self._outlet.send(packets)
        if self._outlet.backlog_bytes() > self._backlog_bytes:
            raise SlowClientError
