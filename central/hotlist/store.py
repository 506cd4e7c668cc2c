"""The hotlists in the database: import of a CSV file, and a look at what one would do."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from central.db import reading
from central.errors import HotlistError, StoreError
from central.hotlist.draft import Draft
from central.hotlist.lists import check_import, ensure
from central.hotlist.merge import Change, Ended, Import, Merge, Step, What, is_cut_off
from central.hotlist.row import Checks, Refusal
from central.hotlist.sheet import Sheet, open_sheet
from central.hotlist.twins import Twin
from central.hotlist.version import raise_version, version_of
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

    def clear(self) -> None:
        """Forget what was told: it is looked at anew."""
        self.changes.clear()
        self.twins.clear()
        self._left.clear()

    def take(self, changes: Sequence[Change], twins: Sequence[Twin]) -> None:
        """Note what happens, while there is room."""
        for change in changes:
            self._left[change.what] += 1
            if self._left[change.what] <= self.limit:
                self.changes.append(change)
        self.twins += twins[: max(0, self.limit - len(self.twins))]


@dataclass(frozen=True, slots=True)
class _Compared:
    """A file held against its list.

    Attributes:
        ended: the entries that would end.
        in_force: entries of the list before.
    """

    report: ImportReport
    ended: list[Ended]
    in_force: int


Log = Callable[[Connection, ImportReport], object]
"""Writes an import down, in its own transaction."""


def import_csv(
    engine: Engine, path: Path, order: Import, *, grammar: Grammar, log: Log, sample: Sample | None = None
) -> ImportReport:
    """Add the file's entries to a list, change those that it has already, and confirm them all.

    Nothing is removed, but where the file is the whole list. An entry ends by its expiry: a file that gives a
    listed plate an earlier `valid_until` ends it. A running centre matches against the new entries from its next
    batch on. The file is read, checked and compared while others write; they wait for the rows' writing alone.

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
    source, sample = (path, Checks(order.zone, grammar)), sample or Sample(0)
    try:
        with reading(engine) as connection:
            draft, report = _drafted(connection, source, order, sample)
        with engine.begin() as connection:
            if raise_version(connection) != draft.version + 1:
                # Somebody has changed the lists meanwhile: once more, while nobody can.
                draft, report = _drafted(connection, source, order, sample)
            ensure(connection, order.list_name, by=order.entered_by, at=order.at)
            draft.write(connection, order)
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
    with reading(engine) as connection, open_sheet(path, Checks(order.zone, grammar)) as sheet:
        check_import(connection, order.list_name, at=order.at)
        return _compared(connection, sheet, order, sample).report


def _check_names(order: Import) -> None:
    try:
        _NAME.validate_python(order.list_name)
        _NAME.validate_python(order.entered_by)
    except ValidationError as error:
        raise HotlistError(
            f"name of the list {order.list_name!r}, or of who enters it {order.entered_by!r}: expected lower "
            "case letters, digits, '.', '_' and '-', up to 63"
        ) from error


def _drafted(
    connection: Connection, source: tuple[Path, Checks], order: Import, sample: Sample
) -> tuple[Draft, ImportReport]:
    """What the file makes of the list as this transaction has it.

    Raises:
        HotlistError: the import is refused.
    """
    sample.clear()
    draft = Draft(version_of(connection))
    check_import(connection, order.list_name, at=order.at)
    with open_sheet(*source) as sheet:
        found = _compared(connection, sheet, order, sample, keep=draft.keep)
    if sample.is_cut_off:
        raise HotlistError(
            f"the file does not name {len(found.ended)} of the {found.in_force} entries of {order.list_name!r}: is it "
            "cut off? --even-many ends them all the same"
        )
    draft.ended = found.ended
    draft.ended_why = f"not in the file {found.report.sha256[:12]}, which was the whole list"
    return draft, found.report


def _compared(
    connection: Connection,
    sheet: Sheet,
    order: Import,
    sample: Sample,
    *,
    keep: Callable[[Step], object] = lambda _step: None,
) -> _Compared:
    """What would be done; `keep` is given what is to be written."""
    merge, counts, twins = Merge(order, sheet.columns), Counter[What](), 0
    for step in merge.steps(connection, sheet.rows()):
        keep(step)
        counts.update(change.what for change in step.changes)
        twins += len(step.twins)
        sample.take(step.changes, step.twins)
    gone = merge.unnamed(connection) if order.whole else []
    sample.is_cut_off = is_cut_off(removed=len(gone), in_force=merge.in_force) and not order.even_many
    spared = 0
    if gone and merge.is_unsure and not sample.is_cut_off:
        gone, spared = [], len(gone)
    sample.take([change for _, change in gone], ())
    report = ImportReport(
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
    return _Compared(report, [ended for ended, _ in gone], merge.in_force)
