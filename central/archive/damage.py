"""Damaged data files: one that is not what was written is told before its rows are believed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from central.archive.checksum import fault_in, has_whole_footer
from central.archive.place import Archive
from central.archive.schema import Layout
from central.archive.table import LiveFile


@dataclass(frozen=True, slots=True)
class Fault:
    """A data file that is not what was written.

    Attributes:
        layout: of its table.
        why: what is wrong with it, in words.
    """

    layout: Layout
    file: LiveFile
    why: str

    @property
    def name(self) -> str:
        """Below the archive."""
        return f"{self.layout.folder}/{self.file.name}"


def faults(
    archive: Archive,
    layout: Layout,
    files: Sequence[LiveFile],
    *,
    thoroughly: bool,
    on_file: Callable[[LiveFile], None] = lambda _: None,
) -> list[Fault]:
    """Look for damaged files.

    Args:
        archive: where they lie.
        layout: of their table.
        files: of it.
        thoroughly: read every byte; else only whether they are there in their size.
        on_file: is told of each before it is looked at; an error of its own ends it.

    Raises:
        OSError: the archive cannot be reached, which is no file's fault.
    """
    found = []
    for file in files:
        on_file(file)
        if (why := _fault(archive, f"{layout.folder}/{file.name}", file, thoroughly=thoroughly)) is not None:
            found.append(Fault(layout, file, why))
    return found


def intact(archive: Archive, fault: Fault) -> Iterator[pa.Table]:
    """The rows of those row groups of a damaged file whose pages are whole; of none where the footer is not."""
    try:
        content = archive.read(fault.name)
    except FileNotFoundError:
        return
    if not has_whole_footer(content):
        return
    parquet = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    for group in range(parquet.num_row_groups):
        try:
            rows = parquet.read_row_group(group)
        except (OSError, pa.ArrowException):
            continue
        yield rows.cast(fault.layout.columns)


def _fault(archive: Archive, name: str, file: LiveFile, *, thoroughly: bool) -> str | None:
    try:
        size = archive.size(name)
        if size != file.size:
            return f"{size} of {file.size} bytes"
        return fault_in(archive.read(name)) if thoroughly else None
    except FileNotFoundError:
        return "is not there"
