"""The watched folder: a hotlist that somebody puts there whole is imported once, and put away with a report.

    NAME.csv -> (unchanged for a second) -> taking/NAME.csv -> import -> done/NAME-<time>.csv, .json and .txt
                                                             or refused/, where it is no list

Whoever writes on into a file after it was taken is noticed in the import's transaction, which is then none. That
transaction also notes the file and its report in `taken_file`; the row goes once the file is put away. So killed at
any moment, the next round imports what was not imported, and only puts away what was.
"""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from central.access.audit import AuditLog
from central.access.key import open_key
from central.db import Clock, from_us, reading, taken_file
from central.entering import counted, leave_word
from central.errors import CentralError, HotlistError
from central.hotlist.grammar import load_grammar
from central.hotlist.merge import Import
from central.hotlist.store import ImportReport, import_csv
from central.lock import exclusive
from central.sections import WatchSettings
from central.settings import CentralSettings
from central.types import Look
from central.words import Words
from edge.contract.files import sync, write_atomic

_LONGEST_NAME: Final = 150
"""Bytes; with the time and an ending it must still be a name."""
_ENDING: Final = ".csv"
_TAKING: Final = "taking"
_MOST_TOLD: Final = 10_000
"""Refused lines that a report names; it counts them all."""

_log = structlog.get_logger(__name__)


class _ChangedError(HotlistError):
    """Somebody writes into the file still."""


@dataclass(frozen=True, slots=True)
class PutAway:
    """What became of a file.

    Attributes:
        list_name: None where it is of none that may come so.
        path: where it lies now.
        is_done: it was imported; else it was refused whole.
    """

    list_name: str | None
    path: Path
    is_done: bool


