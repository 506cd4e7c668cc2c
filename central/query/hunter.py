"""The hunt that goes on by itself: whoever is entered, or changed, is looked for in all reads that are kept.

It asks in one thread and rests as long as it worked, so half a core is the most that it takes. What it found of a
portion is written in one transaction; killed at any moment, the next one hunts those of whom nothing is kept.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Thread
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.access.audit import AuditLog
from central.access.key import open_key
from central.alert.log import ATALAYA
from central.db import Clock, reading
from central.errors import CancelledError, CentralError, QueryError
from central.hotlist.version import version_of
from central.lock import exclusive
from central.query.desk import open_reads
from central.query.hunt import Entry, portions, seen_of
from central.query.logged import Logged
from central.query.plan import MOST_PLATES
from central.query.reads import Reads
from central.query.traces import due, keep_traces
from central.settings import CentralSettings
from central.types import Look, Wait

_WHO: Final = Look(ATALAYA, purpose="where new and changed entries were seen before", case_number="")
_LOOK_S: Final = 2.0
"""So often it looks whether the lists have changed."""
_EVERY_S: Final = 300.0
"""So often it looks for what is due by its time: an entry that begins, a trace that is over."""
_AGAIN_S: Final = 60.0
"""After a failure."""
_JOIN_S: Final = 0.1

_log = structlog.get_logger(__name__)


class Hunter:
    """Hunts; its own thread's, but for `start` and `join`."""

    def __init__(
        self,
        settings: CentralSettings,
        engine: Engine,
        wait: Wait,
        *,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            settings: of the whole centre.
            engine: the database.
            wait: rests, and says when it is time to stop.
            clock: now, UTC-aware.
            monotonic: seconds, by which turns and rests are told.

        Raises:
            AccessError: the key of the audit log cannot be used.
        """
        self._settings: Final = settings
        self._engine: Final = engine
        self._wait: Final = wait
        self._clock: Final = clock
        self._monotonic: Final = monotonic
        self._logged: Final = Logged(_WHO, AuditLog(engine, open_key(settings.access.key_file), clock=clock))
        self._thread: Final = Thread(target=self.run, name="hunter")
        self._reads: Reads | None = None
        self._most = MOST_PLATES
        self._version, self._next_s = -1, 0.0

    def start(self) -> None:
        """Begin, where the settings say so."""
        if self._settings.hotlist.hunt:
            self._thread.start()

    def join(self) -> None:
        """End, once `wait` says so: no answer is waited for."""
        while self._thread.is_alive():
            if self._reads is not None:
                self._reads.cancel()
            self._thread.join(_JOIN_S)

    def run(self) -> None:
        """Hunt until `wait` says that it is over; the thread's whole life."""
        said, pause_s = "", _LOOK_S
        while not self._wait(pause_s):
            try:
                self.look()
                said, pause_s = "", _LOOK_S
            except CancelledError:  # it is over
                pause_s = 0.0
            except (CentralError, SQLAlchemyError, OSError) as error:  # no fault of a disk may end the centre
                if str(error) != said:
                    _log.warning("entries are hunted later", reason=str(error))
                said, pause_s = str(error), _AGAIN_S

    def look(self) -> int:
        """Hunt all who are due, the newest first; how many were hunted.

        It ends sooner where the lists are changed meanwhile: the next look begins with who is new.

        Raises:
            CentralError: the archive cannot be asked, or another centre hunts. What was written stands.
            sqlalchemy.exc.SQLAlchemyError: nor the database.
        """
        version = self._version_now()
        if version == self._version and self._monotonic() < self._next_s:
            return 0
        at = self._clock()
        terms, hunted = due(at, at - self._keep), 0
        with exclusive(self._engine, "hunting", wait=False) as held, self._opened() as reads:
            for portion in portions(held, terms, most=self._most):
                begun_s = self._monotonic()
                hunted += self._hunt(held, reads, portion)
                if self._wait(self._monotonic() - begun_s) or self._version_now() != version:
                    break
        if hunted:
            _log.info("entries hunted", entries=hunted)
        self._version, self._next_s, self._most = version, self._monotonic() + _EVERY_S, MOST_PLATES
        return hunted

    @property
    def _keep(self) -> timedelta:
        return timedelta(days=self._settings.archive.keep_days)

    def _version_now(self) -> int:
        with reading(self._engine) as connection:
            return version_of(connection)

    def _opened(self) -> Reads:
        self._reads = open_reads(self._settings, self._engine, clock=self._clock, threads=1)
        return self._reads

    def _hunt(self, engine: Engine, reads: Reads, portion: Sequence[Entry]) -> int:
        """Ask for a portion, and keep what is found."""
        at, plates = self._clock(), {entry.plate for entry in portion}
        told = {"entries": len(portion), "first": portion[-1].number, "last": portion[0].number}
        try:
            seen, missing = self._logged(
                "hunt",
                told,
                lambda: seen_of(reads, plates, since=at - self._keep),
                lambda found: len(found[0]),
                more=lambda found: {"lacking": len(found[1])},
            )
        except QueryError:
            self._most = max(1, self._most // 2)  # it may have been too much at once
            raise
        with engine.begin() as connection:
            return keep_traces(connection, portion, seen, at=at, lacking=len(missing))
