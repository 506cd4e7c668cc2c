"""The Delta table of the reads by date: opening it, and one atomic commit a seal, forced to the disk.

A commit carries the application transaction (APP, seal number). Seals are committed in the order of their
numbers, so the newest one in the log says of every seal whether the table holds it.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from central.archive.files import DataFile, write_file
from central.archive.parts import reads_name
from central.archive.place import LOG, Archive, plainly
from central.archive.schema import ADDED, PARTITION, READS, SCHEMA, Layout
from central.errors import StoreError

DONE: Final = "done"
"""The state of a seal that is in the log; its hot rows may be gone."""

APP: Final = "atalaya-seal"
"""The application whose transaction versions in the Delta log are seal numbers."""

_REMOVING: Final = "atalaya-removing"
_LOG: Final = f"{READS.folder}/{LOG}"


def open_archive(archive: Archive, layout: Layout = READS) -> DeltaTable | None:
    """A table of the archive; None where nothing has been archived yet.

    Raises:
        StoreError: there is a table, and it cannot be opened.
    """
    with speaking_of(f"{archive}: archive cannot be opened"):
        archive.check()
        try:
            return DeltaTable(archive.uri(layout.folder), storage_options=_options(archive))
        except TableNotFoundError:
            return None


def make_archive(archive: Archive, layout: Layout = READS) -> DeltaTable:
    """An empty table in the archive.

    Raises:
        StoreError: it cannot be written.
    """
    with speaking_of(f"{archive}: archive cannot be made"):
        return DeltaTable.create(
            archive.uri(layout.folder),
            layout.schema,
            partition_by=list(layout.partition),
            name=layout.folder,
            configuration=layout.properties,
            storage_options=_options(archive),
        )


def sealed_through(table: DeltaTable | None) -> int:
    """The newest seal that this version of the table holds; it holds every earlier one too. 0: none yet."""
    return 0 if table is None else table.transaction_version(APP) or 0


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A data file of a version of a table.

    Attributes:
        name: below the table's folder.
        partition: the values of the partition columns, as the name has them.
        written_at: when it was written, by the clock of the machine that did; no read in it came later.
    """

    name: str
    partition: Mapping[str, str]
    rows: int
    size: int
    written_at: datetime

    @property
    def captured_date(self) -> date:
        """Of a file of reads."""
        return date.fromisoformat(self.partition[PARTITION])


def live_files(table: DeltaTable) -> list[LiveFile]:
    """The files of this version, none that later ones added."""
    added = pa.table(table.get_add_actions(flatten=True))
    columns = (added[name].to_pylist() for name in ("path", "num_records", "size_bytes", "modification_time"))
    return [
        LiveFile(name, _partition(name), rows, size, datetime.fromtimestamp(written_ms / 1000, UTC))
        for name, rows, size, written_ms in zip(*columns, strict=True)
    ]


def append(archive: Archive, table: DeltaTable, rows: pa.Table, *, seal_id: int) -> None:
    """Commit new rows as one seal.

    Args:
        archive: where it lies.
        table: its reads.
        rows: in order of capture.
        seal_id: the seal.

    Raises:
        StoreError: nothing was committed.
    """
    with speaking_of(f"{archive}: seal {seal_id} cannot be written"):
        complete(table)
        files = write_by_day(archive, rows, seal_id=seal_id)
        commit(table, READS, add=files, seal_id=seal_id)


def write_by_day(archive: Archive, rows: pa.Table, *, seal_id: int) -> list[DataFile]:
    """Write the rows of a seal, a file for each date of capture; no log names them yet.

    Raises:
        OSError: they cannot be written.
    """
    files = []
    for day in sorted(pc.unique(rows[PARTITION]).to_pylist()):
        of_day = rows.filter(pc.equal(rows[PARTITION], pa.scalar(day, pa.date32()))).drop_columns(PARTITION)
        name = reads_name("seal", seal_id)
        files.append(write_file(archive, READS, {PARTITION: day}, name, [of_day]))
    return [file for file in files if file is not None]


