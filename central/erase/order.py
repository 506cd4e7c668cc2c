"""The order: from the moment its transaction commits nothing shows the plate any more.

What the database holds of it is deleted in that transaction; the reads in the archive are named in `erased_read`, and
no question shows a read that is. Consumers wait for the transaction, or it for them, so no read slips in between;
seals wait too. Nowhere is the plate written down in clear.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from central.access.key import AuditKey
from central.consume.refuse import mark
from central.db import (
    alert,
    alert_trail,
    clip,
    clip_part,
    dead_letter,
    erased_file,
    erased_read,
    erasure,
    from_us,
    held_read,
    hot_read,
    hotlist_entry,
    late_update,
    legal_hold,
    picture,
    sealed_update,
    table_version,
    to_us,
)
from central.erase.plate import Needle, boxed
from central.errors import ErasureError
from central.hotlist.store import raise_version
from central.lock import exclusive
from central.query.plan import MOST_ROWS, Question
from central.query.reads import Reads
from central.types import KeptRead, Look
from edge.contract.read import ReadId
from edge.contract.spelling import typed

ORDERED: Final = "ordered"
PACKS: Final = "pictures/"
"""How the names of packs begin in `erased_file`, and in the certificate."""

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
    """

    number: int
    removed: dict[str, int]


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
            number = giving.record()
            removed = giving.remove(found.reads, number)
            told = {"erasure": number, "reference": wanted.reference, "removed": removed}
            log(connection, key.of_plate(plate), told | _span(wanted))
    return Ordered(number, removed)


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


