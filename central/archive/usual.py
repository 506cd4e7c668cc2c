"""Which plates pass day after day, as the dictionary of the last two months has them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from central.archive.parts import of_day, part_of
from central.archive.place import Archive
from central.archive.schema import DICTIONARY
from central.archive.sorter import sorter
from central.archive.table import live_files, open_archive, paths

LEAST_READS: Final = 4
"""Of a plate in these months: fewer may be one misread that came again."""

_SQL: Final = (
    "SELECT plate FROM read_parquet($files, hive_partitioning = false) "
    "GROUP BY plate HAVING sum(reads) >= $least"
)


def usual_plates(archive: Archive, *, today: date, memory_mb: int) -> Iterator[str]:
    """Plates that were read `LEAST_READS` times or more since the month before began, in no order.

    Args:
        archive: whose dictionary is asked; days that are not over yet, and those not derived, do not count.
        today: UTC.
        memory_mb: what sorting may use before it spills.

    Raises:
        StoreError: the archive cannot be read.
    """
    table = open_archive(archive, DICTIONARY)
    if table is None:
        return
    months = {of_day(today).whole_month, of_day(today.replace(day=1) - timedelta(days=1)).whole_month}
    files = [
        file
        for file in live_files(table)
        if (part := part_of(file.name)) is not None and part.period.whole_month in months
    ]
    if not files:
        return
    asked = {"files": paths(archive, DICTIONARY, files), "least": LEAST_READS}
    with sorter(archive, memory_mb=memory_mb) as duck:
        for piece in duck.stream(_SQL, asked):
            yield from piece["plate"].to_pylist()
