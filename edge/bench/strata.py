"""Where plates are read well and where not: by width, lines, kind of picture and set."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from edge.bench.intervals import Share
from edge.bench.record import Record
from edge.bench.scores import pair

_WIDTHS_PX: Final = (60, 90, 140, 220)
"""Bounds of the classes of width; a plate of just a bound's width is in the wider one."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Texts of one kind.

    Attributes:
        found: by the detector, or a crop.
        raw: read exactly without any grammar.
        decoded: read exactly by a camera of the label's country.
    """

    found: Share
    raw: Share
    decoded: Share

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "n": self.raw.n,
            "found": self.found.as_json(),
            "raw": self.raw.as_json(),
            "decoded": self.decoded.as_json(),
        }


Strata = dict[str, dict[str, Stratum]]
"""By what is told apart (width_px, lines, kind, set), and then by its classes."""


def width_class(width_px: float | None) -> str:
    """The class of a width; "no box" for a plate whose box nobody marked."""
    if width_px is None:
        return "no box"
    above = [bound for bound in _WIDTHS_PX if width_px >= bound]
    if not above:
        return f"<{_WIDTHS_PX[0]}"
    upper = next((bound for bound in _WIDTHS_PX if bound > above[-1]), None)
    return f">{above[-1]}" if upper is None else f"{above[-1]}-{upper}"


def strata(records: Iterable[Record]) -> Strata:
    """Split records with a truth each way, classes in their order."""
    among = [r for r in records if r.truth is not None]
    widths = [*(width_class(w) for w in (0, *_WIDTHS_PX)), "no box"]
    return {
        "width_px": _split(among, lambda r: width_class(r.width_px), order=widths.index),
        "lines": _split(among, _lines, order=("1", "2", "not read").index),
        "kind": _split(among, lambda r: r.kind),
        "set": _split(among, lambda r: r.set_name),
    }


def _lines(record: Record) -> str:
    return "not read" if record.lines is None else str(record.lines)


def _split(
    records: Iterable[Record],
    of: Callable[[Record], str],
    *,
    order: Callable[[str], Any] = str,
) -> dict[str, Stratum]:
    classes: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        classes[of(record)].append(record)
    return {name: _stratum(classes[name]) for name in sorted(classes, key=order)}


def _stratum(records: list[Record]) -> Stratum:
    return Stratum(
        found=Share(sum(r.found for r in records), len(records)),
        raw=Share(sum(_right(r, raw=True) for r in records), len(records)),
        decoded=Share(sum(_right(r, raw=False) for r in records), len(records)),
    )


def _right(record: Record, *, raw: bool) -> bool:
    truth, read = pair(record, record.raw if raw else record.decoded)
    return truth == read
