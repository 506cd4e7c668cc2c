"""Maintenance on time, as `serve` does it: five parts, of which none waits for another.

Where no room is left to close a day, what makes room must go on, and so must what a court has ordered.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.access.key import open_key
from central.archive.place import Archive
from central.archive.retain import Removal
from central.archive.retain_pictures import Retained
from central.db import Clock
from central.erase.run import How, Result, run
from central.errors import CentralError, StoreError
from central.events import Purged, purge_events
from central.events import told as events_told
from central.maintain import Round, Step, maintain, maintain_pictures, maintain_retention, told
from central.settings import CentralSettings

_log = structlog.get_logger(__name__)


class Stopping(Protocol):
    """Whether the centre is about to end."""

    def is_over(self) -> bool:
        """Whether it is time to stop."""
        ...

    def wait(self, timeout_s: float | None = None) -> bool:
        """Sleep until it is time to stop, at most so long; whether it is."""
        ...


def keep(
    settings: CentralSettings, engine: Engine, archive: Archive, stopping: Stopping, clock: Clock
) -> None:
    """Maintain every `archive.maintain_s`, until stopped; a thread's whole life.

    What a failure leaves undone is the next round's; another centre may be at it.
    """

    def go_on(_step: Step) -> None:
        if stopping.is_over():
            raise StoreError("stopping")

    def erase() -> list[Result]:
        how, key = How(pause=stopping.wait, again=False), open_key(settings.access.key_file)
        return run(engine, settings, how, key=key, clock=clock, on_step=go_on)

    parts: tuple[Callable[[], None], ...] = (
        lambda: _tell_round(maintain(engine, archive, settings.archive, clock=clock, on_step=go_on)),
        lambda: _tell_removed(maintain_retention(engine, archive, settings, clock=clock, on_step=go_on)),
        lambda: _tell_pictures(maintain_pictures(engine, settings, clock=clock, on_step=go_on)),
        lambda: _tell_purged(purge_events(engine, settings, clock=clock, on_step=go_on)),
        lambda: _tell_orders(erase()),
    )
    while not stopping.wait(settings.archive.maintain_s):
        for part in parts:
            try:
                part()
            except (CentralError, SQLAlchemyError, OSError) as error:  # no fault of a disk may end the centre
                _log.warning("maintenance is left to the next round", reason=str(error))
            if stopping.is_over():
                return


def _tell_round(done: Round) -> None:
    if done.closed or done.derived or done.merged:
        _log.info("maintained", closed=len(done.closed), derived=len(done.derived), merged=len(done.merged))
    for name in (*done.mended.rebuilt, *done.mended.again):
        _log.warning("a damaged file is mended: all that it held stood elsewhere too", file=name)
    for name in done.mended.aside:
        _log.error("a damaged file is set aside", file=name, lost_of_all=done.mended.lost)


def _tell_removed(removed: Sequence[Removal]) -> None:
    for removal in removed:
        _log.info("reads whose time was over are removed", **told(removal))


def _tell_pictures(pictures: Retained) -> None:
    if pictures != Retained():
        _log.info("pictures whose time was over are removed", **asdict(pictures))


def _tell_purged(purged: Sequence[Purged]) -> None:
    for each in purged:
        _log.info("an event is over, and the entries of its list are deleted", **events_told(each))


def _tell_orders(results: Sequence[Result]) -> None:
    for each in results:
        order = {"number": each.number, "state": each.state}
        _log.info("order of erasure", **order, waiting=len(each.waiting), found=len(each.found))
        if each.backups:
            _log.warning("an order of erasure waits for a new backup", **order, snapshots=each.backups)
        if each.fault:
            _log.warning("an order of erasure waits", **order, reason=each.fault)
