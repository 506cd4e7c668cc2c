"""The columns that every labels.csv has, of real pictures and of rendered ones, and how it is written."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One plate of one picture; the sides of its box are empty where the whole picture is the plate."""

    path: str
    split: str
    set: str
    kind: str
    country: str
    plate: str
    x: str
    y: str
    w: str
    h: str
    label: str
    source: str
    licence: str


RowT = TypeVar("RowT", bound="DataclassInstance")


def write_labels(path: Path, kind: type[RowT], rows: Iterable[RowT]) -> None:
    """Write a labels.csv.

    Args:
        path: of the file, written anew.
        kind: the rows' dataclass: its fields are the columns, in their order.
        rows: may be none; the columns are named all the same.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
