"""Dates and times as people, options and file names write them; a zone is never assumed."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from edge.errors import ConfigError

_USUAL: Final = re.compile(
    r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)([T_ .-]{0,2})(\d\d)([-_.:hH]?)(\d\d)[-_.:mM]?(\d\d)(?:[.,]\d{1,6})?"
    r"(Z|[+-]\d\d:?\d\d)?(?!\d)"
)
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")
_FIELDS: Final = {
    "Y": r"\d{4}", "y": r"\d\d", "m": r"\d\d", "d": r"\d\d", "H": r"\d\d", "M": r"\d\d", "S": r"\d\d",
    "z": r"Z|[+-]\d\d:?\d\d",
}  # fmt: skip


def zone(text: str) -> tzinfo:
    """A zone by its name (America/Bogota) or its offset (-05:00).

    Raises:
        ConfigError: there is none of that name here.
    """
    if text.upper() in {"UTC", "Z"}:
        return UTC
    if match := _OFFSET.fullmatch(text):
        return _offset(match)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        raise ConfigError(
            f"--zone {text}: expected a name that this machine knows, such as America/Bogota, or such as -05:00"
        ) from None


def moment(text: str, *, within: tzinfo | None, what: str) -> datetime:
    """A date and time, UTC.

    Args:
        text: ISO 8601.
        within: the zone where the text names none.
        what: is read, for the message.

    Raises:
        ConfigError: it is none, or no zone is known.
    """
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{what}: expected such as 2026-03-01T12:00:00-05:00, found {text!r}") from None
    return in_utc(told, within, what=what)


def in_name(name: str, name_format: str | None) -> datetime | None:
    """The date and time in a file's name, in its zone or in none; None where there is none.

    Args:
        name: of the file.
        name_format: as strptime's, found anywhere in it; None: the usual forms.

    Raises:
        ConfigError: the format is none.
    """
    if name_format is not None:
        pattern = "".join(
            f"(?:{_FIELDS[part[1]]})" if len(part) == 2 and part[1] in _FIELDS else re.escape(part)
            for part in re.findall(r"%.|[^%]+", name_format)
        )
        try:
            match = re.search(pattern, name)
            return match and datetime.strptime(match[0], name_format)  # noqa: DTZ007  # the zone is asked for later
        except (ValueError, re.error) as error:
            raise ConfigError(f"--name-format {name_format}: {error}") from None
    for match in _USUAL.finditer(name):
        year, _, month, day, between, hour, _, minute, second, offset = match.groups()
        try:
            told = datetime(*map(int, (year, month, day, hour, minute, second)))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            continue
        if offset == "Z":
            return told.replace(tzinfo=UTC)
        zoned = _OFFSET.fullmatch(offset or "")
        # A number behind a dash is more often a part's than a zone's, but for the ISO form with its T.
        return told.replace(tzinfo=_offset(zoned)) if zoned and between == "T" else told
    return None


def in_utc(told: datetime, within: tzinfo | None, *, what: str) -> datetime:
    """The same moment in UTC; `within` is the zone where it names none.

    Raises:
        ConfigError: no zone is known, or the time comes twice or never there.
    """
    if told.tzinfo is not None:
        return told.astimezone(UTC)
    if within is None:
        raise ConfigError(
            f"{what}: {told:%Y-%m-%d %H:%M:%S} in which zone? Give --zone, such as America/Bogota"
        )
    one, other = (told.replace(tzinfo=within, fold=fold).astimezone(UTC) for fold in (0, 1))
    if one != other:
        raise ConfigError(
            f"{what}: {told:%Y-%m-%d %H:%M:%S} comes twice or never in {within}, where clocks are changed then: "
            "say it with an offset, such as -05:00"
        )
    return one


def _offset(match: re.Match[str]) -> timezone:
    span = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if span > timedelta(hours=14):
        raise ConfigError(f"{match[0]}: no zone is so far from UTC")
    return timezone(-span if match[1] == "-" else span)
