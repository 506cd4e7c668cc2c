"""Data files: rows as Parquet, durable before a table's log names them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from central.archive.checksum import GROUPS, KEY, Summed
from central.archive.place import Archive
from central.archive.schema import ROW_GROUP_ROWS, Layout

_PACKED: Final = "DELTA_BINARY_PACKED"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that was written.

    Attributes:
        name: below the table's folder.
        partition: the values of the partition columns, which stand in the name alone.
        size: in bytes.
        statistics: what the log says of it, JSON: never a plate.
    """

    name: str
    partition: Mapping[str, str]
    size: int
    rows: int
    statistics: str


def write_file(
    archive: Archive, layout: Layout, partition: Mapping[str, object], name: str, rows: Iterable[pa.Table]
) -> DataFile | None:
    """Write rows in the order in which they come; None, and no file, where there are none.

    Args:
        archive: where the table lies.
        layout: of the table.
        partition: the values of its partition columns, in their order.
        name: of the file, new.
        rows: pieces, with the columns of `layout.columns`.

    Raises:
        OSError: the disk is full, or the archive cannot be written.
    """
    pieces = iter(_grouped(rows))
    first = next(pieces, None)
    if first is None:
        return None
    values = {column: str(value) for column, value in partition.items()}
    name = "/".join((*(f"{column}={value}" for column, value in values.items()), name))
    count, spans, sums = 0, _Spans(layout.statistics), list[str]()
    with archive.create(f"{layout.folder}/{name}") as file:
        summed = Summed(file)
        with pq.ParquetWriter(summed, layout.columns, **_options(layout)) as writer:
            for piece in chain([first], pieces):
                writer.write_table(piece.cast(layout.columns), row_group_size=ROW_GROUP_ROWS)
                sums.append(summed.cut())
                spans.take(piece)
                count += piece.num_rows
            writer.add_key_value_metadata({KEY: "before the footer", GROUPS: " ".join(sums)})
            summed.hold()
        size = summed.finish()
    return DataFile(name, values, size, count, spans.told(count))


def _options(layout: Layout) -> dict[str, Any]:
    packed = [
        field.name
        for field in layout.columns
        if (pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type))
        and field.name not in layout.dictionary
    ]
    encoding = dict.fromkeys(packed, _PACKED) | dict(layout.encoding)
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": [name for name in layout.columns.names if name in layout.dictionary],
        "column_encoding": encoding or None,
        "write_page_index": True,
        "write_page_checksum": True,  # for what is to be saved of a damaged file
        "store_schema": False,
    }


def _grouped(rows: Iterable[pa.Table]) -> Iterable[pa.Table]:
    """Pieces of a row group each: small ones would cost a footer entry and a dictionary each."""
    waiting: list[pa.Table] = []
    count = 0
    for piece in rows:
        waiting.append(piece)
        count += piece.num_rows
        if count >= ROW_GROUP_ROWS:
            table = pa.concat_tables(waiting)
            whole = count - count % ROW_GROUP_ROWS
            yield from (table.slice(begin, ROW_GROUP_ROWS) for begin in range(0, whole, ROW_GROUP_ROWS))
            waiting, count = [table.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(waiting)


class _Spans:
    """Least and greatest value of some columns."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._spans: dict[str, tuple[Any, Any]] = dict.fromkeys(columns, (None, None))

    def take(self, rows: pa.Table) -> None:
        for name, (least, greatest) in self._spans.items():
            found = pc.min_max(rows[name]).as_py()
            values = [v for v in (least, found["min"], greatest, found["max"]) if v is not None]
            if values:
                self._spans[name] = (min(values), max(values))

    def told(self, rows: int) -> str:
        known = {name: span for name, span in self._spans.items() if span[0] is not None}
        return json.dumps(
            {
                "numRecords": rows,
                "minValues": {name: _told(span[0], up=False) for name, span in known.items()},
                "maxValues": {name: _told(span[1], up=True) for name, span in known.items()},
                "nullCount": dict.fromkeys(known, 0),
            }
        )


def _told(value: Any, *, up: bool) -> Any:  # noqa: ANN401  # whatever the column holds
    """A time in whole milliseconds, as the log has them: the least rounded down, the greatest up."""
    if not isinstance(value, datetime):
        return value
    moment = value.astimezone(UTC) + timedelta(microseconds=999 if up else 0)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
