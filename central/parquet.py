"""Answers as Parquet files, for whoever goes on with them in other tools."""

import io
import types
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from central.errors import StoreError
from edge.contract.files import write_atomic

_COLUMNS: Final = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us", "UTC"),
}


def write_parquet(path: Path, records: Iterable[object], *, kind: type[Any]) -> None:
    """Records of a kind as a file, whole or not at all, that its owner alone can read; times are in UTC.

    Args:
        path: in a folder that is there; what stands there is replaced.
        records: dataclasses.
        kind: their class, whose fields are the columns, whether there is a record or not.

    Raises:
        StoreError: the file cannot be written.
    """
    schema = schema_of(kind)
    rows = [{name: getattr(record, name) for name in schema.names} for record in records]
    whole = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), whole, compression="zstd")
    try:
        write_atomic(path, whole.getvalue())
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def schema_of(kind: type[Any]) -> pa.Schema:
    """The columns of a dataclass; null may be in those that may be None."""
    return pa.schema([_column(name, hint) for name, hint in get_type_hints(kind).items()])


def _column(name: str, hint: Any) -> pa.Field:  # noqa: ANN401  # a type, or a union of one and None
    may_be_none = get_origin(hint) in (Union, types.UnionType)
    (told,) = (each for each in get_args(hint) if each is not type(None)) if may_be_none else (hint,)
    return pa.field(name, _COLUMNS[told], nullable=may_be_none)
