"""Pictures and clips: whatever of a pack no row names any more is blanked where it lies.

A pack keeps its name and its length, so nothing else of it moves. Beside the pictures of the reads that were erased go
those that a better one had replaced, and what a consumer that was killed had written for nothing: they may be the same
vehicle's. That takes a pack to be finished, and an hour old, or a transaction may be about to name what is in it.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Engine, select, update

from central.archive.pictures import Packs
from central.archive.retain_pictures import GRACE
from central.db import clip_part, erased_file, picture, reading
from central.erase.remove import PACKS
from central.errors import MissingError

_HOUR: Final = re.compile(r"(\d{4}-\d\d-\d\d)/(\d\d)-")


def blank(engine: Engine, packs: Packs, *, number: int, now: datetime) -> list[str]:
    """Blank what nothing names, in the packs of an order and their neighbours of the same hour.

    Args:
        engine: the database, over which nobody else maintains.
        packs: where pictures lie.
        number: of the order.
        now: UTC-aware.

    Returns:
        The packs that are not finished yet: the next call takes them.

    Raises:
        StoreError: a pack cannot be read or written.
    """
    due = _due(engine, number)
    return [name for name in due if _is_young(name, now) or not _blanked(engine, packs, number, name)]


def _due(engine: Engine, number: int) -> list[str]:
    row = erased_file.c
    query = select(row.name).where(row.erasure_id == number, row.name.startswith(PACKS), row.done.is_(False))
    with reading(engine) as connection:
        return [name.removeprefix(PACKS) for name in connection.scalars(query.order_by(row.name))]


def _is_young(name: str, now: datetime) -> bool:
    hour = _HOUR.match(name)
    if hour is None:
        return False
    begins = datetime.fromisoformat(f"{hour[1]}T{hour[2]}:00").replace(tzinfo=UTC)
    return begins + timedelta(hours=1) + GRACE > now


def _blanked(engine: Engine, packs: Packs, number: int, name: str) -> bool:
    """Blank a pack and its neighbours; False where one of them is not finished."""
    _note(engine, number, name, sha256_before=_hash(packs, name))
    if not all(packs.blank(each, partial(_named, engine, each)) for each in _neighbours(packs, name)):
        return False
    _note(engine, number, name, sha256_after=_hash(packs, name), done=True)
    return True


def _neighbours(packs: Packs, name: str) -> list[str]:
    """The packs of the same hour, itself among them."""
    hour = _HOUR.match(name)
    if hour is None:
        return [name]
    return sorted({file.name for file in packs.of_day(hour[1]) if file.name.startswith(hour[0])})


def _named(engine: Engine, name: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    with reading(engine) as connection:
        for table in (picture, clip_part):
            query = select(table.c.offset, table.c.length).where(table.c.pack == name)
            found += [(row.offset, row.length) for row in connection.execute(query)]
    return found


def _hash(packs: Packs, name: str) -> str | None:
    try:
        return hashlib.sha256(packs.whole(name)).hexdigest()
    except MissingError:  # its time was over meanwhile
        return None


def _note(engine: Engine, number: int, name: str, **values: str | bool | None) -> None:
    row = erased_file.c
    mine = [row.erasure_id == number, row.name == f"{PACKS}{name}"]
    if "sha256_before" in values:
        mine.append(row.sha256_before.is_(None))  # of before the first call
    with engine.begin() as connection:
        connection.execute(update(erased_file).where(*mine).values(**values))
