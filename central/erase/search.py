"""Every byte under the roots is searched for the plate: files as they are, Parquet also as what it says.

A search of bytes finds nothing in compressed pages, and one of decoded columns nothing in what a killed writer left of
a file; so both are done. What cannot be read is told as not searched, never passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Engine, LargeBinary, RowMapping, String, Table, select

from central.archive.schema import REVERSED
from central.db import metadata, reading
from central.erase.plate import Needle

_PIECE: Final = 4 * 1024 * 1024
_PARQUET: Final = b"PAR1"
_PACK: Final = ".pack"
_ROWS: Final = 64 * 1024
_SKIPPED: Final = "alembic_version"


@dataclass(frozen=True, slots=True)
class Found:
    """A place where the plate stands.

    Attributes:
        where: a file; with `:` and a column, what the file says there; or a table and column of the database.
        times: how often.
    """

    where: str
    times: int


Why = Literal[
    "not_there", "unreadable", "columns", "window", "link", "no_times", "server", "versions", "elsewhere"
]
"""Of what kind it is; `central.words` has the sentence."""


@dataclass(frozen=True, slots=True)
class Unsearched:
    """What was not searched: it could not be read, or nobody here can reach it.

    Attributes:
        why: not of any one language, for certificates are in several.
        where: the file or database; empty where it is none in particular.
        detail: what the system said.
    """

    why: Why
    where: str = ""
    detail: str = ""


@dataclass(slots=True)
class Searched:
    """What a search looked through, and found.

    Attributes:
        roots: folders, files and databases.
        bytes: of files.
        rows: of the database.
    """

    roots: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    rows: int = 0
    found: list[Found] = field(default_factory=list)
    unsearched: list[Unsearched] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Aim:
    """What is searched for.

    Attributes:
        needle: the plate.
        since, until: of capture; where one is given, reads of other times may stay: then only what tells its
            time can be judged.
    """

    needle: Needle
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the plate may stand nowhere at all."""
        return self.since is None and self.until is None

    def within(self, at: datetime) -> bool:
        """Whether a time lies in the window."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


def search_folder(root: Path, aim: Aim, into: Searched) -> None:
    """Search every file below a folder, or one file."""
    into.roots.append(str(root))
    try:
        if not root.exists():
            into.unsearched.append(Unsearched("not_there", str(root)))
            return
        paths = sorted(_files(root, into))
    except OSError as error:
        into.unsearched.append(_unreadable(root, error))
        return
    for path in paths:
        try:
            with path.open("rb") as file:
                search_file(str(path), file, aim, into)
        except OSError as error:
            into.unsearched.append(_unreadable(path, error))


def search_file(name: str, file: BinaryIO, aim: Aim, into: Searched) -> None:
    """Search one file, its name too.

    Raises:
        OSError: it cannot be read.
    """
    into.files += 1
    if aim.needle.in_text(name):
        into.found.append(Found(f"{name}: its name", 1))
    begins = 0
    if file.read(len(_PARQUET)) == _PARQUET:
        try:
            begins = _in_parquet(name, file, aim, into)
        except (pa.ArrowException, OSError) as error:
            into.unsearched.append(Unsearched("columns", name, type(error).__name__))
        else:
            if not aim.is_open:  # what else it tells of its columns, least and greatest plates, has no time
                return
    file.seek(begins)
    times = _count(file, aim.needle.in_pixels if name.endswith(_PACK) else aim.needle.in_bytes, aim, into)
    if times and aim.is_open:
        into.found.append(Found(name, times))
    elif times:
        into.unsearched.append(Unsearched("window", name))


def search_database(engine: Engine, aim: Aim, into: Searched) -> Needle:
    """Search every text of every table; the needle with the longer words that hold it, for the bytes of files."""
    longer: set[bytes] = set(aim.needle.longer)
    with reading(engine) as connection:
        for table in metadata.sorted_tables:
            columns = [c for c in table.c if isinstance(c.type, String | LargeBinary)]
            if not columns or table.name == _SKIPPED:
                continue
            wanted = [*columns, *(c for c in table.c if c.name == "captured_us")]
            counts: dict[str, int] = {}
            rows = connection.execution_options(yield_per=1_000).execute(select(*wanted)).mappings()
            for row in rows:
                into.rows += 1
                for column in columns:
                    _look(table, column.name, row, aim, counts, longer)
            into.found += [Found(f"database: {where}", times) for where, times in counts.items()]
    return Needle(aim.needle.plate, frozenset(longer))


def _look(
    table: Table,
    column: str,
    row: RowMapping,
    aim: Aim,
    counts: dict[str, int],
    longer: set[bytes],  # a row
) -> None:
    text = row[column]
    if text is None:
        return
    longer.update(aim.needle.longer_in(text))
    if not aim.needle.in_text(text):
        return
    at_us = row.get("captured_us")
    if aim.is_open or at_us is None or aim.within(datetime.fromtimestamp(at_us / 1e6, UTC)):
        where = f"{table.name}.{column}"
        counts[where] = counts.get(where, 0) + 1


def _files(root: Path, into: Searched) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return

    for path in _walk(root, into):
        if path.is_file() and not path.is_symlink():
            yield path
        elif path.is_symlink():
            into.unsearched.append(Unsearched("link", str(path)))


def _unreadable(path: Path, error: OSError) -> Unsearched:
    return Unsearched("unreadable", str(path), str(error.strerror or error))


def _walk(root: Path, into: Searched) -> Iterator[Path]:
    """What lies below a folder, at any depth, but for folders."""
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(folder.iterdir())
            folders = {entry for entry in entries if entry.is_dir() and not entry.is_symlink()}
        except OSError as error:
            into.unsearched.append(_unreadable(folder, error))
            continue
        pending += folders
        yield from (entry for entry in entries if entry not in folders)


def _count(file: BinaryIO, holds: Callable[[bytes], list[int]], aim: Aim, into: Searched) -> int:
    """How often the bytes hold it, piece by piece; a piece begins with the end of the one before."""
    seen: set[int] = set()
    tail, at = b"", 0
    while piece := file.read(_PIECE):
        into.bytes += len(piece)
        data = tail + piece
        seen.update(at - len(tail) + found for found in holds(data))
        at += len(piece)
        tail = data[-aim.needle.reach :]
    return len(seen)


def _in_parquet(name: str, file: BinaryIO, aim: Aim, into: Searched) -> int:
    """Search the decoded columns; where the pages end. Rows that tell when they were captured are judged by that."""
    parquet = pq.ParquetFile(file)
    timed = "captured_at" in parquet.schema_arrow.names
    counts: dict[str, int] = {}
    if timed or aim.is_open:
        for batch in parquet.iter_batches(_ROWS):
            moments = batch.column("captured_at") if timed and not aim.is_open else None
            for column, array in _leaves(batch):
                for at in _rows_with(array, aim.needle, backwards=column == REVERSED):
                    if moments is None or aim.within(moments[at].as_py()):
                        counts[column] = counts.get(column, 0) + 1
    else:
        into.unsearched.append(Unsearched("no_times", name))
    into.found += [Found(f"{name}: {column}", times) for column, times in counts.items()]
    return _pages_end(parquet.metadata, into)


def _leaves(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    """The text columns, those within structures too."""
    pending = list(zip(batch.schema.names, batch.columns, strict=True))
    while pending:
        name, array = pending.pop()
        if pa.types.is_struct(array.type):
            fields = [array.type.field(at).name for at in range(array.type.num_fields)]
            pending += [(f"{name}.{each}", part) for each, part in zip(fields, array.flatten(), strict=True)]
        elif pa.types.is_map(array.type):
            pending += [(name, array.keys), (name, array.items)]
        elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            pending.append((name, array.flatten()))
        elif _is_text(array.type):
            yield name, array


def _pages_end(told: pq.FileMetaData, into: Searched) -> int:
    """Where the columns' pages end, which were decoded: chance bytes of compressed ones spell any plate."""
    end = 0
    for group in range(told.num_row_groups):
        for at in range(told.num_columns):
            column = told.row_group(group).column(at)
            first = column.dictionary_page_offset or column.data_page_offset
            end = max(end, first + column.total_compressed_size)
    into.bytes += end
    return end


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _rows_with(column: pa.Array, needle: Needle, *, backwards: bool) -> list[int]:
    """The rows whose text holds the plate, spelt backwards or not: each different text is looked at once."""
    if len(column) == 0:
        return []
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    words = [word and word[:: -1 if backwards else 1] for word in encoded.dictionary.to_pylist()]
    holding = [at for at, word in enumerate(words) if word is not None and needle.in_text(word)]
    if not holding:
        return []
    hit = pc.is_in(encoded.indices, value_set=pa.array(holding, encoded.indices.type))
    return [int(at) for at in pc.indices_nonzero(pc.fill_null(hit, False)).to_pylist()]
