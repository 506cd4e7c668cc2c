"""A line of a hotlist as an entry: every column checked, or said what is wrong (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from central.text import harmless, is_printable
from central.types import Reason
from edge.contract.plate import Grammar
from edge.contract.spelling import typed

REQUIRED: Final = ("plate", "country", "reason", "source", "case_number", "valid_until")
OPTIONAL: Final = (
    "plate_class",
    "priority",
    "valid_from",
    "agency",
    "legal_basis",
    "confirmed",
    "vehicle_type",
    "color",
    "brand",
    "note",
)
DEFAULT_PRIORITY: Final = 5

_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST: Final = {
    "source": 119,
    "case_number": 62,
    "agency": 62,
    "legal_basis": 499,
    "vehicle_type": 31,
    "color": 31,
    "brand": 62,
    "note": 999,
}
"""Characters; one less than the columns hold, for `harmless` may add one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One good line.

    Attributes:
        valid_from: None where the line does not say.
        confirmed: when the source last said that it holds; None where the line does not say.
    """

    line: int
    plate: str
    country: str
    plate_class: str | None
    reason: Reason
    priority: int
    source: str
    case_number: str
    valid_from: datetime | None
    valid_until: datetime
    agency: str | None
    legal_basis: str
    confirmed: datetime | None
    vehicle_type: str | None
    color: str | None
    brand: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One bad line, and what was wrong with it.

    Attributes:
        names: the plate and country that it names all the same, where they can be told.
    """

    line: int
    reason: str
    names: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """What lines are checked against.

    Attributes:
        zone: where dates and times without an offset are meant.
        grammar: the countries and classes that a camera can tell; an entry of another could never match.
    """

    zone: tzinfo
    grammar: Grammar


def to_row(number: int, named: dict[str, str], checks: Checks) -> Row | Refusal:
    """The row of a line, or why it is none.

    Args:
        number: of the line.
        named: its fields by column, without blanks around them; a column that the file lacks is left out.
        checks: what it is checked against.
    """
    try:
        return _row(number, _checked(named), checks)
    except ValueError as error:
        return Refusal(number, str(error), _names(named, checks.grammar))


def known_country(text: str, grammar: Grammar) -> str:
    """A country, in capitals; ValueError where no camera could ever match one of it."""
    value = text.upper()
    if _COUNTRY.fullmatch(value) is None:
        raise ValueError(f"country: expected two letters, such as CO, found {value!r}")
    if value not in grammar.countries:
        known = ", ".join(grammar.countries)
        raise ValueError(f"country: no plates of {value!r} are known; known are {known}")
    return value


def _checked(named: dict[str, str]) -> dict[str, str]:
    for name, value in named.items():
        if not value and name in REQUIRED:
            raise ValueError(f"{name}: empty" + (" (expiry is compulsory)" if name == "valid_until" else ""))
        if not is_printable(value):
            raise ValueError(f"{name}: holds a character that cannot be printed")
        if len(value) > _LONGEST.get(name, 64):
            raise ValueError(f"{name}: longer than {_LONGEST.get(name, 64)} characters")
    return dict.fromkeys(OPTIONAL, "") | named


def _names(named: dict[str, str], grammar: Grammar) -> tuple[str, str] | None:
    try:
        return _plate(named["plate"]), known_country(named["country"], grammar)
    except ValueError:
        return None


def _row(number: int, named: dict[str, str], checks: Checks) -> Row:
    zone, grammar = checks.zone, checks.grammar
    valid_from = _moment(named, "valid_from", zone) if named["valid_from"] else None
    valid_until = _moment(named, "valid_until", zone)
    if valid_from is not None and valid_until <= valid_from:
        raise ValueError(f"valid_until: {named['valid_until']} is not after valid_from")
    plate, country = _plate(named["plate"]), known_country(named["country"], grammar)
    return Row(
        line=number,
        plate=plate,
        country=country,
        plate_class=_plate_class(named["plate_class"].lower(), country, grammar),
        reason=_reason(named["reason"].lower()),
        priority=_priority(named["priority"]),
        source=harmless(named["source"]),
        case_number=harmless(named["case_number"]),
        valid_from=valid_from,
        valid_until=valid_until,
        agency=harmless(named["agency"]) or None,
        legal_basis=harmless(named["legal_basis"]),
        confirmed=_moment(named, "confirmed", zone) if named["confirmed"] else None,
        vehicle_type=harmless(named["vehicle_type"]) or None,
        color=harmless(named["color"]) or None,
        brand=harmless(named["brand"]) or None,
        note=harmless(named["note"]),
    )


def _plate(value: str) -> str:
    try:
        return typed(value)
    except ValueError as error:
        raise ValueError(f"plate: {error}, found {value!r}") from error


def _plate_class(value: str, country: str, grammar: Grammar) -> str | None:
    if not value:
        return None
    known = sorted({c.name for c in grammar.classes if c.country == country})
    if value not in known:
        raise ValueError(f"plate_class: {country} has no {value!r}; it has {', '.join(known)}")
    return value


def _reason(value: str) -> Reason:
    try:
        return Reason(value)
    except ValueError:
        raise ValueError(f"reason: expected one of {', '.join(Reason)}, found {value!r}") from None


def _priority(value: str) -> int:
    if not value:
        return DEFAULT_PRIORITY
    if value not in set("123456789"):
        raise ValueError(f"priority: expected 1 (most urgent) to 9, found {value!r}")
    return int(value)


def _moment(named: dict[str, str], name: str, zone: tzinfo) -> datetime:
    value = named[name]
    try:
        if len(value) > len("2026-12-31"):
            moment = datetime.fromisoformat(value)
        else:
            # The last day is included, so the entry expires when the next one begins.
            day = date.fromisoformat(value) + timedelta(days=name == "valid_until")
            moment = datetime.combine(day, time())
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{name}: expected a day such as 2026-12-31 or a time such as 2026-12-31T18:00-05:00, "
            f"found {value!r}"
        ) from None
