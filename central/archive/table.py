"""The Delta table of the reads by date: opening it, and one atomic commit a seal, forced to the disk.

A commit carries the application transaction (APP, seal number). Seals are committed in the order of their
numbers, so the newest one in the log says of every seal whether the table holds it.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from central.archive.schema import ADDED, PARTITION, SCHEMA, TABLE_PROPERTIES, WRITER
from central.errors import StoreError
from edge.contract.files import sync

DONE: Final = "done"
"""The state of a seal that is in the log; its hot rows may be gone."""

APP: Final = "atalaya-seal"
"""The application whose transaction versions in the Delta log are seal numbers."""

_LOG: Final = "_delta_log"
_ONE_READ: Final = "archived.edge_id = new.edge_id AND archived.epoch = new.epoch AND archived.seq = new.seq"
_OF_THE_READ: Final = {"late", "received_offset_us"}
_REPLACED: Final = {
    **{name: f"new.{name}" for name in SCHEMA.names if name not in _OF_THE_READ},
    # When the read came, and not its update: the same moment, counted from the new time of capture.
    "received_offset_us": "archived.received_offset_us"
    " + arrow_cast(archived.captured_at, 'Int64') - arrow_cast(new.captured_at, 'Int64')",
}


READS: Final = "reads"
"""The table's folder in the archive's."""


def open_archive(path: Path) -> DeltaTable | None:
    """The reads of the archive at `path`; None where nothing has been archived yet.

    Raises:
        StoreError: there is a table, and it cannot be opened.
    """
    if (path / _LOG).exists():
        raise StoreError(
            f"{path}: an archive of an earlier version; `python -m central seal` brings it up to date"
        )
    with _speaking_of(f"{path}: archive cannot be opened"):
        try:
            return DeltaTable(path / READS)
        except TableNotFoundError:
            return None


def make_archive(path: Path) -> DeltaTable:
    """An empty table of reads in the archive at `path`.

    Raises:
        StoreError: it cannot be written.
    """
    with _speaking_of(f"{path}: archive cannot be made"):
        return DeltaTable.create(
            path / READS,
            SCHEMA,
            partition_by=PARTITION,
            name="reads",
            configuration=TABLE_PROPERTIES,
        )


def bring_up_to_date(path: Path) -> None:
    """Move what earlier versions kept in the archive's own folder into that of the reads; the log last.

    Raises:
        StoreError: it cannot be moved.
    """
    log = path / _LOG
    if not log.exists():
        return
    reads = path / READS
    try:
        reads.mkdir(mode=0o700, exist_ok=True)
        for entry in (*path.glob(f"{PARTITION}=*"), log):
            entry.rename(reads / entry.name)
        for folder in (reads, path):
            sync(folder)
    except OSError as error:
        raise StoreError(f"{path}: archive cannot be brought up to date: {error.strerror}") from error


def sealed_through(table: DeltaTable | None) -> int:
    """The newest seal that this version of the table holds; it holds every earlier one too. 0: none yet."""
    return 0 if table is None else table.transaction_version(APP) or 0


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A data file of a version of the table.

    Attributes:
        name: below the table's folder.
        written_at: when it was written, by the clock of the machine that sealed; no read in it came later.
    """

    name: str
    captured_date: date
    rows: int
    written_at: datetime


def live_files(table: DeltaTable) -> list[LiveFile]:
    """The files of this version, none that later ones added."""
    added = pa.table(table.get_add_actions(flatten=True))
    wanted = ("path", f"partition.{PARTITION}", "num_records", "modification_time")
    columns = (added[name].to_pylist() for name in wanted)
    return [
        LiveFile(name, day, rows, datetime.fromtimestamp(written_ms / 1000, UTC))
        for name, day, rows, written_ms in zip(*columns, strict=True)
    ]


def append(table: DeltaTable, rows: pa.Table, *, seal_id: int) -> None:
    """Commit new rows as one seal.

    Raises:
        StoreError: nothing was committed.
    """
    with _speaking_of(f"seal {seal_id}: cannot be written to the archive"):
        _complete(table)
        write_deltalake(
            table, rows, mode="append", writer_properties=WRITER, commit_properties=_commit(seal_id)
        )


