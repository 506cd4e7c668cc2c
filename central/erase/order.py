"""The order: from the moment its transaction commits nothing shows the plate any more.

What the database holds of it is deleted in that transaction; the reads in the archive are named in `erased_read`, and
no question shows a read that is. Consumers wait for the transaction, or it for them, so no read slips in between;
seals wait too. Nowhere is the plate written down in clear.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, or_, select, update

from central.access.key import AuditKey
from central.db import erasure, from_us, hotlist_entry, legal_hold, suppression, table_version, to_us
from central.erase.plate import Needle, boxed
from central.erase.remove import Removal
from central.errors import ErasureError
from central.lock import exclusive
from central.query.plan import MOST_ROWS, Question
from central.query.reads import Reads
from central.types import KeptRead, Look
from edge.contract.spelling import typed

ORDERED: Final = "ordered"
_MOST_REFERENCE: Final = 200


@dataclass(frozen=True, slots=True)
class Order:
    """What a court has ordered.

    Attributes:
        plate: as somebody typed it.
        reference: of the court's order.
        look: who gives it here, why, for which case.
        at: now.
        since, until: captured at or after, and before; UTC-aware, None: open.
        with_lists: its hotlist entries go too; without, an order is refused while there are any.
    """

    plate: str
    reference: str
    look: Look
    at: datetime
    since: datetime | None = None
    until: datetime | None = None
    with_lists: bool = False


@dataclass(frozen=True, slots=True)
class Ordered:
    """What the transaction did.

    Attributes:
        number: of the order.
        removed: rows deleted or emptied at once, by table; `reads` are those that are still in the archive.
        suppressions: of those rows, suppressions that stood: nothing keeps the plate from raising alerts any more.
    """

    number: int
    removed: dict[str, int]
    suppressions: int = 0


Log = Callable[[Connection, str, dict[str, object]], object]
"""Writes the order down in its own transaction: the plate's keyed hash, and what is told of it."""


def give(engine: Engine, reads: Reads, wanted: Order, *, key: AuditKey, log: Log) -> Ordered:
    """Give an order.

    Args:
        engine: the database.
        reads: all reads, of the same database.
        wanted: the order.
        key: of the audit log.
        log: writes it down.

    Raises:
        ErasureError: it is refused: says why.
        QueryError: the reads cannot be found.
        StoreError: the archive cannot be opened, or a file of it is damaged and not mended yet.
    """
    plate = _checked(wanted)
    with exclusive(engine, "sealing", wait=True) as held:
        question = Question(plate=plate, since=wanted.since, until=wanted.until, limit=MOST_ROWS)
        found = reads.find(question)
        if found.cut:
            raise ErasureError(f"more than {MOST_ROWS} reads: order it in parts, with --from and --to")
        for lost in found.missing:
            if not lost.aside:
                raise ErasureError(
                    f"{lost.file} is damaged ({lost.why}): mend it first, with verify --all --mend"
                )
        with held.begin() as connection:
            _wait_for_consumers(connection)
            giving = _Giving(connection, wanted, Needle(plate), key)
            giving.refuse_held(found.reads)
            giving.refuse_listed()
            number, standing = giving.record(), giving.standing()
            removed = giving.removal(number).run(found.reads)
            told = {"erasure": number, "reference": wanted.reference, "removed": removed}
            log(connection, key.of_plate(plate), told | {"suppressions": standing} | _span(wanted))
    return Ordered(number, removed, standing)


def _checked(wanted: Order) -> str:
    """The plate as it is stored."""
    try:
        plate = typed(wanted.plate)
    except ValueError as error:
        raise ErasureError(f"not a plate: {wanted.plate[:40]!r}; {error}") from error
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise ErasureError("an empty time span: --from is not before --to")
    reference = wanted.reference.strip()
    if not reference or len(reference) > _MOST_REFERENCE or not reference.isprintable():
        raise ErasureError(f"--order: expected the court's reference, 1 to {_MOST_REFERENCE} characters")
    needle = Needle(plate)
    for name, text in (
        ("--order", reference),
        ("--purpose", wanted.look.purpose),
        ("--case", wanted.look.case_number),
        ("--as", wanted.look.actor),
    ):
        if needle.in_text(text):
            raise ErasureError(f"{name} names the plate, and is kept for good: say it without")
    return plate


