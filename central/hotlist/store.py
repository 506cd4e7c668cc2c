"""The hotlists in the database: import of a CSV file."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.db import hotlist_entry, table_version, to_us
from central.errors import HotlistError, StoreError
from central.hotlist.sheet import Refusal, Row, Sheet, read_sheet
from edge.contract.plate import Grammar
from edge.contract.read import Identifier

_log = structlog.get_logger(__name__)

_NAME: Final = TypeAdapter(Identifier)
_SAID: Final = (
    "plate_class",
    "reason",
    "priority",
    "source",
    "case_number",
    "valid_from_us",
    "valid_until_us",
    "vehicle_type",
    "color",
    "brand",
    "note",
)
"""What a file says of an entry; where all of it is as before, the entry is unchanged."""


@dataclass(frozen=True, slots=True)
class Import:
    """What to do with a file: into which list, on whose word, when.

    Attributes:
        zone: where dates without an offset are meant.
    """

    list_name: str
    entered_by: str
    at: datetime
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        ended_sooner: of the changed ones, those that expire earlier than before.
        sha256: of the file, hexadecimal.
    """

    added: int
    changed: int
    ended_sooner: int
    unchanged: int
    refused: tuple[Refusal, ...]
    sha256: str


Log = Callable[[Connection, ImportReport], object]
"""Writes an import down, in its own transaction."""


def import_csv(engine: Engine, path: Path, order: Import, *, grammar: Grammar, log: Log) -> ImportReport:
    """Add the file's entries to a list and change those that it has already; nothing is removed.

    An entry ends by its expiry: a file that gives a listed plate an earlier `valid_until` ends it. A running
    centre matches against the new entries from its next batch on.

    Raises:
        HotlistError: the file cannot be read at all, or the list's name is not one.
        StoreError: the database cannot be written; the list is as it was.
    """
    try:
        _NAME.validate_python(order.list_name)
        _NAME.validate_python(order.entered_by)
    except ValidationError as error:
        raise HotlistError(
            f"name of the list {order.list_name!r}, or of who enters it {order.entered_by!r}: expected lower "
            "case letters, digits, '.', '_' and '-', up to 63"
        ) from error
    sheet = read_sheet(path, zone=order.zone, grammar=grammar)
    try:
        with engine.begin() as connection:
            raise_version(connection)
            report = _merge(connection, sheet, order)
            log(connection, report)
    except SQLAlchemyError as error:
        fault = getattr(error, "orig", None) or error
        raise StoreError(f"hotlist {order.list_name!r} cannot be written: {fault}") from error
    return report


def raise_version(connection: Connection) -> None:
    """Tell a running centre; first in a transaction, so that a second one waits for this one."""
    connection.execute(
        update(table_version)
        .where(table_version.c.name == hotlist_entry.name)
        .values(version=table_version.c.version + 1)
    )


def _merge(connection: Connection, sheet: Sheet, order: Import) -> ImportReport:
    listed = {
        (entry["plate"], entry["country"]): entry
        for entry in connection.execute(
            select(hotlist_entry).where(hotlist_entry.c.list_name == order.list_name)
        ).mappings()
    }
    now_us = to_us(order.at)
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    taken: dict[tuple[str, str], int] = {}  # by which line
    ended_sooner = 0
    for row in sheet.rows:
        key = (row.plate, row.country)
        before = listed.get(key)
        values = _values(row, before=before, now_us=now_us)
        if fault := _fault(row, earlier=taken.get(key), new=before is None, now_us=now_us):
            refused.append(Refusal(row.line, fault))
            continue
        taken[key] = row.line
        if before is None:
            new.append(values | _entered(order))
        elif any(before[name] != values[name] for name in _SAID):
            ended_sooner += values["valid_until_us"] < before["valid_until_us"]
            changed.append({f"new_{name}": values[name] for name in _SAID} | {"at_id": before["id"]})
    if new:
        connection.execute(insert(hotlist_entry), new)
    if changed:
        connection.execute(
            update(hotlist_entry)
            .where(hotlist_entry.c.id == bindparam("at_id"))
            .values({name: bindparam(f"new_{name}") for name in _SAID})
            .values(entered_by=order.entered_by, entered_us=now_us),
            changed,
        )
    return ImportReport(
        added=len(new),
        changed=len(changed),
        ended_sooner=ended_sooner,
        unchanged=len(taken) - len(new) - len(changed),
        refused=tuple(sorted((*sheet.refused, *refused), key=lambda refusal: refusal.line)),
        sha256=sheet.sha256,
    )


def _values(row: Row, *, before: RowMapping | None, now_us: int) -> dict[str, Any]:
    values = asdict(row)
    del values["line"], values["valid_from"], values["valid_until"]
    if row.valid_from is not None:
        values["valid_from_us"] = to_us(row.valid_from)
    else:
        values["valid_from_us"] = before["valid_from_us"] if before is not None else now_us
    values["valid_until_us"] = to_us(row.valid_until)
    values["reason"] = str(row.reason)
    return values


def _fault(row: Row, *, earlier: int | None, new: bool, now_us: int) -> str:
    """Why a good line does not become an entry: only a line that became one (`earlier`) keeps its plate's place."""
    if earlier is not None:
        return f"{row.plate} ({row.country}) stands in line {earlier} already"
    if new and to_us(row.valid_until) <= now_us:
        return (
            f"valid_until: {row.valid_until:%Y-%m-%d %H:%M} UTC is over, and {row.plate} is not on this list"
        )
    return ""


def _entered(order: Import) -> dict[str, Any]:
    return {"list_name": order.list_name, "entered_by": order.entered_by, "entered_us": to_us(order.at)}
