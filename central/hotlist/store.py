"""The hotlists in the database: import of a CSV file, and a look at what one would do."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine, bindparam, insert, update
from sqlalchemy.exc import SQLAlchemyError

from central.db import hotlist_entry, reading, to_us
from central.errors import HotlistError, StoreError
from central.hotlist.lists import check_import, ensure
from central.hotlist.merge import BATCH, Change, Import, Merge, Step, What, is_cut_off
from central.hotlist.row import Checks, Refusal
from central.hotlist.sheet import Sheet, open_sheet
from central.hotlist.twins import Twin
from central.hotlist.version import raise_version
from edge.contract.plate import Grammar
from edge.contract.read import Identifier

_NAME: Final = TypeAdapter(Identifier)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        changed: without those that are revived.
        ended_sooner: of the changed ones, those that expire earlier than before.
        revived: those that were over, and are looked for again.
        unchanged: those that the file only confirmed.
        removed: those that a whole list does not name any more.
        spared: those that it does not name and that stand all the same, for a refused line tells no plate: it may
            mean any of them.
        twins: new entries for which another one may be taken that is listed too, or stands in the same file.
        sha256: of the file, hexadecimal.
    """

    added: int
    changed: int
    ended_sooner: int
    revived: int
    unchanged: int
    removed: int
    spared: int
    twins: int
    refused: tuple[Refusal, ...]
    sha256: str


@dataclass(slots=True)
class Sample:
    """What of an import is told, one by one.

    Attributes:
        limit: of each kind of change, and of twins; the report counts them all.
        is_cut_off: it would be refused without `even_many`.
    """

    limit: int
    changes: list[Change] = field(default_factory=list)
    twins: list[Twin] = field(default_factory=list)
    is_cut_off: bool = False
    _left: Counter[What] = field(default_factory=Counter)

    def take(self, changes: Sequence[Change], twins: Sequence[Twin]) -> None:
        """Note what happens, while there is room."""
        for change in changes:
            self._left[change.what] += 1
            if self._left[change.what] <= self.limit:
                self.changes.append(change)
        self.twins += twins[: max(0, self.limit - len(self.twins))]


Log = Callable[[Connection, ImportReport], object]
"""Writes an import down, in its own transaction."""


def import_csv(
    engine: Engine, path: Path, order: Import, *, grammar: Grammar, log: Log, sample: Sample | None = None
) -> ImportReport:
    """Add the file's entries to a list, change those that it has already, and confirm them all.

    Nothing is removed, but where the file is the whole list. An entry ends by its expiry: a file that gives a
    listed plate an earlier `valid_until` ends it. A running centre matches against the new entries from its next
    batch on.

    Args:
        engine: the database.
        path: the file.
        order: what to do with it.
        grammar: of the plates that cameras can tell.
        log: writes it down, in the same transaction.
        sample: is given some of what happens.

    Raises:
        HotlistError: the file cannot be read at all, the list's name is not one, or too much would be removed.
        StoreError: the database cannot be written; the list is as it was.
    """
    _check_names(order)
    try:
        with open_sheet(path, Checks(order.zone, grammar)) as sheet, engine.begin() as connection:
            raise_version(connection)
            ensure(connection, order.list_name, by=order.entered_by, at=order.at)
            report = _merge(connection, sheet, order, sample or Sample(0), write=_Writer(order))
            log(connection, report)
    except SQLAlchemyError as error:
        fault = getattr(error, "orig", None) or error
        raise StoreError(f"hotlist {order.list_name!r} cannot be written: {fault}") from error
    return report


def preview_csv(
    engine: Engine, path: Path, order: Import, *, grammar: Grammar, sample: Sample
) -> ImportReport:
    """What `import_csv` would do now; nothing is written, and nobody waits.

    Raises:
        HotlistError: the import would be refused.
    """
    _check_names(order)
    with open_sheet(path, Checks(order.zone, grammar)) as sheet, reading(engine) as connection:
        check_import(connection, order.list_name, at=order.at)
        return _merge(connection, sheet, order, sample)


def _check_names(order: Import) -> None:
    try:
        _NAME.validate_python(order.list_name)
        _NAME.validate_python(order.entered_by)
    except ValidationError as error:
        raise HotlistError(
            f"name of the list {order.list_name!r}, or of who enters it {order.entered_by!r}: expected lower "
            "case letters, digits, '.', '_' and '-', up to 63"
        ) from error


class _Writer:
    """Writes what an import changes."""

    def __init__(self, order: Import) -> None:
        self._order: Final = order

    def step(self, connection: Connection, step: Step) -> None:
        entered = {"entered_by": self._order.entered_by, "entered_us": to_us(self._order.at)}
        if step.new:
            connection.execute(insert(hotlist_entry), step.new)
        if step.changed:
            _update(connection, step.changed, ended_why=None, ended_by_hand=False, **entered)
        if step.confirmed:
            _update(connection, step.confirmed)

    def end(self, connection: Connection, numbers: Sequence[int], *, why: str) -> None:
        now_us = to_us(self._order.at)
        for begin in range(0, len(numbers), BATCH):
            connection.execute(
                update(hotlist_entry)
                .where(hotlist_entry.c.id.in_(numbers[begin : begin + BATCH]))
                .values(
                    valid_until_us=now_us,
                    entered_us=now_us,
                    entered_by=self._order.entered_by,
                    ended_why=why,
                )
            )


def _update(connection: Connection, rows: Sequence[dict[str, Any]], **fixed: object) -> None:
    """Change entries by `at_id`: the columns `new_...` of each row, and what is the same for all."""
    said: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in rows[0] if name != "at_id"}
    connection.execute(
        update(hotlist_entry).where(hotlist_entry.c.id == bindparam("at_id")).values(**said, **fixed), rows
    )


def _merge(
    connection: Connection, sheet: Sheet, order: Import, sample: Sample, *, write: _Writer | None = None
) -> ImportReport:
    merge, counts, twins = Merge(order, sheet.columns), Counter[What](), 0
    in_force = merge.in_force(connection) if order.whole else 0
    for step in merge.steps(connection, sheet.rows()):
        if write is not None:
            write.step(connection, step)
        counts.update(change.what for change in step.changes)
        twins += len(step.twins)
        sample.take(step.changes, step.twins)
    gone = merge.unnamed(connection) if order.whole else []
    sample.is_cut_off = is_cut_off(removed=len(gone), in_force=in_force) and not order.even_many
    spared = 0
    if gone and merge.is_unsure and not sample.is_cut_off:
        gone, spared = [], len(gone)
    sample.take([change for _, change in gone], ())
    if write is not None:
        if sample.is_cut_off:
            raise HotlistError(
                f"the file does not name {len(gone)} of the {in_force} entries of {order.list_name!r}: is it "
                "cut off? --even-many ends them all the same"
            )
        why = f"not in the file {sheet.sha256[:12]}, which was the whole list"
        write.end(connection, [number for number, _ in gone], why=why)
    return ImportReport(
        added=counts[What.ADDED],
        changed=counts[What.CHANGED],
        ended_sooner=merge.ended_sooner,
        revived=counts[What.REVIVED],
        unchanged=merge.named - counts.total(),
        removed=len(gone),
        spared=spared,
        twins=twins,
        refused=tuple(sorted(merge.refused, key=lambda refusal: refusal.line)),
        sha256=sheet.sha256,
    )
