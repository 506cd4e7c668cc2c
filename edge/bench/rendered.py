"""Rendered plates: how the reader does on what the real pictures lack, motorcycles and night first of all."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from edge.bench.intervals import Share
from edge.bench.labels import country_code
from edge.bench.record import Record
from edge.bench.scores import pair
from edge.contract.plate import Grammar, Vehicle

MOTORCYCLE: Final = "motorcycle"
_SHORT: Final = {MOTORCYCLE: "moto"}


@dataclass(frozen=True, slots=True)
class RenderedScore:
    """Texts of one class of vehicle, or of one light.

    Attributes:
        distinct: different texts among them.
        exact: decoded as a camera of that country would, and right.
        raw: right without any grammar.
        as_car: wrong, and a string that in this country a car bears and a motorcycle does not; of motorcycles only.
    """

    distinct: int
    exact: Share
    raw: Share
    as_car: Share | None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        found: dict[str, Any] = {
            "n": self.exact.n,
            "distinct": self.distinct,
            "exact": self.exact.share,
            "exact_interval": list(self.exact.interval),
            "raw": self.raw.share,
            "raw_interval": list(self.raw.interval),
        }
        if self.as_car is not None:
            found |= {"as_car": self.as_car.share, "as_car_interval": list(self.as_car.interval)}
        return found


def rendered_scores(records: Iterable[Record], grammar: Grammar) -> dict[str, RenderedScore]:
    """By class of vehicle (motorcycles as `moto`) and by light; a record counts in both."""
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.truth is not None:
            for name in {record.vehicle, record.light} - {""}:
                groups[_SHORT.get(name, name)].append(record)
    return {name: _score(name, among, grammar) for name, among in sorted(groups.items())}


def reads_as_car(record: Record, grammar: Grammar) -> bool:
    """Whether it was decoded to a wrong string that a car bears there, and a motorcycle does not."""
    truth, read = pair(record, record.decoded)
    if read == truth:
        return False
    country = country_code(record.country) or ""
    return _borne(grammar, country, read, by="car") and not _borne(grammar, country, read, by=MOTORCYCLE)


def _score(name: str, records: list[Record], grammar: Grammar) -> RenderedScore:
    n = len(records)
    cars = Share(sum(reads_as_car(r, grammar) for r in records), n)
    return RenderedScore(
        distinct=len({(r.country, r.truth) for r in records}),
        exact=Share(sum(r.truth == r.decoded.text for r in records), n),
        raw=Share(sum(r.truth == r.raw.text for r in records), n),
        as_car=cars if name == _SHORT[MOTORCYCLE] else None,
    )


def _borne(grammar: Grammar, country: str, text: str, *, by: Vehicle) -> bool:
    return any(
        c.country == country and by in c.vehicles and any(text in shape for shape in c.shapes)
        for c in grammar.classes
    )
