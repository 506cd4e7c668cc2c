"""What the city's cameras know, learnt every hour: the plates that pass day after day, for the match."""

from collections.abc import Iterator
from datetime import UTC
from typing import Final

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from central.access.key import open_key
from central.archive.place import Archive
from central.archive.usual import usual_plates
from central.db import Clock, erasure, reading
from central.erase.run import DONE
from central.errors import CentralError
from central.hotlist.known import Known
from central.keep import Stopping
from central.settings import CentralSettings

_MINUTES: Final = 60

_log = structlog.get_logger(__name__)


def learn(
    known: Known,
    settings: CentralSettings,
    engine: Engine,
    archive: Archive,
    stopping: Stopping,
    clock: Clock,
) -> None:
    """Learn once an hour, and within a minute where all was forgotten; a thread's whole life.

    Until it is done, and where it cannot be, matching holds no plate for a usual one.
    """
    while not stopping.is_over():
        try:
            known.replace(_usual(settings, engine, archive, clock))
        except (CentralError, SQLAlchemyError, OSError) as error:
            _log.warning("which plates are usual cannot be learnt", error=str(error))
        else:
            _log.info("usual plates learnt", plates=len(known))
        for _ in range(_MINUTES):
            if stopping.wait(60.0) or not len(known):
                break


def _usual(settings: CentralSettings, engine: Engine, archive: Archive, clock: Clock) -> Iterator[str]:
    """Without those that a court has ordered to be erased, and that are not out of the archive's files yet."""
    today = clock().astimezone(UTC).date()
    with reading(engine) as connection:
        ordered = set(connection.scalars(select(erasure.c.plate_hash).where(erasure.c.state != DONE)))
    key = open_key(settings.access.key_file)
    for plate in usual_plates(archive, today=today, memory_mb=settings.query.memory_mb):
        if not ordered or key.of_plate(plate) not in ordered:
            yield plate
