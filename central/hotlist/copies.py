"""The copy of the lists that boxes hold: what has changed of it, its parts, and what was given last.

Which of the parts differ is one question, answered from an index: how many entries each has that are not over, and
the sum of their fingerprints. Only those that differ are read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection, delete, func, insert, select

from central.db import from_us, hotlist_copy, hotlist_entry, to_us
from central.hotlist.fingerprint import SENT
from edge.contract.hotlist import PARTS, CopyError, Entry, pack, part_of

_log = structlog.get_logger(__name__)


class Sum(NamedTuple):
    """What a part is made of: entries that are not over, and the sum of their fingerprints."""

    entries: int
    fingerprints: int


NOTHING: Final[tuple[Sum, ...]] = (Sum(0, 0),) * PARTS
"""Where no list has an entry, or boxes are to hold none."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was given to the boxes.

    Attributes:
        number: of its head.
        version: of the lists that it was made of (`hotlist.version`).
        changed: the number of the first head since which all heads name the same entries.
        entries: in all parts.
        sums: of each part.
    """

    number: int
    version: int
    changed: int
    issued_at: datetime
    entries: int
    sums: tuple[Sum, ...]


def sums(connection: Connection, *, at: datetime, part: int | None = None) -> tuple[Sum, ...]:
    """Of each part, what it is made of now; of one alone, where one is named."""
    entry = hotlist_entry.c
    query = (
        select(entry.part, func.count(), func.sum(entry.fingerprint))
        .where(entry.valid_until_us > to_us(at))
        .group_by(entry.part)
    )
    if part is not None:
        query = query.where(entry.part == part)
    found = {number: Sum(count, int(total)) for number, count, total in connection.execute(query)}
    return tuple(found.get(number, NOTHING[number]) for number in range(PARTS))


def packed(connection: Connection, part: int, *, at: datetime) -> bytes:
    """A part of the entries that are not over; one that no box could understand is left out, and told.

    Raises:
        CopyError: it is too long for any box.
    """
    entry = hotlist_entry.c
    columns = [entry[name] for name in SENT]
    query = select(*columns).where(entry.part == part, entry.valid_until_us > to_us(at))
    entries = [Entry(*row) for row in connection.execute(query)]
    try:
        return pack(entries)
    except CopyError:
        return pack([each for each in entries if _is_sound(each, part)])


def _is_sound(entry: Entry, part: int) -> bool:
    try:
        if part_of(entry.plate) != part:
            raise CopyError("stands in another part than its plate does")
        pack([entry])
    except CopyError as error:
        _log.error("hotlist entry cannot be told to boxes", list=entry.list_name, part=part, fault=str(error))
        return False
    return True


def last(connection: Connection) -> Copy | None:
    """The copy that was given last; None where none ever was."""
    row = connection.execute(select(hotlist_copy).order_by(hotlist_copy.c.number.desc())).mappings().first()
    if row is None:
        return None
    return Copy(
        number=row["number"],
        version=row["version"],
        changed=row["changed"],
        issued_at=from_us(row["issued_us"]),
        entries=row["entries"],
        sums=tuple(Sum(*each) for each in json.loads(row["sums"])),
    )


def keep(connection: Connection, copy: Copy) -> None:
    """Keep a copy as the last, before anybody is told of it: no number is used twice."""
    connection.execute(delete(hotlist_copy))
    row = {
        "number": copy.number,
        "version": copy.version,
        "changed": copy.changed,
        "issued_us": to_us(copy.issued_at),
        "entries": copy.entries,
        "sums": json.dumps(copy.sums, separators=(",", ":")),
    }
    connection.execute(insert(hotlist_copy), row)


def differing(before: Sequence[Sum | None], now: Sequence[Sum]) -> list[int]:
    """Which parts are not as they were; those too of which that is not known."""
    return [part for part in range(PARTS) if before[part] != now[part]]
