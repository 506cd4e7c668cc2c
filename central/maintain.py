"""Keeping the archive quick and small: what `python -m central maintain` does, and `serve` every so often.

    mend damaged files -> close days that are over -> derive their parts -> merge months that are over
    -> remove reads whose time is over -> sweep what no table names

Each step is one commit and says itself whether it is due, so a round that was cut off is continued by the next,
and one that comes too often finds nothing to do. Seals and questions go on meanwhile.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine

from central.access.answers import forget
from central.access.audit import AuditLog
from central.access.key import open_key
from central.archive.close import close, unclosed
from central.archive.derive import derive_day, drop_ended, due, merge_month, turn, unturned
from central.archive.holds import holds
from central.archive.mend import NOTHING, Mended, mend, telling
from central.archive.parts import Part, Period
from central.archive.pictures import open_packs
from central.archive.place import SPILL, Archive, archive_of
from central.archive.retain import Removal, retain
from central.archive.retain_pictures import Retained, in_a_trail, retain_pictures
from central.archive.rules import Rules
from central.archive.schema import BUCKETS, DERIVED, READS
from central.archive.sorter import Sorter, sorter
from central.archive.table import open_archive, speaking_of
from central.db import Clock
from central.errors import StoreError
from central.lock import exclusive
from central.query.held import note_held, under_hold
from central.query.reads import Reads
from central.sections import ArchiveSettings
from central.settings import CentralSettings
from central.types import Look
from central.verify import in_turn, verify

_RETENTION: Final = Look("maintenance", "archive.keep_days", "")


@dataclass(frozen=True, slots=True)
class Step:
    """How far a round is.

    Attributes:
        what: closing, deriving, merging or sweeping, and of what.
        done, of: in whatever the round counts.
    """

    what: str
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did.

    Attributes:
        closed: days that became one file.
        derived: days that were derived from.
        merged: months that became one part.
        swept: files that no table named any more.
        mended: what was done about damaged files.
    """

    closed: tuple[date, ...]
    derived: tuple[date, ...]
    merged: tuple[str, ...]
    swept: int
    mended: Mended = NOTHING


OnStep = Callable[[Step], None]


def maintain(
    engine: Engine,
    archive: Archive,
    settings: ArchiveSettings,
    *,
    clock: Clock,
    on_step: OnStep = lambda _: None,
) -> Round:
    """Do whatever is due.

    Args:
        engine: the database, over which one maintains at a time.
        archive: where it lies.
        settings: how much memory and grace there is.
        clock: now, UTC-aware.
        on_step: is told of each step before it begins; a StoreError of its own ends the round.

    Raises:
        StoreError: something cannot be done, or somebody else is maintaining. What was done stands, and what no
            table names was swept all the same.
    """
    if open_archive(archive) is None:
        return Round((), (), (), 0)
    with exclusive(engine, "maintaining", wait=False):
        try:
            with sorter(archive, memory_mb=settings.memory_mb) as duck:
                today = (clock() - timedelta(seconds=settings.close_after_s)).astimezone(UTC).date()
                due_now = in_turn(archive, settings, today=today, now=clock())
                found = verify(archive, is_due=due_now, on_file=partial(_tell_verified, on_step)).faults
                mended = mend(engine, archive, found, duck=duck, now=clock())
                with telling(lambda: mended):
                    closed = _close(engine, archive, today, duck, on_step)
                    ended = (clock() - timedelta(days=settings.keep_days)).astimezone(UTC).date()
                    derived, merged = _derive(archive, today, ended, duck, on_step)
                    drop_ended(archive, ended=ended)
        except StoreError:
            # It makes room, for want of which the rest may have failed; what went wrong first is told.
            with suppress(StoreError):
                _sweep(archive, settings, on_step)
            raise
        swept = _sweep(archive, settings, on_step)
    return Round(closed, derived, merged, swept, mended)


def maintain_retention(
    engine: Engine,
    archive: Archive,
    settings: CentralSettings,
    *,
    clock: Clock,
    on_step: OnStep = lambda _: None,
) -> list[Removal]:
    """Remove the reads whose time is over and which no hold keeps; each removal stands in the audit log.

    The answers of the API that are over go, too.

    Args:
        engine: the database, over which one maintains at a time.
        archive: where it lies.
        settings: how long reads are kept.
        clock: now, UTC-aware.
        on_step: as of `maintain`.

    Raises:
        StoreError: something cannot be done, or somebody else is maintaining. What was done stands.
        AccessError: the key of the audit log cannot be used.
    """
    rules = Rules(keep=timedelta(days=settings.archive.keep_days), clock=clock)

    def log(connection: Connection, removal: Removal) -> None:
        audit = AuditLog(engine, open_key(settings.access.key_file), clock=clock)
        audit.note(connection, _RETENTION, "retention", told(removal))

    def tell(done: int, of: int) -> None:
        on_step(Step("removing reads", done, of))

    tell(0, 1)
    with engine.begin() as connection:
        forget(connection, at=clock())
    if open_archive(archive) is None:
        return []
    memory_mb = settings.archive.memory_mb
    with exclusive(engine, "maintaining", wait=False), sorter(archive, memory_mb=memory_mb) as duck:
        removed = retain(engine, archive, rules, duck=duck, log=log, on_step=tell)
        if removed:
            drop_ended(archive, ended=(clock() - rules.keep).astimezone(UTC).date())
    return removed


