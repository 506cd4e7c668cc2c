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
from central.errors import BusyError, CancelledError, CentralError, QueryError
from central.hotlist.version import version_of
from central.lock import exclusive
from central.query.desk import open_reads
from central.query.hunt import Entry, seen_of
from central.query.logged import Logged
from central.query.pace import Pace
from central.query.plan import MOST_PLATES
from central.query.reads import Reads
from central.query.traces import due, keep_traces, put_off
from central.settings import CentralSettings
from central.types import Look, Wait

_WHO: Final = Look(ATALAYA, purpose="where new and changed entries were seen before", case_number="")
_LOOK_S: Final = 2.0
"""So often it looks whether the lists have changed."""
_EVERY_S: Final = 300.0
"""So often it looks for what is due by its time: an entry that begins, a trace that is over."""
_AGAIN_S: Final = 60.0
"""After a failure, or while another centre hunts."""
_JOIN_S: Final = 0.1
_MOST_DUE: Final = 20_000
"""Entries that a look takes: a long list is not sorted again for each portion."""

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
        self._clock: Final = clock
        self._monotonic: Final = monotonic
        self._logged: Final = Logged(_WHO, AuditLog(engine, open_key(settings.access.key_file), clock=clock))
        self._pace: Final = Pace(wait, monotonic)
        self._thread: Final = Thread(target=self.run, name="hunter")
        self._reads: Reads | None = None
        self._most = MOST_PLATES  # at once
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
        said = ""
        while True:
            try:
                if self._pace.rest(_LOOK_S, until=self._is_due):
                    return
                if self._is_due():
                    self.look()
                    said = ""
            except CancelledError:  # it is over
                continue
            except BusyError:  # another centre hunts
                self._next_s = self._monotonic() + _AGAIN_S
            except (CentralError, SQLAlchemyError, OSError) as error:  # no fault of a disk may end the centre
                if str(error) != said:
                    _log.warning("entries are hunted later", reason=str(error))
                said, self._next_s = str(error), self._monotonic() + _AGAIN_S

    def look(self) -> int:
        """Hunt those who are due, the newest first; how many were hunted.

        It ends sooner where the lists are changed meanwhile, or it took long: the next look begins with who is new.

        Raises:
            BusyError: another centre hunts.
            CentralError: the archive cannot be asked. What was written stands.
            sqlalchemy.exc.SQLAlchemyError: nor the database.
        """
        self._version, self._next_s = self._version_now(), self._monotonic() + _EVERY_S
        with exclusive(self._engine, "hunting", wait=False) as held:
            at = self._clock()
            entries = due(held, at, at - self._keep, most=_MOST_DUE)
            if not entries:
                return 0
            with self._opened() as reads:
                hunted = self._hunt_all(held, reads, entries)
        if hunted:
            _log.info("entries hunted", entries=hunted)
        self._next_s = self._monotonic()  # there may be more
        return hunted

    @property
    def _keep(self) -> timedelta:
        return timedelta(days=self._settings.archive.keep_days)

    def _is_due(self) -> bool:
        """Whether it is time for a look, or for the next one."""
        return self._monotonic() >= self._next_s or self._version_now() != self._version

    def _version_now(self) -> int:
        with reading(self._engine) as connection:
            return version_of(connection)

    def _opened(self) -> Reads:
        self._reads = open_reads(self._settings, self._engine, clock=self._clock, threads=1)
        return self._reads

    def _hunt_all(self, engine: Engine, reads: Reads, entries: Sequence[Entry]) -> int:
        """Hunt portion by portion, until the next look is due; how many were hunted."""
        asked = hunted = 0
        while asked < len(entries):
            portion = entries[asked : asked + self._most]
            hunted += self._hunt(engine, reads, portion)
            asked += len(portion)
            if self._pace.rest(until=self._is_due) or self._is_due():
                break
        return hunted

    def _hunt(self, engine: Engine, reads: Reads, portion: Sequence[Entry]) -> int:
        """Ask for a portion, and keep what is found.

        Where that fails, the next one is half as long, for it may have been too much at once; one entry alone is put
        off, so that the others have their turn.
        """
        at, plates = self._clock(), {entry.plate for entry in portion}
        numbers = [entry.number for entry in portion]
        try:
            seen, missing = self._logged(
                "hunt",
                {"entries": len(portion), "first": min(numbers), "last": max(numbers)},
                lambda: seen_of(reads, plates, since=at - self._keep),
                lambda found: len(found[0]),
                more=lambda found: {"lacking": len(found[1])},
            )
        except CancelledError:
            raise
        except QueryError:
            self._most = max(1, len(portion) // 2)
            if len(portion) == 1:
                with engine.begin() as connection:
                    put_off(connection, portion[0], at=at, since=at - self._keep)
            raise
        self._most = min(self._most + self._most // 8 + 1, MOST_PLATES)
        lacking = sum(not each.aside for each in missing)  # what is lost is lost tomorrow too
        with engine.begin() as connection:
            return keep_traces(connection, portion, seen, at=at, lacking=lacking)
