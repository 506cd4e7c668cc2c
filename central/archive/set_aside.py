"""Damaged files of reads that could not be mended: kept beside the tables until their day is over, a word on each.

    <archive>/set-aside/captured_date=2026-03-04__day-000000000140-….parquet       as it was found
    <archive>/set-aside/captured_date=2026-03-04__day-000000000140-….parquet.json  what, when, why, how many reads

The word is written before the table lets go of the file, and counts from then on: every later answer over that day
says that these reads are not in it. Whoever must erase a plate everywhere must erase it here too.
"""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from central.archive.damage import Fault
from central.archive.place import Archive
from central.errors import StoreError

FOLDER: Final = "set-aside"

WORD: Final = ".json"
"""Ending of the word on a file."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Reads that an answer may lack: those of a damaged file.

    Attributes:
        file: its name, below the archive.
        day: of capture, UTC.
        reads: how many.
        why: what is wrong with the file.
        aside: it was set aside: they are lost. Else it may be mended yet.
    """

    file: str
    day: date
    reads: int
    why: str
    aside: bool


def missing(fault: Fault) -> Missing:
    """What is missing while a file of reads is damaged."""
    return Missing(fault.name, fault.file.captured_date, fault.file.rows, fault.why, aside=False)


def set_aside(archive: Archive, fault: Fault, *, lost: int, now: datetime) -> None:
    """Keep a damaged file of reads, with a word on it; the table still names the file itself.

    Args:
        archive: where it lies.
        fault: the file, and what is wrong with it.
        lost: reads of it that are nowhere else.
        now: UTC-aware.

    Raises:
        OSError: it cannot be written.
    """
    name = f"{FOLDER}/{fault.file.name.replace('/', '__')}"
    word = {
        "file": fault.name,
        "day": fault.file.captured_date.isoformat(),
        "rows": fault.file.rows,
        "lost": lost,
        "why": fault.why,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
    }
    with suppress(FileNotFoundError):
        content = archive.read(fault.name)
        archive.delete(name)  # half of it, of one that was killed
        with archive.create(name) as kept:
            kept.write(content)
    archive.delete(f"{name}{WORD}")
    with archive.create(f"{name}{WORD}") as spoken:
        spoken.write(json.dumps(word, indent=1).encode())


def gone(archive: Archive, live: Collection[str]) -> tuple[Missing, ...]:
    """The reads that are lost with files that were set aside, oldest day first.

    Args:
        archive: where it lies.
        live: files that the table of reads names, below the archive: of such the word does not count yet.

    Raises:
        StoreError: a word cannot be read.
    """
    found = []
    for name in _words(archive):
        try:
            word = json.loads(archive.read(name))
            day, reads = date.fromisoformat(word["day"]), int(word["lost"])
            lost = Missing(word["file"], day, reads, word["why"], aside=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{archive}: {name}: what is missing cannot be read: {type(error).__name__}"
            ) from error
        if lost.reads and lost.file not in live:
            found.append(lost)
    return tuple(sorted(found, key=lambda each: (each.day, each.file)))


def forget(archive: Archive, is_over: Callable[[date], bool]) -> None:
    """Delete the files of days that are over, each before the word on it.

    Raises:
        StoreError: one cannot be read or deleted.
    """
    for name in _words(archive):
        try:
            if is_over(date.fromisoformat(json.loads(archive.read(name))["day"])):
                archive.delete(name.removesuffix(WORD))
                archive.delete(name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{archive}: {name}: cannot be forgotten: {type(error).__name__}") from error


def _words(archive: Archive) -> list[str]:
    try:
        return [name for name in archive.files(FOLDER) if name.endswith(WORD)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{archive}: {FOLDER} cannot be read: {error}") from error
