"""What is left to do of each order, in steps that may be cut off anywhere and are taken up by the next run.

    ordered --- archive rewritten, old files deleted ---> written --- packs blanked ---> (work list deleted) cleared
    cleared --- database written anew, all searched, certificate ---> signed --- once more anew ---> done
    cleared --- a snapshot of then restored, which has no plate to search for ---> restored

Until `cleared` the reads are named in `erased_read` and hidden by it; from there on there is nothing to hide. The
plate is kept, encrypted, until the search has ended, for it is what is searched for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, RowMapping, Update, delete, select, update

from central.access.key import AuditKey
from central.archive.pictures import open_packs
from central.archive.place import archive_of
from central.archive.sorter import sorter
from central.archive.table import open_archive
from central.db import Clock, erased_mark, erased_read, erasure, reading, to_us
from central.erase.archive import Work, delete_old, left_over, rewrite
from central.erase.backups import unchanged
from central.erase.certificate import sealed, written
from central.erase.order import ORDERED, window
from central.erase.packs import blank
from central.erase.plate import Needle, unboxed
from central.erase.purge import purge
from central.erase.roots import search_all
from central.erase.search import Aim
from central.errors import BackupError
from central.lock import exclusive
from central.maintain import OnStep, Step
from central.settings import CentralSettings

WRITTEN: Final = "written"
CLEARED: Final = "cleared"
SIGNED: Final = "signed"
DONE: Final = "done"
RESTORED: Final = "restored"

_MARKED_US: Final = 90 * 86_400_000_000
"""So long what is left of an erased read may still come from an edge; as `archive.newest` has it."""


@dataclass(frozen=True, slots=True)
class Result:
    """How far an order is.

    Attributes:
        waiting: packs of pictures that are not finished yet.
        found: places where the plate still stands; the certificate waits until they are seen to.
        backups: snapshots in `backup.path` that may hold the plate: the next one makes them go.
        fault: why nobody can tell which; the next run looks again.
    """

    number: int
    state: str
    waiting: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class How:
    """How a run goes about it.

    Attributes:
        pause: sleeps so many seconds, as long as a question may take, before files are deleted; None: they are
            deleted at once, and a question that is reading one fails.
        accept_found: a certificate is issued that names where the plate still stands.
        again: orders whose search has found something are searched again.
    """

    pause: Callable[[float], object] | None
    accept_found: bool = False
    again: bool = True


def run(
    engine: Engine,
    settings: CentralSettings,
    how: How,
    *,
    key: AuditKey,
    clock: Clock,
    on_step: OnStep = lambda _: None,
) -> list[Result]:
    """Go on with every order that is not done.

    Args:
        engine: the database, over which one maintains at a time.
        settings: where everything lies.
        how: how to go about it.
        key: of the audit log.
        clock: now, UTC-aware.
        on_step: is told of each step before it begins; a StoreError of its own ends the run.

    Raises:
        StoreError: something cannot be done, or somebody else maintains. What was done stands.
        ErasureError: the database is being read from before.
    """
    if not _pending(engine, how):
        return []
    with exclusive(engine, "maintaining", wait=False):
        runs = [_Run(engine, settings, how, key, clock, on_step, row) for row in _pending(engine, how)]
        return [each.go_on() for each in runs]


def orders(engine: Engine) -> list[RowMapping]:
    """Every order, newest first."""
    with reading(engine) as connection:
        query = select(erasure).order_by(erasure.c.erasure_id.desc())
        return list(connection.execute(query).mappings())


def _pending(engine: Engine, how: How) -> list[RowMapping]:
    left = [row for row in reversed(orders(engine)) if row["state"] not in (DONE, RESTORED)]
    searched = [row for row in left if row["state"] == CLEARED and row["certificate"] is not None]
    return left if how.again else [row for row in left if row not in searched]


@dataclass(slots=True)
class _Run:
    engine: Engine
    settings: CentralSettings
    how: How
    key: AuditKey
    clock: Clock
    on_step: OnStep
    row: RowMapping

    def go_on(self) -> Result:
        """From wherever it stands, as far as it goes."""
        number, state = int(self.row["erasure_id"]), str(self.row["state"])
        if state == ORDERED:
            self._write()
            state = WRITTEN
        if state == WRITTEN:
            if waiting := self._blank():
                return Result(number, state, waiting=tuple(waiting))
            self._clear()
            state = CLEARED
        if state == CLEARED and self.row["plate_box"] is None:
            self._set(state=RESTORED)
            return Result(number, RESTORED)
        if state == CLEARED and (waits := self._certify(number)) is not None:
            return waits
        self._tell("emptying the database")
        purge(self.engine)
        self._set(state=DONE)
        return Result(number, DONE)

    @property
    def _plate(self) -> str:
        return unboxed(self.row["plate_box"], self.key)

    def _write(self) -> None:
        archive = archive_of(self.settings)
        span = (self.row["since_us"], self.row["until_us"])
        work = Work(self.engine, archive, self.row["erasure_id"], self._plate, span)
        self._tell("rewriting files")
        if open_archive(archive) is not None:
            with sorter(archive, memory_mb=self.settings.archive.memory_mb) as duck:
                rewrite(work, duck=duck, clock=self.clock)
        self._tell("waiting for questions")
        if self.how.pause is not None and left_over(archive):
            self.how.pause(self.settings.query.timeout_s)
        self._tell("deleting old files")
        delete_old(work, clock=self.clock)
        self._set(state=WRITTEN)

    def _blank(self) -> list[str]:
        self._tell("blanking pictures")
        packs = open_packs(self.settings)
        return blank(self.engine, packs, number=self.row["erasure_id"], now=self.clock())

    def _clear(self) -> None:
        self._tell("forgetting the reads")
        with self.engine.begin() as connection:
            mine = erased_read.c.erasure_id == self.row["erasure_id"]
            connection.execute(delete(erased_read).where(mine))
            old = erased_mark.c.marked_us < to_us(self.clock()) - _MARKED_US
            connection.execute(delete(erased_mark).where(old))
            connection.execute(_this(self.row).values(state=CLEARED))

    def _certify(self, number: int) -> Result | None:
        """Issue the certificate; or what it waits for, which keeps no other order from its turn."""
        try:
            with unchanged(self.settings, self.key, number=number) as before:
                if before:
                    return Result(number, CLEARED, backups=before)
                if found := self._search():
                    return Result(number, CLEARED, found=found)
        except BackupError as error:
            return Result(number, CLEARED, fault=str(error))
        return None

    def _search(self) -> tuple[str, ...]:
        """Search, and issue the certificate; where the plate still stands, unless that is accepted."""
        self._tell("emptying the database")
        purge(self.engine)
        self._tell("searching every byte")
        aim = Aim(Needle(self._plate), *window(self.row))
        archive, packs = archive_of(self.settings), open_packs(self.settings)
        searched = search_all(self.engine, self.settings, archive, packs, aim)
        with reading(self.engine) as connection:
            content = written(connection, self.row, searched, needle=aim.needle, at=self.clock())
        text, signature = sealed(content, self.key)
        self._tell("issuing the certificate")
        if searched.found and not self.how.accept_found:
            self._set(certificate=text)
            return tuple(content["found"])
        self._set(certificate=text, signature=signature, plate_box=None, state=SIGNED)
        return ()

    def _set(self, **values: str | None) -> None:
        with self.engine.begin() as connection:
            connection.execute(_this(self.row).values(**values))

    def _tell(self, what: str) -> None:
        self.on_step(Step(f"order {self.row['erasure_id']}: {what}", 0, 1))


def _this(row: RowMapping) -> Update:
    return update(erasure).where(erasure.c.erasure_id == row["erasure_id"])
