"""Proving what a question shows: of a data file only those row groups are read again that its rows can be out of.

A file says in its footer, which has a checksum of its own, how long each row group is and what it sums to. A question
that names a plate, or a camera and a time, is answered out of those row groups alone whose spans in the footer hold
that: so does DuckDB choose them. Of a month of 8 million reads of a bucket that is one group of 64 or two.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from central.archive.checksum import END_BYTES, fault_in, groups_of, split, tail_length
from central.archive.place import Archive
from central.archive.schema import Layout
from central.archive.table import LiveFile

_SPANNED: Final = ("plate", "camera_id", "captured_at")


@dataclass(frozen=True, slots=True)
class Sought:
    """What a row group must be able to hold; what is None may be anything.

    Attributes:
        plates: one of them, sorted.
        cameras: one of them, sorted.
        since, until: captured at or after, and before; UTC-aware.
    """

    plates: Sequence[str] | None = None
    cameras: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def may_be_in(self, spans: Mapping[str, tuple[Any, Any]]) -> bool:
        """Whether a row group of these least and greatest values may hold it."""
        for column, values in (("plate", self.plates), ("camera_id", self.cameras)):
            if values is not None and column in spans:
                least, greatest = spans[column]
                at = bisect_left(values, least)
                if at == len(values) or values[at] > greatest:
                    return False
        least, greatest = spans.get("captured_at", (None, None))
        return (self.since is None or greatest is None or self.since <= greatest) and (
            self.until is None or least is None or least < self.until
        )


@dataclass(frozen=True, slots=True)
class _Group:
    offset: int
    length: int
    checksum: int
    spans: Mapping[str, tuple[Any, Any]]


class Prover:
    """Reads and remembers; one thread's."""

    def __init__(self, archive: Archive) -> None:
        self._archive: Final = archive
        self._groups: Final[dict[str, list[_Group]]] = {}
        self._proven: Final[set[tuple[str, int]]] = set()

    def fault(self, layout: Layout, file: LiveFile, sought: Sought) -> str | None:
        """What is wrong with a file where it may hold what is sought; None: nothing.

        Raises:
            OSError: the archive cannot be reached, which is no file's fault.
        """
        name = f"{layout.folder}/{file.name}"
        try:
            if name not in self._groups and (why := self._open(name, file.size)) is not None:
                return why
            return self._read(name, sought)
        except FileNotFoundError:
            return "is not there"

    def _read(self, name: str, sought: Sought) -> str | None:
        due = [
            (number, group)
            for number, group in enumerate(self._groups[name])
            if (name, number) not in self._proven and sought.may_be_in(group.spans)
        ]
        if not due:
            return None
        with self._archive.open(name) as source:
            for number, group in due:
                if crc32(source.read_at(group.length, group.offset)) != group.checksum:
                    return "its pages are not what was written"
                self._proven.add((name, number))
        return None

    def _open(self, name: str, size: int) -> str | None:
        """Take in the footer of a file; what is wrong with that."""
        with self._archive.open(name) as source:
            if source.size() != size:
                return f"{source.size()} of {size} bytes"
            end = source.read_at(min(size, END_BYTES), max(0, size - END_BYTES))
            tail = min(size, tail_length(end))
            content = source.read_at(tail, size - tail)
        mark, footer = split(content)
        if mark is None or footer is None:
            if (why := fault_in(content)) is None:  # an earlier version wrote it, without checksums
                self._groups[name] = []
            return why
        if crc32(footer) != mark[0]:
            return "its footer is not what was written"
        metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + footer))
        offset, groups = 0, []
        for number, (long, checksum) in enumerate(groups_of(metadata.metadata)):
            groups.append(_Group(offset, long, checksum, _spans(metadata.row_group(number))))
            offset += long
        self._groups[name] = groups
        return None


def _spans(group: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401  # pyarrow's has no stub
    spans = {}
    for number in range(group.num_columns):
        column = group.column(number)
        statistics = column.statistics
        if column.path_in_schema in _SPANNED and statistics is not None and statistics.has_min_max:
            spans[column.path_in_schema] = (_aware(statistics.min), _aware(statistics.max))
    return spans


def _aware(value: Any) -> Any:  # noqa: ANN401  # whatever the column holds
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