def _span(wanted: Order) -> dict[str, object]:
    return {
        "since": None if wanted.since is None else wanted.since.isoformat(),
        "until": None if wanted.until is None else wanted.until.isoformat(),
    }


def _wait_for_consumers(connection: Connection) -> None:
    """And let those that come wait: they read this row first, and then know of the order."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    this = update(table_version).where(table_version.c.name == erasure.name)
    connection.execute(this.values(version=table_version.c.version + 1))


@dataclass(frozen=True, slots=True)
class _Giving:
    connection: Connection
    wanted: Order
    needle: Needle
    key: AuditKey

    @property
    def _window(self) -> tuple[int | None, int | None]:
        since, until = self.wanted.since, self.wanted.until
        return None if since is None else to_us(since), None if until is None else to_us(until)

    def refuse_held(self, found: Sequence[KeptRead]) -> None:
        """Raises ErasureError where a hold that was not lifted is on the plate, or on one of its reads."""
        since_us, until_us = self._window
        hold = legal_hold.c
        for row in self.connection.execute(
            select(legal_hold).where(
                hold.lifted_us.is_(None),
                or_(hold.since_us.is_(None), hold.since_us < (until_us or 2**62)),
                or_(hold.until_us.is_(None), hold.until_us > (since_us or 0)),
            )
        ).mappings():
            read = (row["edge_id"], row["epoch"], row["seq"])
            span = (row["since_us"] or 0, row["until_us"] or 2**62)
            on_plate = row["plate"] == self.needle.plate
            if on_plate or any(
                (each.camera_id == row["camera_id"] or (each.edge_id, each.epoch, each.seq) == read)
                and span[0] <= to_us(each.captured_at) < span[1]
                for each in found
            ):
                what = "the plate is" if on_plate else "reads of the plate are"
                raise ErasureError(
                    f"{what} under a legal hold (#{row['hold_id']}, case {row['case_number']}): "
                    "it must be lifted first"
                )

    def refuse_listed(self) -> None:
        """Raises ErasureError where the plate stands in a hotlist and its entries are not to go."""
        entry = hotlist_entry.c
        query = select(entry.list_name).where(entry.plate == self.needle.plate).order_by(entry.list_name)
        lists = self.connection.scalars(query).all()
        if lists and not self.wanted.with_lists:
            raise ErasureError(
                f"the plate stands in {', '.join(lists)}: --with-lists removes these entries too"
            )

    def standing(self) -> int:
        """How many suppressions keep the plate from raising alerts now; they go with the rest."""
        row = suppression.c
        stand = (
            row.plate == self.needle.plate,
            row.lifted_us.is_(None),
            row.until_us > to_us(self.wanted.at),
        )
        return self.connection.execute(select(func.count()).where(*stand)).scalar_one()

    def record(self) -> int:
        """Write the order down; its number."""
        since_us, until_us = self._window
        row = {
            "state": ORDERED,
            "plate_hash": self.key.of_plate(self.needle.plate),
            "plate_box": boxed(self.needle.plate, self.key),
            "since_us": since_us,
            "until_us": until_us,
            "reference": self.wanted.reference.strip(),
            "case_number": self.wanted.look.case_number,
            "ordered_by": self.wanted.look.actor,
            "ordered_us": to_us(self.wanted.at),
            "removed": "{}",
        }
        statement = insert(erasure).values(row).returning(erasure.c.erasure_id)
        return int(self.connection.execute(statement).scalar_one())

    def removal(self, number: int) -> Removal:
        """Of what the database holds, for the order of this number."""
        at_us = to_us(self.wanted.at)
        return Removal(self.connection, number, self.needle, self.key, self._window, at_us)


def window(row: Any) -> tuple[datetime | None, datetime | None]:  # noqa: ANN401  # a row of `erasure`
    """The order's window."""
    since_us, until_us = row["since_us"], row["until_us"]
    return None if since_us is None else from_us(since_us), None if until_us is None else from_us(until_us)
