"""A folder of labelled pictures, and records of the bench, for its tests."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2

from edge.bench.record import Look, Record, Said
from edge.types import Bgr, Box

COLUMNS = (
    "path",
    "split",
    "set",
    "kind",
    "country",
    "plate",
    "x",
    "y",
    "w",
    "h",
    "label",
    "source",
    "licence",
    "class",
    "light",
)
PLATE = Box(100, 60, 120, 60)


class Folder:
    """A folder of labelled pictures, as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, bgr: Bgr, *labels: Mapping[str, Any], **common: Any) -> None:
        (self.path / name).parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(self.path / name), bgr)
        for label in labels or ({},):
            self.rows.append(
                {
                    "path": name,
                    "split": "valid",
                    "set": "s",
                    "kind": "scene",
                    "country": "CO",
                    **common,
                    **label,
                }
            )

    def write(self) -> Path:
        with (self.path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        return self.path


def on(box: Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "w": box.width, "h": box.height}


def record(
    truth: str | None = "ABC123",
    raw: str | None = None,
    *,
    sure: float = 0.9,
    decoded: str | None = None,
    found: bool = True,
    width: float | None = 100.0,
    **rest: Any,
) -> Record:
    """A record that reads the truth unless told otherwise; not found, it reads nothing."""
    text = (truth or "") if raw is None else raw
    said = Said(text, sure) if found and text else Said("", 0.0)
    by_vote = said if decoded is None else Said(decoded, sure)
    given: dict[str, Any] = {
        "path": Path("x.png"),
        "set_name": "s",
        "kind": "crop",
        "country": "CO",
        "lines": 1 if found else None,
        **rest,
    }
    return Record(truth=truth, width_px=width, found=found, raw=said, decoded=by_vote, **given)


def look(*records: Record, **rest: Any) -> Look:
    """A picture of these plates."""
    first = records[0] if records else record()
    given: dict[str, Any] = {"set_name": first.set_name, "kind": first.kind, **rest}
    return Look(path=first.path, records=records, **given)
