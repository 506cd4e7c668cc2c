"""The copy of the lists that boxes hold, kept told: parts that have changed, then a signed head that names them all.

A change is one question every `LOOK_S`, one part read and packed, and two messages. Every `AGAIN_S` a head is issued
even so: what its age is at a box is then the truth about the connection and about the centre.

What the broker retains is known as long as it retains the head that was issued last: it was published after its parts,
and nothing is published before it is kept in the database that there will be another. Where it is not known, everything
is told anew: after a broker that forgot, after a kill, after a restore.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from central.consume.outage import Outage
from central.db import Clock, reading, to_us
from central.errors import ConfigError, RefusedError
from central.hotlist.copies import NOTHING, Copy, Sum, differing, keep, last, packed, sums
from central.hotlist.limits import limits
from central.hotlist.signer import Signer, load_signer
from central.hotlist.version import version_of
from central.sections import MatchSettings
from central.settings import CentralSettings
from edge.contract.delivery import BEYOND
from edge.contract.hotlist import PARTS, CopyError, Head, digest
from edge.contract.topics import HOTLIST_HEAD, hotlist_part

LOOK_S: Final = 0.25
"""Between two looks at the lists' version."""
AGAIN_S: Final = 600.0
"""At the latest, between two heads."""
_LATEST_US: Final = BEYOND - 2**40  # a clock that is centuries wrong leaves numbers for heads to come
_LOST: Final = "the connection was lost meanwhile, or has no room"
_FEW: Final = 8  # parts that are read at once
_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 600.0

_log = structlog.get_logger(__name__)

Wait = Callable[[float], bool]
"""Sleeps so many seconds; whether it is time to stop."""


class Board(Protocol):
    """Where copies go (adapter: board.py)."""

    @property
    def connection(self) -> int:
        """Which connection it is, from 1; 0 while there is none."""
        ...

    def tell(self, topic: str, payload: bytes, *, wait: Wait) -> bool:
        """Publish, retained; whether the broker has confirmed it. RefusedError: it has thrown it away."""
        ...

    def ask(self, topic: str, *, wait: Wait) -> bytes | None:
        """What the broker retains."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """What the broker retains.

    Attributes:
        copy: that was issued last.
        digests: of each part.
        least: of each list, the likelihood from which on it counts.
    """

    copy: Copy
    digests: tuple[bytes, ...]
    least: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is to be issued.

    Attributes:
        payloads: of the parts that the broker does not retain.
    """

    version: int
    at: datetime
    sums: tuple[Sum, ...]
    digests: tuple[bytes, ...]
    least: dict[str, float]
    payloads: dict[int, bytes]

    @property
    def entries(self) -> int:
        """In all parts."""
        return sum(each.entries for each in self.sums)


def give_copies(settings: CentralSettings, engine: Engine, board: Board, wait: Wait, clock: Clock) -> None:
    """Give boxes their copies, where that is ours: a thread's whole life."""
    tls = settings.mqtt.tls
    if 0 not in settings.mqtt.partitions:
        return  # of several consumers one does it
    if tls is None or tls.cert_file is None:
        _log.info("boxes are given no copy of the hotlists: without a certificate of ours it could be forged")
        return
    budget = settings.match if settings.hotlist.copies else None
    Herald(engine, board, signer=lambda: load_signer(tls), clock=clock, budget=budget).run(wait)


@dataclass(frozen=True, slots=True)
class _Read:
    """Parts as they were read, each at a moment of its own.

    Attributes:
        sums: what each was made of when it was read, or is known to be at the broker; None: not known.
        payloads: of those that were read.
    """

    sums: list[Sum | None]
    payloads: dict[int, bytes]


