"""Looking for damage before somebody asks: `python -m central verify`, and a part of each round of maintenance.

Each round looks whether every file is there in its size, reads whole what is about to be written again, so that no
damage is copied, and a share of the others: all of them once in `archive.verify_days`. Which ones is told by their
names and the time alone, so nothing has to be remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zlib import crc32

from central.archive.close import unclosed
from central.archive.damage import Fault, faults
from central.archive.derive import due
from central.archive.parts import part_of
from central.archive.place import Archive
from central.archive.schema import DERIVED, PLATES, READS, Layout
from central.archive.table import LiveFile, live_files, open_archive, speaking_of
from central.db import to_us
from central.sections import ArchiveSettings

IsDue = Callable[[Layout, LiveFile], bool]
OnFile = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the archive found.

    Attributes:
        files: how many the tables name.
        read: how many of them were read whole.
        reads: that the table of reads holds, as its log says.
        faults: damaged files.
    """

    files: int
    read: int
    reads: int
    faults: tuple[Fault, ...]


def verify(
    archive: Archive, *, is_due: IsDue = lambda _layout, _file: True, on_file: OnFile = lambda *_: None
) -> Verified:
    """Look at every file of every table.

    Args:
        archive: where they lie.
        is_due: whether a file is read whole; else only its size is looked at.
        on_file: is told of each: the table, how many were looked at, of how many; an error of its own ends it.

    Raises:
        StoreError: the archive cannot be read, which is no file's fault.
    """
    found, files, read, reads = list[Fault](), 0, 0, 0
    for layout in (READS, *DERIVED):
        table = open_archive(archive, layout)
        live = [] if table is None else live_files(table)
        files += len(live)
        reads += sum(file.rows for file in live) if layout is READS else 0
        for number, file in enumerate(live):
            on_file(layout.folder, number, len(live))
            thoroughly = is_due(layout, file)
            read += thoroughly
            with speaking_of(f"{archive}: cannot be verified"):
                found += faults(archive, layout, [file], thoroughly=thoroughly)
    return Verified(files, read, reads, tuple(found))


def in_turn(archive: Archive, settings: ArchiveSettings, *, today: date, now: datetime) -> IsDue:
    """Which files are to be read whole in the round of maintenance that begins now.

    Args:
        archive: where they lie.
        settings: how often there is a round, and how long one turn takes.
        today: the UTC date that is not over, as maintenance takes it.
        now: UTC-aware.

    Raises:
        StoreError: a table cannot be opened.
    """
    ended = (now - timedelta(days=settings.keep_days)).astimezone(UTC).date()
    table, wanted = open_archive(archive), due(archive, today=today, ended=ended)
    days = {*([] if table is None else unclosed(table, today=today)), *wanted.days}
    rounds = max(1, round(settings.verify_days * 86_400 / settings.maintain_s))
    turn = int(to_us(now) / (settings.maintain_s * 1_000_000)) % rounds

    def is_due(layout: Layout, file: LiveFile) -> bool:
        if layout is READS and file.captured_date in days:
            return True
        part = part_of(file.name)
        if layout is PLATES and part is not None and part.period.whole_month in wanted.months:
            return True
        return crc32(file.name.encode()) % rounds == turn

    return is_due
