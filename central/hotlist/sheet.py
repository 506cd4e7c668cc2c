"""A hotlist as a CSV file: good rows become entries, bad ones are named by their line and what is wrong.

The columns, named in the first line, in any order; those marked * must be there and be filled in:

    plate*         with or without separators: ABC-123, ABC 123, ABC123
    country*       two letters, ISO 3166-1, of a country in configs/plates: CO
    reason*        stolen, wanted, missing, bolo or test
    source*        who says so, such as the register that the list was taken from
    case_number*   the case or legal basis
    valid_until*   when the entry expires: 2026-12-31 (that day included) or 2026-12-31T18:00-05:00
    plate_class    a class of that country in configs/plates; empty where unknown
    priority       1 (most urgent) to 9; empty is 5
    valid_from     as valid_until (from the start of that day); empty is the moment of the first import
    vehicle_type, color, brand, note    free words

UTF-8, with commas or semicolons. One line is one entry: a quoted field ends on its line, so that a stray
quotation mark costs its own line and not the rest of the file.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Final

from central.errors import HotlistError
from central.text import harmless, is_printable
from central.types import Reason
from edge.contract.plate import Grammar
from edge.contract.spelling import typed

REQUIRED: Final = ("plate", "country", "reason", "source", "case_number", "valid_until")
OPTIONAL: Final = ("plate_class", "priority", "valid_from", "vehicle_type", "color", "brand", "note")
MAX_BYTES: Final = 64 * 1024 * 1024
DEFAULT_PRIORITY: Final = 5

_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST: Final = {
    "source": 119,
    "case_number": 62,
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
    vehicle_type: str | None
    color: str | None
    brand: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One bad line, and what was wrong with it."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says.

    Attributes:
        sha256: of the file, hexadecimal.
    """

    rows: tuple[Row, ...]
    refused: tuple[Refusal, ...]
    sha256: str


def read_sheet(path: Path, *, zone: tzinfo, grammar: Grammar) -> Sheet:
    """Read and check a file, each line by itself: a plate may still stand twice.

    Args:
        path: the CSV file.
        zone: where dates and times without an offset are meant.
        grammar: the countries and classes that a camera can tell; an entry of another could never match.

    Raises:
        HotlistError: the file cannot be read, is not UTF-8, or its first line does not name the columns.
    """
    raw = _bytes(path)
    lines = _text(path, raw).split("\n")
    delimiter = ";" if lines[0].count(";") > lines[0].count(",") else ","
    header = _header(path, lines[0], delimiter)
    rows: list[Row] = []
    refused: list[Refusal] = []
    for number, fields in _fields(lines, delimiter):
        try:
            rows.append(_row(number, _named(header, fields), zone=zone, grammar=grammar))
        except ValueError as error:
            refused.append(Refusal(number, str(error)))
    return Sheet(tuple(rows), tuple(refused), sha256(raw).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise HotlistError(f"{path}: larger than {MAX_BYTES // 2**20} MB: split it")
        return path.read_bytes()
    except OSError as error:
        raise HotlistError(f"{path}: cannot be read: {error.strerror}") from error


def _text(path: Path, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise HotlistError(f"{path}: written in UTF-16; save it as 'CSV UTF-8'")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        raise HotlistError(
            f"{path}: line {line}: not UTF-8 (byte 0x{byte:02x}); if it is Latin-1 or Windows-1252 "
            f"(there this byte is {chr(byte)!r}), save it as 'CSV UTF-8'"
        ) from error
    if not text.strip():
        raise HotlistError(f"{path}: empty; expected a first line with the columns' names")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _header(path: Path, line: str, delimiter: str) -> tuple[str, ...]:
    try:
        names = tuple(name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter)))
    except (csv.Error, StopIteration) as error:
        raise HotlistError(f"{path}: line 1: cannot be read as the columns' names: {error}") from error
    faults = [
        ("missing", [name for name in REQUIRED if name not in names]),
        ("unknown", [name for name in names if name not in REQUIRED + OPTIONAL]),
        ("twice", sorted({name for name in names if names.count(name) > 1})),
    ]
    told = "; ".join(f"{what}: {', '.join(map(repr, found))}" for what, found in faults if found)
    if told:
        raise HotlistError(f"{path}: line 1 must name the columns: {told}")
    return names


def _fields(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Line number and fields of each line but the first and the blank ones."""
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            yield number, next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error as error:
            yield number, error


def _named(header: tuple[str, ...], fields: list[str] | csv.Error) -> dict[str, str]:
    if isinstance(fields, csv.Error):
        raise ValueError(f"quotation marks do not pair up on this line ({fields})")
    if len(fields) != len(header):
        raise ValueError(f"{len(fields)} fields, line 1 names {len(header)}")
    named = dict.fromkeys(OPTIONAL, "") | dict(zip(header, map(str.strip, fields), strict=True))
    for name, value in named.items():
        if not value and name in REQUIRED:
            raise ValueError(f"{name}: empty" + (" (expiry is compulsory)" if name == "valid_until" else ""))
        if not is_printable(value):
            raise ValueError(f"{name}: holds a character that cannot be printed")
        if len(value) > _LONGEST.get(name, 64):
            raise ValueError(f"{name}: longer than {_LONGEST.get(name, 64)} characters")
    return named


def _row(number: int, named: dict[str, str], *, zone: tzinfo, grammar: Grammar) -> Row:
    valid_from = _moment(named, "valid_from", zone) if named["valid_from"] else None
    valid_until = _moment(named, "valid_until", zone)
    if valid_from is not None and valid_until <= valid_from:
        raise ValueError(f"valid_until: {named['valid_until']} is not after valid_from")
    plate, country = _plate(named["plate"]), _country(named["country"].upper(), grammar)
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


def _country(value: str, grammar: Grammar) -> str:
    if _COUNTRY.fullmatch(value) is None:
        raise ValueError(f"country: expected two letters, such as CO, found {value!r}")
    if value not in grammar.countries:
        known = ", ".join(grammar.countries)
        raise ValueError(f"country: no plates of {value!r} are known; known are {known}")
    return value


def _plate_class(value: str, country: str, grammar: Grammar) -> str | None:
    known = sorted({c.name for c in grammar.classes if c.country == country})
    if value and value not in known:
        raise ValueError(f"plate_class: {country} has no {value!r}; it has {', '.join(known)}")
    return value or None


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