def commit(
    table: DeltaTable,
    layout: Layout,
    *,
    add: Iterable[DataFile],
    remove: Iterable[LiveFile] = (),
    seal_id: int | None = None,
) -> None:
    """One atomic commit; the files that it adds are durable already.

    Of two commits that remove the same file the log would take both, and double its rows. So each that removes says
    which version it builds on, in an application transaction of its own: the second fails.

    Args:
        table: as it was when the files to be removed were read.
        layout: of the table.
        add: files that were written.
        remove: live ones.
        seal_id: the seal that this is; None: the same rows in other files.

    Raises:
        DeltaError, OSError: nothing was committed; somebody else removed files meanwhile, or sealed.
    """
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    changes = seal_id is not None
    added = [AddAction(f.name, f.size, f.partition, now_ms, changes, f.statistics) for f in add]
    removed = [
        RemoveAction(f.name, changes, now_ms, size=f.size, partition_values=dict(f.partition)) for f in remove
    ]
    transactions = [] if seal_id is None else [Transaction(APP, seal_id)]
    if removed:
        transactions.append(Transaction(_REMOVING, table.version() + 1))
    table.create_write_transaction(
        [*added, *removed],
        mode="append",
        schema=layout.schema,
        partition_by=list(layout.partition),
        commit_properties=CommitProperties(app_transactions=transactions),
    )
    table.update_incremental()


def force_to_disk(archive: Archive, *, newest: int, seal_id: int) -> None:
    """Make a seal's commit durable, for hot rows are deleted on its strength; deltalake does not.

    With it goes all of the log that came since the seal before, which was forced itself: without version 0, or
    with half a checkpoint, no table can be opened.

    Args:
        archive: where it lies.
        newest: the table's version, which holds the seal.
        seal_id: the seal.

    Raises:
        StoreError: it cannot be done, or a file is shorter than it was written: the machine lost power.
    """
    with speaking_of(f"{archive}: seal {seal_id} cannot be forced to the disk"):
        since, sizes = _since_the_seal_before(archive, newest, seal_id=seal_id)
        for name, size in sizes.items():
            if (found := archive.size(name)) != size:
                raise StoreError(f"{archive}: {name}: archive is damaged: {found} of {size} bytes")
        log = [name for name in archive.files(_LOG) if _version(name) >= since]
        archive.force([*sizes, *log])


def complete(table: DeltaTable) -> None:
    """Give a table that an earlier version made the columns that it lacks; its files stay as they are."""
    there = {field.name for field in table.schema().fields}
    missing = [SCHEMA.field(name) for name in ADDED if name not in there]
    if missing:
        table.alter.add_columns(Schema.from_arrow(pa.schema(missing)).fields)


def paths(archive: Archive, layout: Layout, files: Iterable[LiveFile]) -> list[str]:
    """Data files of a table for DuckDB."""
    return [archive.path(f"{layout.folder}/{file.name}") for file in files]


def _partition(name: str) -> dict[str, str]:
    """The partition columns, from the name of a file below the table's folder."""
    pairs = (folder.partition("=") for folder in name.split("/")[:-1])
    return {column: value for column, _, value in pairs}


def _since_the_seal_before(archive: Archive, newest: int, *, seal_id: int) -> tuple[int, dict[str, int]]:
    """The version that brought the seal before (0 where none did), and this one's data files with their sizes."""
    sizes: dict[str, int] | None = None
    for version in range(newest, -1, -1):
        entry = _entry(archive, version)
        if entry is None:
            break  # cleaned up: old
        actions = [json.loads(line) for line in entry.splitlines()]
        sealed = {a["txn"]["version"] for a in actions if "txn" in a and a["txn"]["appId"] == APP}
        if seal_id in sealed:
            added = [action["add"] for action in actions if "add" in action]
            sizes = {f"{READS.folder}/{add['path']}": add["size"] for add in added}
        elif sealed and sizes is not None:
            return version, sizes
    if sizes is None:
        raise StoreError(f"{archive}: archive is damaged: no log entry brings seal {seal_id}")
    return version, sizes


def _entry(archive: Archive, version: int) -> bytes | None:
    """An entry of the reads' log."""
    try:
        return archive.read(f"{_LOG}/{version:020}.json")
    except FileNotFoundError:
        return None


def _version(name: str) -> int:
    """The version that a file of the log is of; one without a number is of every version."""
    number = name.rpartition("/")[2][:20]
    return int(number) if number.isdecimal() and len(number) == 20 else sys.maxsize


def _options(archive: Archive) -> dict[str, str] | None:
    return None if archive.options is None else dict(archive.options)


@contextmanager
def speaking_of(what: str) -> Iterator[None]:
    """A fault of the table as one of ours.

    Raises:
        StoreError: says what could not be done, and why.
    """
    try:
        yield
    except (DeltaError, OSError) as error:
        raise StoreError(f"{what}: {plainly(error)}") from error