def told(removal: Removal) -> dict[str, object]:
    """A removal for the logs, in counts."""
    days = removal.days
    spans = {"days": len(days), "first": str(days[0]), "last": str(days[-1])} if days else {}
    counts = {"rows": removal.rows, "held": removal.held, **spans}
    return {"cut_off": removal.cut_off.isoformat(), "source": removal.source, **counts}


def maintain_pictures(
    engine: Engine, settings: CentralSettings, *, clock: Clock, on_step: OnStep = lambda _: None
) -> Retained:
    """Remove the pictures and clips whose time is over.

    Args:
        engine: the database, over which one maintains at a time.
        settings: where pictures lie, and how long.
        clock: now, UTC-aware.
        on_step: as of `maintain`.

    Raises:
        StoreError: the packs cannot be reached, or somebody else is maintaining. What was done stands.
    """
    keep = timedelta(days=settings.pictures.keep_days)

    def tell(done: int, of: int) -> None:
        on_step(Step("removing pictures", done, of))

    with exclusive(engine, "maintaining", wait=False):
        note_held_reads(engine, settings, clock=clock)
        ties = (in_a_trail, under_hold)
        return retain_pictures(engine, open_packs(settings), keep=keep, now=clock(), ties=ties, progress=tell)


def note_held_reads(engine: Engine, settings: CentralSettings, *, clock: Clock) -> None:
    """Note the reads that holds of plates and cameras are on, so that their pictures stay.

    Raises:
        QueryError: it took too long.
        StoreError: the archive cannot be opened.
    """
    if all(hold.term.read is not None for hold in holds(engine)):
        return
    rules = Rules(keep=timedelta(days=settings.archive.keep_days), clock=clock)
    with Reads(engine, archive_of(settings), settings.query, rules=rules) as reads:
        note_held(engine, reads)


def _tell_verified(on_step: OnStep, table: str, done: int, of: int) -> None:
    on_step(Step(f"verifying {table}", done, of))


def _close(engine: Engine, archive: Archive, today: date, duck: Sorter, on_step: OnStep) -> tuple[date, ...]:
    table = open_archive(archive)
    days = [] if table is None else unclosed(table, today=today)
    for number, day in enumerate(days):
        on_step(Step(f"closing {day}", number, len(days)))
        close(engine, archive, day, duck=duck)
    return tuple(days)


def _derive(
    archive: Archive, today: date, ended: date, duck: Sorter, on_step: OnStep
) -> tuple[tuple[date, ...], tuple[str, ...]]:
    wanted = due(archive, today=today, ended=ended)
    for number, day in enumerate(wanted.days):
        on_step(Step(f"deriving {day}", number, len(wanted.days)))
        derive_day(archive, day, duck=duck)
    merged = [str(month) for month in wanted.months if _merge(archive, month, duck, on_step)]
    _turn(archive, duck, on_step)
    return wanted.days, tuple(merged)


def _turn(archive: Archive, duck: Sorter, on_step: OnStep) -> None:
    """Each part once: one that cannot be turned keeps none of the others waiting, and is told at the end."""
    tried, failed = set[Part](), list[StoreError]()
    while wanted := [part for part in unturned(archive) if part not in tried]:
        on_step(Step(f"plates of {wanted[0].period} by their endings", len(tried), len(tried) + len(wanted)))
        tried.add(wanted[0])
        try:
            turn(archive, wanted[0], duck=duck)
        except StoreError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _merge(archive: Archive, month: Period, duck: Sorter, on_step: OnStep) -> bool:
    def tell(done: int) -> None:
        on_step(Step(f"merging {month}", done, BUCKETS))

    tell(0)
    return merge_month(archive, month, duck=duck, on_step=tell)


def _sweep(archive: Archive, settings: ArchiveSettings, on_step: OnStep) -> int:
    """Delete what no version within the grace names, and shorten the logs."""
    swept = 0
    for number, layout in enumerate((READS, *DERIVED)):
        on_step(Step(f"sweeping {layout.folder}", number, 1 + len(DERIVED)))
        table = open_archive(archive, layout)
        if table is None:
            continue
        with speaking_of(f"{archive}: {layout.folder} cannot be swept"):
            # Deleted by ourselves: deltalake begins with a commit, for which a full disk has no room.
            old = table.vacuum(settings.grace_h, enforce_retention_duration=False, full=True, dry_run=True)
            for name in old:
                archive.delete(f"{layout.folder}/{name}")
            swept += len(old)
            table.cleanup_metadata()
    oldest_s = time.time() - settings.grace_h * 3600
    for spilt in archive.scratch.glob(f"{SPILL}*"):
        with suppress(FileNotFoundError):  # a seal that improves reads has just ended
            if spilt.stat().st_mtime < oldest_s:  # of one that was killed
                shutil.rmtree(spilt, ignore_errors=True)
    return swept
