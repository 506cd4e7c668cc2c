"""A copy of the lists as it is to be issued: the parts that the broker does not retain, all of one moment."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from central.db import Clock, reading
from central.hotlist.copies import NOTHING, Copy, Sum, differing, packed, sums
from central.hotlist.limits import limits
from central.hotlist.version import version_of
from central.sections import MatchSettings
from central.types import Wait
from edge.contract.hotlist import PARTS, digest

_FEW: Final = 8  # parts that are read at once


@dataclass(frozen=True, slots=True)
class Known:
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
class Draft:
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
        """In force; parts leave out those that no box could understand."""
        return sum(each.entries for each in self.sums)


@dataclass(frozen=True, slots=True)
class _Read:
    """Parts as they were read, each at a moment of its own.

    Attributes:
        sums: what each was made of when it was read, or is known to be at the broker; None: not known.
        payloads: of those that were read.
    """

    sums: list[Sum | None]
    payloads: dict[int, bytes]


class Drafter:
    """Makes drafts; one thread's."""

    def __init__(self, engine: Engine, *, clock: Clock, budget: MatchSettings | None) -> None:
        """Prepare.

        Args:
            engine: the database.
            clock: now, UTC-aware.
            budget: that lists are matched by; None: boxes are to hold no entries, and theirs are taken back.
        """
        self._engine: Final = engine
        self._clock: Final = clock
        self._budget: Final = budget

    def drafted(self, known: Known | None, wait: Wait) -> Draft | None:
        """What is to be issued, all of it of one moment; None where it is time to stop.

        Args:
            known: what the broker retains; None where that is not known.
            wait: between two parts, where many are read.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away.
            CopyError: a part is too long for any box.
        """
        at, least = self._clock(), {}
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
        return Draft(version, at, made_of, tuple(digests), least, payloads)

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
