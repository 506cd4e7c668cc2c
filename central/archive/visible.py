"""What may be shown of the reads at one moment (pure).

    shown = (captured at or after the cut-off, or kept by a hold) and not erased

Every question asks so, of hot rows and of every copy in the archive, and what may not be shown is removed from the
disk by the same words. Reads are named in tables beside the query (`tables`), for a condition of thousands of plates
takes DuckDB minutes, and a join of them nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import pyarrow as pa

from central.db import to_us
from edge.contract.read import ReadId

_FIRST_US: Final = -(2**63)
_LAST_US: Final = 2**63 - 1
_KEPT: Final = "kept_terms"
_ERASED: Final = "erased_reads"
_MATCHES: Final = {
    "plate": "of_plate = plate",
    "camera_id": "of_camera = camera_id",
    "read": "of_edge = edge_id AND of_epoch = epoch AND of_seq = seq",
}
_TERMS: Final = pa.schema(
    [
        ("of_plate", pa.string()),
        ("of_camera", pa.string()),
        ("of_edge", pa.string()),
        ("of_epoch", pa.int64()),
        ("of_seq", pa.int64()),
        ("since_us", pa.int64()),
        ("until_us", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Term:
    """Reads that are named: of a plate, of a camera, or a single one.

    Attributes:
        plate: exactly this one, as it is stored.
        since, until: captured at or after, and before; UTC-aware, None: open.
    """

    plate: str | None = None
    camera_id: str | None = None
    read: ReadId | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where it names nothing, or more than one thing."""
        if sum(name is not None for name in (self.plate, self.camera_id, self.read)) != 1:
            raise ValueError("a term names a plate, a camera or a read, and one of them")

    def touches(self, day: date) -> bool:
        """Whether it may name a read that was captured on this day of UTC."""
        return (self.since is None or self.since < _midnight(day) + timedelta(days=1)) and (
            self.until is None or _midnight(day) < self.until
        )


@dataclass(frozen=True, slots=True)
class Erased:
    """Reads that a court has had erased, and that stand in files until these are written again.

    Attributes:
        days: of UTC, on which one of them may have been captured.
    """

    reads: tuple[ReadId, ...] = ()
    days: frozenset[date] = frozenset()


_NOTHING: Final = Erased()


@dataclass(frozen=True, slots=True)
class Visible:
    """What may be shown at one moment.

    Attributes:
        since: the cut-off, in UTC; what was captured before it is over.
        kept: shown all the same, however old.
        erased: never shown, even where it is kept.
    """

    since: datetime
    kept: Sequence[Term] = ()
    erased: Erased = _NOTHING

    def __post_init__(self) -> None:
        """Raises ValueError where the cut-off is not in UTC, as days are."""
        if self.since.utcoffset() != timedelta(0):
            raise ValueError("the cut-off is told in UTC")

    def is_whole(self, day: date) -> bool:
        """Whether every read of a day of UTC may be shown, so that what was counted of it may be."""
        # Dates first: a question about five years asks of each of their days.
        young = self.since.date() < day or self.since <= _midnight(day)
        return young and day not in self.erased.days

    def is_over(self, day: date) -> bool:
        """Whether no read of a day may be shown."""
        return day < self.since.date() and not any(term.touches(day) for term in self.kept)

    @property
    def condition(self) -> str:
        """SQL for DuckDB over the archive's columns, beside `tables` and with `parameters`."""
        kept = " OR ".join(["captured_at >= $shown_since", *_named(_KEPT, self.kept)])
        erased = f"EXISTS (SELECT 1 FROM {_ERASED} WHERE {_MATCHES['read']})"  # noqa: S608
        return f"({kept}) AND NOT {erased}" if self.erased.reads else f"({kept})"

    @property
    def parameters(self) -> dict[str, object]:
        """Of the condition."""
        return {"shown_since": self.since}

    @property
    def tables(self) -> dict[str, pa.Table]:
        """That the condition names."""
        kept = {_KEPT: _table(self.kept)} if self.kept else {}
        return kept | ({_ERASED: _identities(self.erased.reads)} if self.erased.reads else {})


def _named(table: str, terms: Sequence[Term]) -> list[str]:
    """Whether a table of terms names a read, a condition for each kind that there is."""
    within = "epoch_us(captured_at) >= since_us AND epoch_us(captured_at) < until_us"
    return [
        f"EXISTS (SELECT 1 FROM {table} WHERE {match} AND {within})"  # noqa: S608
        for kind, match in _MATCHES.items()
        if any(getattr(term, kind) is not None for term in terms)
    ]


def _table(terms: Sequence[Term]) -> pa.Table:
    rows = [
        {
            "of_plate": term.plate,
            "of_camera": term.camera_id,
            **dict(zip(("of_edge", "of_epoch", "of_seq"), term.read or (None, None, None), strict=True)),
            "since_us": _FIRST_US if term.since is None else to_us(term.since),
            "until_us": _LAST_US if term.until is None else to_us(term.until),
        }
        for term in terms
    ]
    return pa.Table.from_pylist(rows, schema=_TERMS)


def _identities(reads: Sequence[ReadId]) -> pa.Table:
    columns = zip(*reads, strict=True)
    return pa.table(dict(zip(("of_edge", "of_epoch", "of_seq"), map(pa.array, columns), strict=True)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
