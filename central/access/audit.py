"""The audit log: who looked at what, why, for which case, and who changed a hotlist; append-only and hash-chained.

A look is written before anything is read, with the form in which it goes out; a second row says how many rows it
showed and how many pictures it handed out. A change of a list is one row, in its own transaction. Triggers in the
database refuse to change, replace or delete a row, by whatever statement; who owns the database can drop them.
Then the chain shows it: each row's hash is made with a key that is not in the database and from the row before.
So a row that was altered, put in or taken out by somebody without the key is found. Not found is

- what somebody did who can read the key too: both kept by one user of one machine prove nothing against him;
- that the last rows, or all of them, were cut off: note the head (`central audit verify` prints it) elsewhere;
- a look around this program, at the database or the archive themselves.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, insert, select, text

from central.access.key import AuditKey
from central.db import Clock, audit, reading, to_us
from central.types import Look

_START: Final = "0" * 64
_HASHED: Final = (
    "id",
    "at_us",
    "actor",
    "purpose",
    "case_number",
    "action",
    "detail",
    "rows",
    "previous_hash",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found.

    Attributes:
        rows: rows whose chain holds, from the first on.
        head: hash of the last of them; 64 zeros where there is none.
        fault: what is wrong with the next row; empty where there is none.
    """

    rows: int
    head: str
    fault: str


class AuditLog:
    """Writes the log."""

    def __init__(self, engine: Engine, key: AuditKey, *, clock: Clock) -> None:
        self._engine: Final = engine
        self._key: Final = key
        self._clock: Final = clock

    def begin(self, look: Look, action: str, detail: Mapping[str, object]) -> int:
        """Log a look before it is answered; the number of its row.

        Args:
            look: who, why, for which case.
            action: up to 25 characters, such as `history`.
            detail: what is asked; plates as keyed hashes only.
        """
        return self._append(look, action, detail, rows=None)

    def end(
        self, look: Look, action: str, *, begun: int, rows: int, more: Mapping[str, object] | None = None
    ) -> None:
        """Log how many rows the look numbered `begun` is about to show, and what more: pictures, what is missing."""
        self._append(look, f"{action}.shown", {"look": begun, **(more or {})}, rows=rows)

    def fail(self, look: Look, action: str, *, begun: int, why: str) -> None:
        """Log that the look numbered `begun` showed nothing."""
        self._append(look, f"{action}.failed", {"look": begun, "why": why}, rows=None)

    def note(self, connection: Connection, look: Look, action: str, detail: Mapping[str, object]) -> int:
        """Log a change in the transaction that makes it, so that there is none without the other.

        Args:
            connection: in that transaction.
            look: who, why, for which case.
            action: as of `begin`.
            detail: as of `begin`.
        """
        return self._add(connection, look, action, detail)

    def _append(self, look: Look, action: str, detail: Mapping[str, object], *, rows: int | None) -> int:
        with self._engine.begin() as connection:
            return self._add(connection, look, action, detail, rows=rows)

    def _add(
        self,
        connection: Connection,
        look: Look,
        action: str,
        detail: Mapping[str, object],
        *,
        rows: int | None = None,
    ) -> int:
        last = _last(connection)
        number = 1 if last is None else int(last["id"]) + 1
        row = {
            "id": number,
            "at_us": to_us(self._clock()),
            "actor": look.actor,
            "purpose": look.purpose,
            "case_number": look.case_number,
            "action": action,
            "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
            "rows": rows,
            "previous_hash": _START if last is None else last["hash"],
        }
        connection.execute(insert(audit).values(**row, hash=_hash(self._key, row)))
        return number


def verify(engine: Engine, key: AuditKey) -> Verdict:
    """Follow the chain from the first row to the first that was altered, added or taken out."""
    count, head = 0, _START
    with reading(engine) as connection:
        for row in _rows(connection):
            fault = _fault(row, key, number=count + 1, previous_hash=head)
            if fault:
                return Verdict(count, head, f"row {row['id']}: {fault}")
            count, head = count + 1, row["hash"]
    return Verdict(count, head, "")


def _last(connection: Connection) -> RowMapping | None:
    """The newest row, of which nobody else makes a successor until our transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite's transactions for writing wait for one another
        connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    return connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).mappings().first()


def _rows(connection: Connection) -> Iterator[RowMapping]:
    streaming = connection.execution_options(yield_per=1_000)
    with streaming.execute(
        select(audit).order_by(audit.c.id)
    ) as result:  # closed where a fault ends the check
        yield from result.mappings()


def _fault(row: RowMapping, key: AuditKey, *, number: int, previous_hash: str) -> str:
    if row["id"] != number:
        return f"expected row {number}: rows in between were taken out"
    if row["previous_hash"] != previous_hash:
        return "does not follow from the row before it"
    if row["hash"] != _hash(key, row):
        return "was altered"
    return ""


def _hash(key: AuditKey, row: Mapping[str, object] | RowMapping) -> str:
    content = json.dumps([row[name] for name in _HASHED], ensure_ascii=False)
    return key.of_row(content.encode())
