"""The columns that every labels.csv has, of real pictures and of rendered ones."""

from dataclasses import dataclass


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