class Watcher:
    """Looks into the folder; one thread's."""

    def __init__(
        self,
        settings: CentralSettings,
        engine: Engine,
        *,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            settings: of the whole centre, with a folder to watch.
            engine: the database.
            clock: now, UTC-aware.
            monotonic: seconds, by which a file that does not change is told.
        """
        assert settings.hotlist.watch.folder is not None  # noqa: S101  # `watch` has looked
        self._watch: Final[WatchSettings] = settings.hotlist.watch
        self._folder: Final[Path] = settings.hotlist.watch.folder
        self._key_file: Final = settings.access.key_file
        self._zone: Final = ZoneInfo(settings.site_timezone)
        self._engine: Final = engine
        self._clock: Final = clock
        self._monotonic: Final = monotonic
        self._sighted: dict[str, tuple[str, float]] = {}
        self._is_first = True

    def round(self) -> list[PutAway]:
        """Take what has been whole for long enough; what was under way first.

        Raises:
            CentralError: the database or the key cannot be used. What was not taken is left to the next round.
            OSError: nor can the folder.
        """
        for name in (_TAKING, "done", "refused"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(self._engine, "watching", wait=False):
            self._forget_others()
            taken = [*self._put_away(self._folder / _TAKING)]
            for name in self._whole():
                (self._folder / name).replace(self._folder / _TAKING / name)
                sync(self._folder / _TAKING)
                sync(self._folder)
                taken += self._put_away(self._folder / _TAKING)
        return taken

    def _forget_others(self) -> None:
        """Once: what was put away by a process that did not come to say so."""
        if not self._is_first:
            return
        under_way = [path.name for path in (self._folder / _TAKING).iterdir()]
        with self._engine.begin() as connection:
            connection.execute(delete(taken_file).where(taken_file.c.name.not_in(under_way)))
        self._is_first = False

    def _whole(self) -> list[str]:
        """Names of files that did not change for a while; of one that is under way the next waits for it."""
        now, sighted = self._monotonic(), {}
        for path in sorted(self._folder.iterdir()):
            is_meant = path.suffix == _ENDING and not path.name.startswith(".") and _is_utterable(path.name)
            identity = _identity(path) if is_meant else None
            if identity is not None:
                before = self._sighted.get(path.name)
                sighted[path.name] = before if before and before[0] == identity else (identity, now)
        self._sighted = sighted
        under_way = {path.name for path in (self._folder / _TAKING).iterdir()}
        return [
            name
            for name, (_, since) in sighted.items()
            if now - since >= self._watch.quiet_s and name not in under_way
        ]

    def _put_away(self, taking: Path) -> Iterator[PutAway]:
        for path in sorted(taking.iterdir()):
            try:
                report = self._imported(path) or self._import(path)
            except _ChangedError:
                _log.info("a hotlist is written into still, and waits", list=self._named(path))
                continue
            except HotlistError as error:
                yield self._finish(path, self._refuse(path, str(error)), into="refused")
                continue
            except (ValueError, OverflowError) as error:  # one file may not end the centre, whatever is in it
                why = f"cannot be understood: {type(error).__name__}"
                yield self._finish(path, self._refuse(path, why), into="refused")
                continue
            yield self._finish(path, report, into="done")

    def _imported(self, path: Path) -> dict[str, Any] | None:
        """The report of a file that was imported before this process was there."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(taken_file).where(taken_file.c.name == path.name))
                .mappings()
                .first()
            )
        if row is None:
            return None
        report: dict[str, Any] = json.loads(row["report"])
        return report if row["identity"] == f"{_identity(path)}:{report['sha256']}" else None

    def _import(self, path: Path) -> dict[str, Any]:
        """Import a file.

        Raises:
            HotlistError: it is no list that may come so, or its import is refused.
            StoreError: the database cannot be written.
        """
        identity, how = _identity(path), self._watch.lists.get(path.stem)
        if identity is None:
            raise HotlistError("not a file")
        if how is None:
            raise HotlistError(f"hotlist.watch.lists names no list {path.stem[:63]!r}")
        order = self._order(path, whole=how == "whole")
        told: dict[str, Any] = {}

        def note(connection: Connection, report: ImportReport) -> None:
            if _identity(path) != identity:
                raise _ChangedError(f"{path.name}: somebody writes into it still")
            told.update(_told(order, path.name, report))
            leave_word(connection, order, report, log=self._log(), came={"file": path.name})
            connection.execute(delete(taken_file).where(taken_file.c.name == path.name))
            # As it was typed, or an erasure does not find a plate with a long dash in it.
            kept = {"identity": f"{identity}:{report.sha256}", "report": json.dumps(told, ensure_ascii=False)}
            connection.execute(insert(taken_file), {"name": path.name, **kept})

        import_csv(self._engine, path, order, grammar=load_grammar(), log=note)
        return told

    def _order(self, path: Path, *, whole: bool) -> Import:
        """A file knows nothing of what was found after it was written, however late it is put here."""
        at = self._clock()
        written = from_us(path.lstat().st_mtime_ns // 1_000)
        return Import(
            path.stem, self._watch.entered_by, at, self._zone, whole=whole, confirms_at=min(at, written)
        )

    def _refuse(self, path: Path, why: str) -> dict[str, Any]:
        at = self._clock()
        with self._engine.begin() as connection:
            self._log().note(connection, self._who(), "hotlist.refused", {"list": self._named(path)})
        return {"list": path.stem, "file": path.name, "at": at.isoformat(), "refused_whole": why}

    def _named(self, path: Path) -> str | None:
        """The list that a file is of, for logs; another name may be anything, a plate too."""
        return path.stem if path.stem in self._watch.lists else None

    def _finish(self, path: Path, report: dict[str, Any], *, into: str) -> PutAway:
        """Write the report, move the file beside it, forget it: in this order, so that all of it can be done again."""
        at = datetime.fromisoformat(report["at"])
        target = self._folder / into / f"{path.stem}-{at:%Y%m%dT%H%M%S%fZ}"
        write_atomic(target.with_name(f"{target.name}.json"), json.dumps(report, indent=1).encode())
        write_atomic(target.with_name(f"{target.name}.txt"), _in_words(report).encode())
        away = target.with_name(f"{target.name}{_ENDING}")
        path.replace(away)
        sync(away.parent)
        sync(path.parent)
        with self._engine.begin() as connection:
            connection.execute(delete(taken_file).where(taken_file.c.name == path.name))
        return PutAway(self._named(path), away, is_done=into == "done")

    def _log(self) -> AuditLog:
        return AuditLog(self._engine, open_key(self._key_file), clock=self._clock)

    def _who(self) -> Look:
        return Look(self._watch.entered_by, purpose="", case_number="")  # the entries have theirs


def watch(settings: CentralSettings, engine: Engine, wait: Callable[[float], bool], clock: Clock) -> None:
    """Look into the folder every `hotlist.watch.every_s`, until `wait` says that it is over; a thread's whole life.

    Where no folder is watched it ends at once.
    """
    if settings.hotlist.watch.folder is None:
        return
    watcher, said = Watcher(settings, engine, clock=clock), ""
    while not wait(settings.hotlist.watch.every_s):
        try:
            for each in watcher.round():
                _log.info("hotlist of the watched folder", list=each.list_name, imported=each.is_done)
            said = ""
        except (CentralError, SQLAlchemyError, OSError) as error:  # no fault of a disk may end the centre
            if str(error) != said:
                _log.warning("the watched folder is left to the next round", reason=str(error))
            said = str(error)


def _is_utterable(name: str) -> bool:
    """Whether a name can be told, and can be lengthened; a file of another name stays where it is."""
    try:
        return len(name.encode()) <= _LONGEST_NAME
    except UnicodeEncodeError:  # bytes that are no UTF-8
        return False


def _identity(path: Path) -> str | None:
    """What changes when somebody writes into a file, or puts another in its place; None where it is no plain file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"


def _told(order: Import, name: str, report: ImportReport) -> dict[str, Any]:
    """An import for its report."""
    lines = [{"line": each.line, "reason": each.reason} for each in report.refused[:_MOST_TOLD]]
    told = {"list": order.list_name, "file": name, "at": order.at.isoformat(), "whole": order.whole}
    return {**told, **counted(report), "refused_lines": lines}


def _in_words(report: dict[str, Any]) -> str:
    """The same for who reads it."""
    head = f"{report['file']}, {report['at']}, into list {report['list']}"
    if "refused_whole" in report:
        return f"{head}: NOT IMPORTED (NO SE IMPORTÓ){os.linesep}{report['refused_whole']}{os.linesep}"
    names = ("added", "changed", "revived", "unchanged", "removed", "refused", "twins")
    counts = ", ".join(f"{report.get(name, 0)} {name}" for name in names)  # one of before knew fewer
    lines = [f"line {each['line']}: {each['reason']}" for each in report["refused_lines"]]
    if spared := report.get("spared", 0):
        words = ("es", "en")
        lines = [*(Words(language)("spared").format(spared) for language in words), *lines]
    return os.linesep.join([f"{head}: {counts}", *lines, ""])