def replace(table: DeltaTable, rows: pa.Table, *, seal_id: int) -> None:
    """Commit newer versions of archived reads as one seal: a read is replaced, or added where it is missing.

    Nothing is committed where the archive holds a later update of each. An update may move the time of capture
    by the length of a passage, so the read is looked for on the day before and after it too.

    Raises:
        StoreError: nothing was committed.
    """
    dates = ", ".join(f"'{day}'" for day in sorted(_days_around(rows)))
    with _speaking_of(f"seal {seal_id}: updates cannot be written to the archive"):
        _complete(table)
        merger = table.merge(
            rows,
            predicate=f"archived.{PARTITION} IN ({dates}) AND {_ONE_READ}",
            source_alias="new",
            target_alias="archived",
            writer_properties=WRITER,
            commit_properties=_commit(seal_id),
        )
        merger = merger.when_matched_update(_REPLACED, predicate="new.update_seq > archived.update_seq")
        merger.when_not_matched_insert_all().execute()


def force_to_disk(path: Path, *, newest: int, seal_id: int) -> None:
    """Force a seal's commit to the disk, for hot rows are deleted on its strength; deltalake does not.

    With it goes all of the log that came since the seal before, which was forced itself: without version 0, or
    with half a checkpoint, no table can be opened.

    Args:
        path: folder of the archive.
        newest: the table's version, which holds the seal.
        seal_id: the seal.

    Raises:
        StoreError: it cannot be done, or a file is shorter than it was written: the machine lost power.
    """
    with _speaking_of(f"seal {seal_id}: cannot be forced to the disk"):
        root = path / READS
        since, sizes = _since_the_seal_before(root, newest, seal_id=seal_id)
        for file, size in sizes.items():
            if file.stat().st_size != size:
                raise StoreError(f"{file}: archive is damaged: {file.stat().st_size} of {size} bytes")
        log = root / _LOG
        entries = [file for file in log.iterdir() if file.is_file() and _version(file) >= since]
        folders = {file.parent for file in sizes}
        for place in (*sizes, *folders, *entries, log, root, path, path.parent):
            sync(place)


def _complete(table: DeltaTable) -> None:
    """Give a table that an earlier version made the columns that it lacks; its files stay as they are."""
    there = {field.name for field in table.schema().fields}
    missing = [SCHEMA.field(name) for name in ADDED if name not in there]
    if missing:
        table.alter.add_columns(Schema.from_arrow(pa.schema(missing)).fields)


def _commit(seal_id: int) -> CommitProperties:
    return CommitProperties(app_transactions=[Transaction(APP, seal_id)])


def _days_around(rows: pa.Table) -> set[date]:
    days = pc.unique(rows[PARTITION]).to_pylist()
    return {day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}


def _since_the_seal_before(root: Path, newest: int, *, seal_id: int) -> tuple[int, dict[Path, int]]:
    """The version that brought the seal before (0 where none did), and this one's data files with their sizes."""
    sizes: dict[Path, int] | None = None
    for version in range(newest, -1, -1):
        entry = root / _LOG / f"{version:020}.json"
        if sizes is not None and not entry.exists():
            return version, sizes  # cleaned up: old
        actions = [json.loads(line) for line in entry.read_text(encoding="utf-8").splitlines()]
        sealed = {a["txn"]["version"] for a in actions if "txn" in a and a["txn"]["appId"] == APP}
        if seal_id in sealed:
            added = [action["add"] for action in actions if "add" in action]
            sizes = {root / add["path"]: add["size"] for add in added}
        elif sealed and sizes is not None:
            return version, sizes
    if sizes is None:
        raise StoreError(f"{root}: archive is damaged: no log entry brings seal {seal_id}")
    return 0, sizes


def _version(file: Path) -> int:
    """The version that a file of the log is of; one without a number is of every version."""
    number = file.name[:20]
    return int(number) if number.isdecimal() and len(number) == 20 else sys.maxsize


@contextmanager
def _speaking_of(what: str) -> Iterator[None]:
    try:
        yield
    except (DeltaError, OSError) as error:
        raise StoreError(f"{what}: {error}") from error
