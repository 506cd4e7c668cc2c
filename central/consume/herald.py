"""The copy of the lists that boxes hold, kept told: parts that have changed, then a signed head that names them all.

A change is one question every `LOOK_S`, one part read and packed, and two messages. Every `AGAIN_S` a head is issued
even so: what its age is at a box is then the truth about the connection and about the centre.

What the broker retains is known as long as it retains the head that was issued last: it was published after its parts,
and nothing is published before it is kept in the database that there will be another. Where it is not known, everything
is told anew: after a broker that forgot, after a kill, after a restore.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.consume.draft import Draft, Drafter, Known
from central.consume.outage import Outage
from central.db import Clock, reading, to_us
from central.errors import ConfigError, RefusedError
from central.hotlist.copies import Copy, keep, last
from central.hotlist.signer import Signer, load_signer
from central.hotlist.version import version_of
from central.sections import MatchSettings
from central.settings import CentralSettings
from central.types import Wait
from edge.contract.delivery import BEYOND
from edge.contract.hotlist import CopyError, Head
from edge.contract.topics import HOTLIST_HEAD, hotlist_part

LOOK_S: Final = 0.25
"""Between two looks at the lists' version."""
AGAIN_S: Final = 600.0
"""At the latest, between two heads."""
_LATEST_US: Final = BEYOND - 2**40  # a clock that is centuries wrong leaves numbers for heads to come
_LOST: Final = "the connection was lost meanwhile, or has no room"
_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 15.0
_REFUSED_PAUSE_S: Final = 600.0  # at the longest: a person has to mend it, and each try tells every part
_STEP_S: Final = 1.0  # of a pause

_log = structlog.get_logger(__name__)


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
        self._drafter: Final = Drafter(engine, clock=clock, budget=budget)
        self._known: Known | None = None
        self._connection = 0
        self._beyond = 0  # the highest number that boxes may have seen, whatever the database knows of it
        self._issued_s = 0.0

    def run(self, wait: Wait) -> None:
        """Look until `wait` says that it is over.

        What is refused is tried again less and less often, anything else soon, and on a new connection all at once.
        """
        outage, pause_s = Outage("boxes cannot be given their copy of the hotlists"), _PAUSE_S
        while not wait(LOOK_S):
            connection = self._board.connection
            if connection == 0:
                continue
            fault, longest_s = self._fault(wait)
            if not fault:
                outage.end()
                pause_s = _PAUSE_S
                continue
            outage.tell(fault)
            pause_s = min(pause_s, longest_s)
            pause_s = 2 * pause_s if self._pause(pause_s, connection, wait) else _PAUSE_S

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
            known = self._retained(wait)
            if self._board.connection != connection:
                return False
            self._known, self._connection = known, connection
        elif self._known is not None and time.monotonic() - self._issued_s < AGAIN_S:
            with reading(self._engine) as database:
                if version_of(database) == self._known.copy.version:
                    return True
        return self._issue(wait)

    def _fault(self, wait: Wait) -> tuple[str, float]:
        """Why boxes were not told, empty where they were; and how long it may be until they are told again, seconds."""
        try:
            return "" if self.look(wait) else _LOST, _LONGEST_PAUSE_S
        except RefusedError as error:
            return str(error), _REFUSED_PAUSE_S
        except SQLAlchemyError as error:
            return type(error).__name__, _LONGEST_PAUSE_S
        except (ConfigError, CopyError) as error:
            return str(error), _LONGEST_PAUSE_S

    def _pause(self, seconds: float, connection: int, wait: Wait) -> bool:
        """Sleep; False where it is cut short because that connection is no more, or it is time to stop."""
        steps = range(round(seconds / _STEP_S))
        return not any(wait(_STEP_S) or self._board.connection != connection for _ in steps)

    def _retained(self, wait: Wait) -> Known | None:
        """What the broker retains, where its head is the one that was issued last."""
        payload = self._board.ask(HOTLIST_HEAD, wait=wait)
        head = None if payload is None else self._signer().own(payload)
        self._beyond = max(self._beyond, 0 if head is None else head.number)
        with reading(self._engine) as database:
            copy = last(database)
        if copy is None or head is None or head.number != copy.number:
            return None
        return Known(copy, head.parts, head.least)

    def _issue(self, wait: Wait) -> bool:
        began_s, known, signer = time.monotonic(), self._known, self._signer()
        signer.check(at=self._clock())
        draft = self._drafter.drafted(known, wait)
        if draft is None:
            return True
        copy = self._numbered(draft, known)
        self._known = None  # until the broker has all of it
        head = Head.of(
            draft.digests, number=copy.number, issued_at=draft.at, entries=draft.entries, least=draft.least
        )
        parts = [(hotlist_part(part), payload) for part, payload in draft.payloads.items()]
        signed = signer.sign(head)
        for topic, payload in (*parts, (HOTLIST_HEAD, signed)):
            if not self._board.tell(topic, payload, wait=wait):
                return wait(0.0)
        if known is None and not self._is_there(signed, wait):
            return wait(0.0)
        self._known, self._issued_s = Known(copy, draft.digests, draft.least), time.monotonic()
        if parts or known is None:
            counts = {"entries": draft.entries, "parts": len(parts)}
            _log.info("boxes are given a copy", **counts, seconds=round(time.monotonic() - began_s, 2))
        return True

    def _is_there(self, signed: bytes, wait: Wait) -> bool:
        """Whether the broker retains the head; over MQTT 3.1.1 it confirms what it throws away too.

        Raises:
            RefusedError: it does not.
        """
        connection = self._board.connection
        if self._board.ask(HOTLIST_HEAD, wait=wait) == signed:
            return True
        if self._board.connection != connection or wait(0.0):
            return False
        raise RefusedError("broker keeps no head; may we read and write lpr/v1/hotlist/# by its access list?")

    def _numbered(self, draft: Draft, known: Known | None) -> Copy:
        """The copy, kept in the database as the last: whatever happens from now on, its number is used."""
        with self._engine.begin() as database:
            before = last(database)
            at_least = max(self._beyond, 0 if before is None else before.number) + 1
            number = max(at_least, min(to_us(draft.at), _LATEST_US))
            changed = number
            if known is not None and (draft.digests, draft.least) == (known.digests, known.least):
                changed = known.copy.changed
            copy = Copy(number, draft.version, changed, draft.at, draft.entries, draft.sums)
            keep(database, copy)
        self._beyond = copy.number
        return copy