def in_window(column: ColumnElement[int], since_us: int | None, until_us: int | None) -> ColumnElement[bool]:
    """Whether a time lies within the order's."""
    terms = [] if since_us is None else [column >= since_us]
    terms += [] if until_us is None else [column < until_us]
    return and_(True, *terms)


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

    def remove(self, found: Sequence[KeptRead], number: int) -> dict[str, int]:
        """Delete what the database holds, and name what the archive does."""
        hot = self._hot()
        named = {ReadId(r.edge_id, r.epoch, r.seq): to_us(r.captured_at) for r in found} | hot
        self._name(named, number)
        removed = Counter[str](reads=len(named.keys() - hot.keys()))
        this = erased_read.c.erasure_id == number
        self._remove_pictures(number, this, removed)
        for table in (hot_read, late_update, sealed_update):
            removed[table.name] += self._delete(table, _same_read(table, this))
        self._remove_alerts(this, removed)
        self._remove_letters(removed)
        self._remove_lists(removed)
        self._clear_raw(removed)
        told = {name: rows for name, rows in sorted(removed.items()) if rows}
        this_order = update(erasure).where(erasure.c.erasure_id == number)
        self.connection.execute(this_order.values(removed=json.dumps(told)))
        return told

    def _hot(self) -> dict[ReadId, int]:
        found: dict[ReadId, int] = {}
        for table in (hot_read, late_update):
            row = table.c
            query = select(row.edge_id, row.epoch, row.seq, row.captured_us).where(
                row.plate == self.needle.plate, in_window(row.captured_us, *self._window)
            )
            found |= {ReadId(*named): at_us for *named, at_us in self.connection.execute(query)}
        return found

    def _name(self, named: dict[ReadId, int], number: int) -> None:
        if not named:
            return
        rows = [{**read._asdict(), "erasure_id": number, "captured_us": us} for read, us in named.items()]
        dialect = sqlite if self.connection.dialect.name == "sqlite" else postgresql
        self.connection.execute(dialect.insert(erased_read).on_conflict_do_nothing(), rows)
        mark(self.connection, map(self.key.of_read, named), now_us=to_us(self.wanted.at))

    def _delete(self, table: Table, *terms: ColumnElement[bool]) -> int:
        return self.connection.execute(delete(table).where(*terms)).rowcount

    def _remove_pictures(self, number: int, this: ColumnElement[bool], removed: Counter[str]) -> None:
        """Their rows go; their bytes are blanked in their packs, which are noted."""
        of_picture = _same_read(picture, this, seq="read_seq")
        of_clip = exists().where(
            clip.c.request == clip_part.c.request, _same_read(clip, this, seq="read_seq")
        )
        packs: set[str] = set()
        for table, mine in ((picture, of_picture), (clip_part, of_clip)):
            packs |= set(self.connection.scalars(select(table.c.pack).where(mine).distinct()))
            removed[table.name] += self._delete(table, mine)
        removed[clip.name] += self._delete(clip, _same_read(clip, this, seq="read_seq"))
        rows = [
            {"erasure_id": number, "name": f"{PACKS}{pack}", "rows": 0, "done": False}
            for pack in sorted(packs)
        ]
        if rows:
            self.connection.execute(insert(erased_file), rows)

    def _remove_alerts(self, this: ColumnElement[bool], removed: Counter[str]) -> None:
        of_plate = and_(alert.c.plate == self.needle.plate, in_window(alert.c.captured_us, *self._window))
        mine = or_(of_plate, _same_read(alert, this))
        trail = exists().where(alert.c.alert_id == alert_trail.c.alert_id, mine)
        removed[alert_trail.name] += self._delete(alert_trail, or_(trail, _same_read(alert_trail, this)))
        removed[alert.name] += self._delete(alert, mine)
        spelt = select(alert.c.alert_id, alert.c.explanation).where(
            alert.c.explanation.contains(self.needle.plate), alert.c.plate != self.needle.plate
        )
        for alert_id, explanation in self.connection.execute(spelt).all():
            if self.needle.in_text(explanation):
                this_alert = update(alert).where(alert.c.alert_id == alert_id)
                self.connection.execute(this_alert.values(explanation=self.needle.without(explanation)))
                removed["alert.explanation"] += 1

    def _remove_letters(self, removed: Counter[str]) -> None:
        """Of any time: what cannot be understood tells none that can be relied on."""
        query = select(dead_letter).execution_options(yield_per=1_000)
        rows = self.connection.execute(query).mappings()
        letters = [row["id"] for row in rows if any(map(self.needle.in_text, _said(row)))]
        for letter in letters:
            removed[dead_letter.name] += self._delete(dead_letter, dead_letter.c.id == letter)

    def _remove_lists(self, removed: Counter[str]) -> None:
        """Entries, and holds that were lifted; the audit log keeps both, by keyed hashes."""
        raise_version(self.connection)
        removed[hotlist_entry.name] += self._delete(hotlist_entry, hotlist_entry.c.plate == self.needle.plate)
        lifted = and_(legal_hold.c.plate == self.needle.plate, legal_hold.c.lifted_us.is_not(None))
        its = exists().where(legal_hold.c.hold_id == held_read.c.hold_id, lifted)
        removed[held_read.name] += self._delete(held_read, its)
        removed[legal_hold.name] += self._delete(legal_hold, lifted)

    def _clear_raw(self, removed: Counter[str]) -> None:
        """Reads of other plates that were first spelt so, before a grammar put them right, keep what was put right."""
        for table in (hot_read, late_update):
            query = select(table.c.edge_id, table.c.epoch, table.c.seq, table.c.plate, table.c.message).where(
                table.c.plate_raw.contains(self.needle.plate), in_window(table.c.captured_us, *self._window)
            )
            for edge_id, epoch, seq, plate, message in self.connection.execute(query).all():
                mine = (table.c.edge_id == edge_id, table.c.epoch == epoch, table.c.seq == seq)
                values = {"plate_raw": plate, "message": _with_raw(message, plate)}
                self.connection.execute(update(table).where(*mine).values(values))
                removed[f"{table.name}.plate_raw"] += 1


def _same_read(table: Table, this: ColumnElement[bool], *, seq: str = "seq") -> ColumnElement[bool]:
    """Whether a row is of a read of this order."""
    read, row = erased_read.c, table.c
    return exists().where(this, read.edge_id == row.edge_id, read.epoch == row.epoch, read.seq == row[seq])


def _said(letter: Any) -> Iterable[str | bytes]:  # noqa: ANN401  # a row
    return letter["payload"], letter["topic"], letter["reason"]


def _with_raw(message: str, plate: str) -> str:
    try:
        said = json.loads(message)
    except ValueError:
        return "{}"
    return json.dumps({**said, "plate_raw": plate})


def window(row: Any) -> tuple[datetime | None, datetime | None]:  # noqa: ANN401  # a row of `erasure`
    """The order's window."""
    since_us, until_us = row["since_us"], row["until_us"]
    return None if since_us is None else from_us(since_us), None if until_us is None else from_us(until_us)
