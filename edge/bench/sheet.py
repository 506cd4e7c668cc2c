"""A contact sheet of the worst reads: wrong ones, the surest first. For the eye, and never for the repository."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.bench.record import Record
from edge.errors import ConfigError, SourceError
from edge.read.crop import cut
from edge.types import Bgr

RENDERED: Final = "synth"
"""The set of rendered pictures, which show nobody's plate."""
MOST: Final = 60

_COLUMNS: Final = 6
_WIDE, _HIGH = 220, 90
_CAPTION: Final = 46
_GAP: Final = 8
_PAPER, _INK, _WRONG = (250, 250, 250), (40, 40, 40), (40, 40, 200)


def check_place(path: Path, sets: Iterable[str]) -> None:
    """Refuse a place inside a git repository for pictures of real plates.

    Args:
        path: where the sheet would be written.
        sets: the sets whose pictures it would show.

    Raises:
        ConfigError: it lies in a repository, or its folder does not exist.
    """
    real = sorted(set(sets) - {RENDERED})
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ConfigError(f"{path}: the folder of the contact sheet does not exist")
    repository = next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)
    if real and repository is not None:
        raise ConfigError(
            f"{path}: lies in the git repository {repository}, and pictures of real plates ({', '.join(real)}) "
            "must not: name a place outside it"
        )


def worst(records: Iterable[Record], *, count: int = MOST) -> list[Record]:
    """The wrong reads by a camera's own likelihood, the surest first; what was not read is none."""
    wrong = [r for r in records if r.truth is not None and r.decoded.text and r.decoded.text != r.truth]
    return sorted(wrong, key=lambda r: (-r.decoded.likelihood, str(r.path)))[:count]


def contact_sheet(records: Sequence[Record]) -> Bgr:
    """The crops that were read, each with its set, the truth, what was read and how likely that was held.

    Raises:
        SourceError: a picture is gone since it was read.
    """
    rows = max(-(-len(records) // _COLUMNS), 1)
    step_x, step_y = _WIDE + _GAP, _HIGH + _CAPTION + _GAP
    sheet = np.full((rows * step_y + _GAP, _COLUMNS * step_x + _GAP, 3), _PAPER, dtype=np.uint8)
    for place, record in enumerate(records):
        row, column = divmod(place, _COLUMNS)
        left, top = _GAP + column * step_x, _GAP + row * step_y
        sheet[top : top + _HIGH, left : left + _WIDE] = _fitted(_crop(record))
        _captions(sheet, record, left=left, top=top + _HIGH)
    if not records:
        _write(sheet, "no wrong read", at=(_GAP, _HIGH), colour=_INK)
    return sheet


def _crop(record: Record) -> Bgr:
    bgr = cv2.imread(str(record.path))
    if bgr is None:
        raise SourceError(f"{record.path}: gone since it was read")
    picture = np.asarray(bgr, dtype=np.uint8)
    return picture if record.box is None else cut(picture, record.box)


def _fitted(crop: Bgr) -> Bgr:
    """The crop as large as fits, in its shape, on grey."""
    high, wide = crop.shape[:2]
    scale = min(_WIDE / wide, _HIGH / high)
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    inside = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    ground = np.full((_HIGH, _WIDE, 3), 225, dtype=np.uint8)
    top, left = (_HIGH - size[1]) // 2, (_WIDE - size[0]) // 2
    ground[top : top + size[1], left : left + size[0]] = inside
    return ground


def _captions(sheet: Bgr, record: Record, *, left: int, top: int) -> None:
    said = record.decoded
    lines = (
        (f"truth {record.truth}", _INK),
        (f"read  {said.text}  {said.likelihood:.2f}", _WRONG),
        (f"{record.set_name} {record.country}, raw {record.raw.text} {record.raw.likelihood:.2f}", _INK),
    )
    for row, (text, colour) in enumerate(lines):
        _write(sheet, text, at=(left, top + 13 + 14 * row), colour=colour)


def _write(sheet: Bgr, text: str, *, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
