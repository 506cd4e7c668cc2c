"""What an order deletes at once: all that the database holds of the plate, in the order's transaction.

The reads that the archive holds are only named here, in `erased_read`; no question shows a read that is.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Connection,
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
    alert_event,
    alert_trail,
    api_answer,
    clip,
    clip_part,
    dead_letter,
    delivery,
    erased_file,
    erased_read,
    erasure,
    held_read,
    hot_read,
    hotlist_entry,
    hunt_trace,
    late_update,
    legal_hold,
    picture,
    sealed_update,
    suppressed_read,
    suppression,
    taken_file,
    to_us,
)
from central.erase.plate import Needle
from central.hotlist.version import raise_version
from central.types import KeptRead
from edge.contract.read import ReadId

PACKS: Final = "pictures/"
"""How the names of packs begin in `erased_file`, and in the certificate."""
WORDS: Final = (
    hotlist_entry.c.source,
    hotlist_entry.c.legal_basis,
    hotlist_entry.c.note,
    hotlist_entry.c.ended_why,
    suppression.c.reason,
    suppression.c.lifted_why,
    delivery.c.said,
    taken_file.c.report,
    api_answer.c.answer,
)
"""Free text of rows that stay. A report or an answer is JSON, and is JSON with dots in it."""
_AT_A_TIME: Final = 1_000


@dataclass(frozen=True, slots=True)
class Removal:
    """Of one order.

    Attributes:
        connection: in the order's transaction.
        number: of the order.
        needle: its plate.
        key: of the audit log.
        span: captured at or after, and before; microseconds since 1970 UTC, None: open.
        at_us: now.
    """

    connection: Connection
    number: int
    needle: Needle
    key: AuditKey
    span: tuple[int | None, int | None]
    at_us: int

    def run(self, found: Sequence[KeptRead]) -> dict[str, int]:
        """Delete what the database holds, and name what the archive does: the reads that were found.

        Returns:
            rows deleted or emptied, by table; `reads` are those that are still in the archive.
        """
        hot = self._hot()
        named = {ReadId(r.edge_id, r.epoch, r.seq): to_us(r.captured_at) for r in found} | hot
        self._name(named)
        removed = Counter[str](reads=len(named.keys() - hot.keys()))
        this = erased_read.c.erasure_id == self.number
        self._remove_pictures(this, removed)
        for table in (hot_read, late_update, sealed_update, suppressed_read):
            removed[table.name] += self._delete(table, _same_read(table, this))
        self._remove_alerts(this, removed)
        self._remove_letters(removed)
        self._remove_lists(removed)
        self._clear_words(removed)
        self._clear_raw(removed)
        told = {name: rows for name, rows in sorted(removed.items()) if rows}
        this_order = update(erasure).where(erasure.c.erasure_id == self.number)
        self.connection.execute(this_order.values(removed=json.dumps(told)))
        return told

    def _hot(self) -> dict[ReadId, int]:
        found: dict[ReadId, int] = {}
        for table in (hot_read, late_update):
            row = table.c
            query = select(row.edge_id, row.epoch, row.seq, row.captured_us).where(
                row.plate == self.needle.plate, _in_window(row.captured_us, *self.span)
            )
            found |= {ReadId(*named): at_us for *named, at_us in self.connection.execute(query)}
        return found

    def _name(self, named: dict[ReadId, int]) -> None:
        if not named:
            return
        rows = [
            {**read._asdict(), "erasure_id": self.number, "captured_us": us} for read, us in named.items()
        ]
        dialect = sqlite if self.connection.dialect.name == "sqlite" else postgresql
        self.connection.execute(dialect.insert(erased_read).on_conflict_do_nothing(), rows)
        mark(self.connection, map(self.key.of_read, named), now_us=self.at_us)

    def _delete(self, table: Table, *terms: ColumnElement[bool]) -> int:
        return self.connection.execute(delete(table).where(*terms)).rowcount

    def _remove_pictures(self, this: ColumnElement[bool], removed: Counter[str]) -> None:
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
            {"erasure_id": self.number, "name": f"{PACKS}{pack}", "rows": 0, "done": False}
            for pack in sorted(packs)
        ]
        if rows:
            self.connection.execute(insert(erased_file), rows)

    def _remove_alerts(self, this: ColumnElement[bool], removed: Counter[str]) -> None:
        """Alerts of other times stay, but tell nothing of this order's reads."""
        of_plate = and_(alert.c.plate == self.needle.plate, _in_window(alert.c.captured_us, *self.span))
        mine = or_(of_plate, _same_read(alert, this))
        self._remove_events(exists().where(alert.c.alert_id == alert_event.c.alert_id, mine), this, removed)
        trail = exists().where(alert.c.alert_id == alert_trail.c.alert_id, mine)
        touched = select(alert_trail.c.alert_id).where(_same_read(alert_trail, this)).distinct()
        shortened = list(self.connection.scalars(touched))
        removed[alert_trail.name] += self._delete(alert_trail, or_(trail, _same_read(alert_trail, this)))
        told = exists().where(alert.c.alert_id == delivery.c.alert_id, mine)
        removed[delivery.name] += self._delete(delivery, told)
        removed[alert.name] += self._delete(alert, mine)
        for alert_id in shortened:
            self._shorten(alert_id)
        others = alert.c.plate != self.needle.plate
        self._clear(alert.c.explanation, removed, others)
        its = exists().where(alert.c.alert_id == alert_event.c.alert_id, others)
        self._clear(alert_event.c.detail, removed, its)

    def _shorten(self, alert_id: int) -> None:
        """Let an alert begin and end with the sightings that are left of it."""
        sighting = alert_trail.c
        query = select(sighting.captured_us, sighting.camera_id).where(sighting.alert_id == alert_id)
        left = self.connection.execute(query.order_by(sighting.captured_us)).all()
        if left:
            (first_us, camera_id), (last_us, _) = left[0], left[-1]
            span = {"captured_us": first_us, "passage_first_us": first_us, "passage_last_us": last_us}
            this = update(alert).where(alert.c.alert_id == alert_id)
            self.connection.execute(this.values(camera_id=camera_id, **span))

    def _remove_events(
        self, its: ColumnElement[bool], this: ColumnElement[bool], removed: Counter[str]
    ) -> None:
        """Those of the alerts that go, and of the others those that name a read of this order."""
        removed[alert_event.name] += self._delete(alert_event, its)
        read = erased_read.c
        mine = {
            ReadId(*row)
            for row in self.connection.execute(select(read.edge_id, read.epoch, read.seq).where(this))
        }
        touched = select(self._touched(this).c.alert_id)
        query = select(alert_event.c.event_id, alert_event.c.detail)
        for event_id, detail in self.connection.execute(
            query.where(alert_event.c.alert_id.in_(touched))
        ).all():
            if _read_named(detail) in mine:
                removed[alert_event.name] += self._delete(alert_event, alert_event.c.event_id == event_id)

    def _touched(self, this: ColumnElement[bool]) -> CTE:
        """Alerts whose events may name a read of this order: those too whose trail another has taken in."""
        trail = exists().where(alert_trail.c.alert_id == alert.c.alert_id, _same_read(alert_trail, this))
        mine = select(alert.c.alert_id).where(or_(alert.c.plate == self.needle.plate, trail))
        touched = mine.cte("touched", recursive=True)
        return touched.union(select(alert.c.alert_id).where(alert.c.merged_into == touched.c.alert_id))

    def _clear(self, column: Column[str], removed: Counter[str], *terms: ColumnElement[bool]) -> None:
        """Put dots in the plate's place, where what is kept of another vehicle names it."""
        table = column.table
        keys = list(table.primary_key.columns)
        maybe = column.ilike("%".join(("", *self.needle.plate, "")))  # as people type it; the needle decides
        # A quarter of all explanations may be spelt so: only those that name it are kept in memory.
        spelt = select(column, *keys).where(maybe, *terms).execution_options(yield_per=_AT_A_TIME)
        named = [
            (values, self.needle.without(words))
            for words, *values in self.connection.execute(spelt)
            if self.needle.in_text(words)
        ]
        for values, cleared in named:
            this = [key == value for key, value in zip(keys, values, strict=True)]
            self.connection.execute(update(table).where(*this).values({column: cleared}))
        removed[f"{table.name}.{column.name}"] += len(named)

    def _clear_words(self, removed: Counter[str]) -> None:
        """What people, files and receivers said of other vehicles."""
        for column in WORDS:
            self._clear(column, removed)

    def _remove_letters(self, removed: Counter[str]) -> None:
        """Of any time: what cannot be understood tells none that can be relied on."""
        query = select(dead_letter).execution_options(yield_per=_AT_A_TIME)
        rows = self.connection.execute(query).mappings()
        letters = [row["id"] for row in rows if any(map(self.needle.in_text, _said(row)))]
        for letter in letters:
            removed[dead_letter.name] += self._delete(dead_letter, dead_letter.c.id == letter)

    def _remove_lists(self, removed: Counter[str]) -> None:
        """Entries and their traces, suppressions, and holds that were lifted; the audit log has keyed hashes."""
        raise_version(self.connection)
        others = exists().where(
            hotlist_entry.c.id == hunt_trace.c.entry_id, hotlist_entry.c.plate != self.needle.plate
        )
        removed[hunt_trace.name] += self._delete(hunt_trace, ~others)
        removed[hotlist_entry.name] += self._delete(hotlist_entry, hotlist_entry.c.plate == self.needle.plate)
        told = suppression.c.plate == self.needle.plate
        its = exists().where(suppression.c.suppression_id == suppressed_read.c.suppression_id, told)
        removed[suppressed_read.name] += self._delete(suppressed_read, its)
        removed[suppression.name] += self._delete(suppression, told)
        lifted = and_(legal_hold.c.plate == self.needle.plate, legal_hold.c.lifted_us.is_not(None))
        its = exists().where(legal_hold.c.hold_id == held_read.c.hold_id, lifted)
        removed[held_read.name] += self._delete(held_read, its)
        removed[legal_hold.name] += self._delete(legal_hold, lifted)

    def _clear_raw(self, removed: Counter[str]) -> None:
        """Reads of other plates that were first spelt so, before a grammar put them right, keep what was put right."""
        for table in (hot_read, late_update):
            query = select(table.c.edge_id, table.c.epoch, table.c.seq, table.c.plate, table.c.message).where(
                table.c.plate_raw.contains(self.needle.plate), _in_window(table.c.captured_us, *self.span)
            )
            for edge_id, epoch, seq, plate, message in self.connection.execute(query).all():
                mine = (table.c.edge_id == edge_id, table.c.epoch == epoch, table.c.seq == seq)
                values = {"plate_raw": plate, "message": _with_raw(message, plate)}
                self.connection.execute(update(table).where(*mine).values(values))
                removed[f"{table.name}.plate_raw"] += 1


def _in_window(column: ColumnElement[int], since_us: int | None, until_us: int | None) -> ColumnElement[bool]:
    """Whether a time lies within the order's."""
    terms = [] if since_us is None else [column >= since_us]
    terms += [] if until_us is None else [column < until_us]
    return and_(True, *terms)


def _same_read(table: Table, this: ColumnElement[bool], *, seq: str = "seq") -> ColumnElement[bool]:
    """Whether a row is of a read of this order."""
    read, row = erased_read.c, table.c
    return exists().where(this, read.edge_id == row.edge_id, read.epoch == row.epoch, read.seq == row[seq])


def _said(letter: Any) -> Iterable[str | bytes]:  # noqa: ANN401  # a row
    return letter["payload"], letter["topic"], letter["reason"]


def _read_named(detail: str) -> ReadId | None:
    """The read that an event of an alert tells of."""
    said = json.loads(detail)
    return ReadId(said["edge_id"], said["epoch"], said["seq"]) if "seq" in said else None


def _with_raw(message: str, plate: str) -> str:
    try:
        said = json.loads(message)
    except ValueError:
        return "{}"
    return json.dumps({**said, "plate_raw": plate})
