"""Data files: rows as Parquet, forced to the disk before a table's log names them."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from central.archive.schema import ROW_GROUP_ROWS, Layout
from edge.contract.files import sync

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
    table: Path, layout: Layout, partition: Mapping[str, object], name: str, rows: Iterable[pa.Table]
) -> DataFile | None:
    """Write rows in the order in which they come; None, and no file, where there are none.

    Args:
        table: folder of the table.
        layout: of its files.
        partition: the values of its partition columns, in their order.
        name: of the file, new.
        rows: pieces, with the columns of `layout.columns`.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    values = {column: str(value) for column, value in partition.items()}
    place = "/".join(f"{column}={value}" for column, value in values.items())
    path = table / place / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    count, spans = 0, _Spans(layout.statistics)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with pq.ParquetWriter(file, layout.columns, **_options(layout)) as writer:
            for piece in _grouped(rows):
                writer.write_table(piece.cast(layout.columns), row_group_size=ROW_GROUP_ROWS)
                spans.take(piece)
                count += piece.num_rows
        file.flush()
        os.fsync(descriptor)
        size = file.tell()
    if not count:
        path.unlink()
        return None
    for folder in (path.parent, *path.parent.parents[: len(values)]):
        sync(folder)
    return DataFile(f"{place}/{name}", values, size, count, spans.told(count))


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
            yield table.slice(0, whole)
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
