"""Ways in which a data file comes to harm."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq


def flip(path: Path) -> None:
    """One bit in the plates, of which DuckDB would make other rows."""
    content = bytearray(path.read_bytes())
    group = pq.read_metadata(path).row_group(0)
    columns = {column.path_in_schema: column for column in map(group.column, range(group.num_columns))}
    column = columns.get("plate", group.column(0))
    at = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size // 3
    content[at] ^= 0x10
    path.write_bytes(content)


def tear(path: Path) -> None:
    """The last bytes never reached the disk."""
    os.truncate(path, path.stat().st_size - 20)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def lose(path: Path) -> None:
    path.unlink()


def garble(path: Path) -> None:
    """The footer in its full length, of zeros."""
    with path.open("r+b") as file:
        file.seek(-200, os.SEEK_END)
        file.write(bytes(192))


SEEN: dict[str, Callable[[Path], None]] = {
    "torn": tear,
    "halved": halve,
    "empty": empty,
    "lost": lose,
    "garbled": garble,
}
"""What DuckDB stumbles over."""

ALL = SEEN | {"flipped": flip}
