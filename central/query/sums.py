"""What many reads come to, as SQL over `newest`: rows are summed where they lie, never one by one here (pure).

Heat map and volumes begin with `cells`: reads by camera and hour of UTC (or quarter, see `zone`), which is what a
roll-up of such hours holds too. The table `shifts` tells local time.
"""

from typing import Final

from central.archive.visible import Visible
from central.query.plan import Plan, Sources, camera_condition, newest

_US: Final = 1_000_000
_COUNTED: Final = {
    "days": "read_parquet($days, hive_partitioning = false)",
    "months": "(FROM read_parquet($months, hive_partitioning = false) SEMI JOIN held ON hour // 24 = held.day)",
}


def count_sql(visible: Visible) -> str:
    """How many reads of some files may be shown."""
    return f"SELECT count(*) AS reads FROM read_parquet($files, hive_partitioning = false) WHERE {visible.condition}"  # noqa: S608


def identities_sql(plan: Plan, sources: Sources) -> str:
    """Which reads they are."""
    return f"{newest(plan, sources)} SELECT edge_id, epoch, seq FROM newest"  # noqa: S608


def counts_sql(plan: Plan, sources: Sources, *, cell_s: int) -> str:
    """Reads by camera and cell, newest first."""
    return (
        f"{_cells(plan, sources, cell_s)} FROM cells "
        f"ORDER BY cell DESC, camera_id LIMIT {plan.question.limit + 1:d}"
    )


def seen_sql(plan: Plan, sources: Sources) -> str:
    """By plate: how often it was seen, at how many cameras, when and where first and last."""
    return (
        f"{newest(plan, sources)} SELECT plate, count(*) AS reads, count(DISTINCT camera_id) AS cameras, "  # noqa: S608
        "min(captured_at) AS first_at, arg_min(camera_id, captured_at) AS first_camera, "
        "max(captured_at) AS last_at, arg_max(camera_id, captured_at) AS last_camera "
        f"FROM newest GROUP BY plate ORDER BY last_at DESC, plate LIMIT {plan.question.limit + 1:d}"
    )


def places_sql(plan: Plan, sources: Sources, *, cell_s: int) -> str:
    """By camera: reads, days of the site and the time span; and by weekday and hour, where the camera is null."""
    return (
        f"{newest(plan, sources)}, cells AS (SELECT camera_id, captured_at, {_cell(cell_s)} AS cell FROM newest), "  # noqa: S608
        f"{_local('captured_at', cell_s)} SELECT camera_id, weekday, hour, count(*) AS reads, "
        "count(DISTINCT day) AS days, min(captured_at) AS first_at, max(captured_at) AS last_at "
        "FROM local GROUP BY GROUPING SETS ((camera_id), (weekday, hour)) ORDER BY reads DESC, camera_id, weekday, hour"
    )


def heatmap_sql(plan: Plan, sources: Sources, *, cell_s: int) -> str:
    """Reads by camera, weekday (1: Monday) and hour, the busiest cameras first: one more than the limit says."""
    return (
        f"{_cells(plan, sources, cell_s)}, "  # noqa: S608
        "busiest AS (SELECT camera_id, sum(reads) AS of_camera FROM cells GROUP BY camera_id "
        f"ORDER BY of_camera DESC, camera_id LIMIT {plan.question.limit + 1:d}), {_local('reads', cell_s)} "
        "SELECT camera_id, weekday, hour, sum(reads)::BIGINT AS reads FROM local JOIN busiest USING (camera_id) "
        "GROUP BY camera_id, of_camera, weekday, hour ORDER BY of_camera DESC, camera_id, weekday, hour"
    )


def volumes_sql(plan: Plan, sources: Sources, *, cell_s: int) -> str:
    """Reads and hits by camera and day of the site (days since 1970); hits come as cells of their own (`hits`)."""
    return (
        f"{_cells(plan, sources, cell_s)}, "  # noqa: S608
        "all_reads AS (SELECT *, 0 AS hits FROM cells), "
        "all_hits AS (SELECT camera_id, cell, 0 AS reads, hits FROM hits), "
        "counted AS (FROM all_reads UNION ALL BY NAME FROM all_hits), "
        f"{_local('reads, hits', cell_s, cells='counted')} "
        "SELECT camera_id, day, sum(reads)::BIGINT AS reads, sum(hits)::BIGINT AS hits FROM local "
        f"GROUP BY camera_id, day ORDER BY day DESC, camera_id LIMIT {plan.question.limit + 1:d}"
    )


def _cells(plan: Plan, sources: Sources, cell_s: int) -> str:
    """Reads by camera and cell: counted, and as the roll-up of hours has them for the days that it answers for."""
    counts = [f"SELECT camera_id, {_cell(cell_s)} AS cell, count(*) AS reads FROM newest GROUP BY ALL"]  # noqa: S608
    counts += [
        f"SELECT camera_id, hour AS cell, reads FROM {_COUNTED[name]} WHERE {camera_condition(plan)}"  # noqa: S608
        for name in sources.counted
    ]
    together = " UNION ALL ".join(counts)
    return (
        f"{newest(plan, sources)}, "  # noqa: S608
        f"cells AS (SELECT camera_id, cell, sum(reads)::BIGINT AS reads FROM ({together}) GROUP BY ALL)"
    )


def _cell(cell_s: int) -> str:
    # Arithmetic on the number: date_part on a zoned time takes six times as long.
    return f"epoch_us(captured_at) // {cell_s * _US:d}"


def _local(kept: str, cell_s: int, *, cells: str = "cells") -> str:
    """Cells by the site's clock: `day` since 1970, `weekday` and `hour`; 1970 began on a Thursday."""
    per_hour = 3600 // cell_s
    day = f"local_cell // {24 * per_hour:d}"
    return (
        f"shifted AS (SELECT camera_id, {kept}, cell + shift AS local_cell FROM {cells} "  # noqa: S608
        "ASOF JOIN shifts ON cell >= begins), "
        f"local AS (SELECT camera_id, {kept}, {day} AS day, ({day} + 3) % 7 + 1 AS weekday, "
        f"local_cell // {per_hour:d} % 24 AS hour FROM shifted)"
    )