class Herald:
    """Gives boxes their copy; `run` is a thread's whole life."""

    def __init__(
        self,
        engine: Engine,
        board: Board,
        *,
        signer: Callable[[], Signer],
        clock: Clock,
        budget: MatchSettings | None,
    ) -> None:
        """Prepare.

        Args:
            engine: the database.
            board: where copies go.
            signer: who signs now.
            clock: now, UTC-aware.
            budget: that lists are matched by; None: boxes are to hold no entries, and theirs are taken back.
        """
        self._engine: Final = engine
        self._board: Final = board
        self._signer: Final = signer
        self._clock: Final = clock
        self._budget: Final = budget
        self._known: _Known | None = None
        self._connection = 0
        self._beyond = 0  # the number of the head that the broker retains, whatever we know of it
        self._issued_s = 0.0

    def run(self, wait: Wait) -> None:
        """Look until `wait` says that it is over; what fails is tried again less and less often."""
        outage, pause_s = Outage("boxes cannot be given their copy of the hotlists"), _PAUSE_S
        while not wait(LOOK_S):
            if not (fault := self._fault(wait)):
                outage.end()
                pause_s = _PAUSE_S
                continue
            outage.tell(fault)
            wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def look(self, wait: Wait) -> bool:
        """Issue a copy where one is due; False where the connection was lost first, or has no room.

        Raises:
            RefusedError: the broker does not take it.
            sqlalchemy.exc.SQLAlchemyError: the database is away.
            ConfigError: nothing can be signed.
            CopyError: a part is too long for any box.
        """
        connection = self._board.connection
        if connection == 0:
            return True
        if connection != self._connection:
            self._known = self._retained(wait)
            self._connection = connection
        elif self._known is not None and time.monotonic() - self._issued_s < AGAIN_S:
            with reading(self._engine) as database:
                if version_of(database) == self._known.copy.version:
                    return True
        return self._issue(wait)

    def _fault(self, wait: Wait) -> str:
        """Why boxes were not told; empty where they were."""
        try:
            return "" if self.look(wait) else _LOST
        except SQLAlchemyError as error:
            return type(error).__name__
        except (ConfigError, CopyError, RefusedError) as error:
            return str(error)

    def _retained(self, wait: Wait) -> _Known | None:
        """What the broker retains, where its head is the one that was issued last."""
        payload = self._board.ask(HOTLIST_HEAD, wait=wait)
        head = None if payload is None else self._signer().own(payload)
        self._beyond = 0 if head is None else head.number
        with reading(self._engine) as database:
            copy = last(database)
        if copy is None or head is None or head.number != copy.number:
            return None
        return _Known(copy, head.parts, head.least)

    def _issue(self, wait: Wait) -> bool:
        began_s, known, signer = time.monotonic(), self._known, self._signer()
        signer.check(at=self._clock())
        draft = self._drafted(wait)
        if draft is None:
            return True
        self._known = None  # until the broker has all of it
        copy = self._numbered(draft, known)
        head = Head.of(
            draft.digests, number=copy.number, issued_at=draft.at, entries=draft.entries, least=draft.least
        )
        parts = [(hotlist_part(part), payload) for part, payload in draft.payloads.items()]
        for topic, payload in (*parts, (HOTLIST_HEAD, signer.sign(head))):
            if not self._board.tell(topic, payload, wait=wait):
                return wait(0.0)
        self._known, self._issued_s = _Known(copy, draft.digests, draft.least), time.monotonic()
        if parts or known is None:
            counts = {"entries": draft.entries, "parts": len(parts)}
            _log.info("boxes are given a copy", **counts, seconds=round(time.monotonic() - began_s, 2))
        return True

    def _drafted(self, wait: Wait) -> _Draft | None:
        """What is to be issued, all of it of one moment; None where it is time to stop."""
        known, at, least = self._known, self._clock(), {}
        read = _Read([None] * PARTS if known is None else list(known.copy.sums), {})
        while True:
            with reading(self._engine) as database:
                version, made_of = version_of(database), self._sums(database, at)
                if self._budget is not None:
                    found = limits(database, self._budget, at=at)
                    least = {name: each.least for name, each in found.items()}
                changed = differing(read.sums, made_of)
                if len(changed) <= _FEW:
                    for part in changed:
                        read.payloads[part] = self._payload(database, part, at)
                    break
            if not self._read_apart(changed, read, at, wait):
                return None
        digests = [b""] * PARTS if known is None else list(known.digests)
        payloads = {part: each for part, each in read.payloads.items() if digest(each) != digests[part]}
        for part, payload in payloads.items():
            digests[part] = digest(payload)
        return _Draft(version, at, made_of, tuple(digests), least, payloads)

    def _read_apart(self, parts: Iterable[int], read: _Read, at: datetime, wait: Wait) -> bool:
        """Read many parts, each at a moment of its own; False where it is time to stop.

        While one reader stays, SQLite's log grows by all that is written; and the threads that take reads wait for one
        part at most, and have half of the time.
        """
        for part in parts:
            began_s = time.monotonic()
            with reading(self._engine) as database:
                read.sums[part] = self._sums(database, at, part=part)[part]
                read.payloads[part] = self._payload(database, part, at)
            if wait(time.monotonic() - began_s):
                return False
        return True

    def _sums(self, database: Connection, at: datetime, *, part: int | None = None) -> tuple[Sum, ...]:
        return NOTHING if self._budget is None else sums(database, at=at, part=part)

    def _payload(self, database: Connection, part: int, at: datetime) -> bytes:
        return b"" if self._budget is None else packed(database, part, at=at)

    def _numbered(self, draft: _Draft, known: _Known | None) -> Copy:
        """The copy, kept in the database as the last: whatever happens from now on, its number is used."""
        is_same = known is not None and (draft.digests, draft.least) == (known.digests, known.least)
        with self._engine.begin() as database:
            before = last(database)
            at_least = max(self._beyond, 0 if before is None else before.number) + 1
            number = max(at_least, min(to_us(draft.at), _LATEST_US))
            changed = before.changed if before is not None and is_same else number
            copy = Copy(number, draft.version, changed, draft.at, draft.entries, draft.sums)
            keep(database, copy)
        return copy
