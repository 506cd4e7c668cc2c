"""Plates that two vehicles seem to bear, as SQL over `newest`: leads on whoever bears one wrongly (pure).

Two reads of a plate that follow one another contradict each other where nobody drives so fast, where only one is of a
motorcycle, or where class or colour are others. One such pair may be a misread; many are a clone, or plates that were
swapped. Where the same two cameras contradict each other about many plates, one of their clocks is wrong.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from central.archive.schema import likelihood_e4
from central.query.area import distance_sql
from central.query.journey import FASTEST_KMH, SEEN_WITHIN_M
from central.query.plan import Plan, Sources, newest

_US_PER_H: Final = 3.6e9
_KEPT: Final = (
    "captured_at", "edge_id", "camera_id", "vehicle_type", "vehicle_color", "country", "plate_class", "lat", "lon",
)  # fmt: skip
_KINDS: Final = ("travels", "types", "classes", "colors")
_COUNTS: Final = ", ".join(f"count(*) FILTER (WHERE {kind}) OVER p AS all_{kind}" for kind in _KINDS)
_KINDS_TOLD: Final = " + ".join(f"(all_{kind} > 0)::INT" for kind in _KINDS)
_IS_MOTORCYCLE: Final = "lower(vehicle_type{}) = 'motorcycle'"
_IS_COLOR: Final = (  # light alone decides between these
    "vehicle_color <> vehicle_color_0 "
    "AND vehicle_color NOT IN ('white or grey', 'black') AND vehicle_color_0 NOT IN ('white or grey', 'black')"
)
_WAY: Final = f"CASE WHEN lat + lat_0 IS NOT NULL THEN {distance_sql(('lat', 'lon'), ('lat_0', 'lon_0'))} END"


@dataclass(frozen=True, slots=True)
class Lead:
    """A plate whose reads contradict each other, with the newest example: of travel, where there is one.

    Attributes:
        contradictions: pairs of reads that follow one another and cannot be of one vehicle.
        travels: of these, faster than 200 km/h.
        types: a motorcycle, and then none.
        classes: of plates, such as private and then public: their colours differ.
        colors: of the vehicle; white, grey and black are not told apart.
        first_camera, first_at, first_look: the earlier read of the example; the look in the camera's words.
        then_camera, then_at, then_look: the later one.
        distance_m: between them; None where nobody knows where they are.
        shared: other plates that these two cameras saw travel too fast: many mean that a clock is wrong.
    """

    plate: str
    contradictions: int
    travels: int
    types: int
    classes: int
    colors: int
    first_camera: str
    first_at: datetime
    first_look: str
    then_camera: str
    then_at: datetime
    then_look: str
    distance_m: float | None
    shared: int


@dataclass(frozen=True, slots=True)
class Least:
    """What a contradiction must be for somebody to look at it.

    Attributes:
        likelihood: of each read: a misread plate is seen wherever its look-alikes drive.
        pairs: contradictions of a plate: one alone is mostly a misread.
    """

    likelihood: float = 0.95
    pairs: int = 2


def clones_sql(plan: Plan, sources: Sources, *, least: Least) -> str:
    """Plates by how many kinds of contradiction there are, then by how many; one more than the limit.

    The table `stands` has the cameras' places (camera_id, lat, lon).

    Args:
        plan: the plan.
        sources: what there is.
        least: what counts.
    """
    look = "concat_ws(' ', vehicle_type, vehicle_color, country, plate_class)"
    before = ", ".join(f"lag({name}) OVER w AS {name}_0" for name in (*_KEPT, "look"))
    return (
        f"{newest(plan, sources)}, "  # noqa: S608
        f"sure AS (SELECT plate, epoch, seq, {', '.join(_KEPT[:-2])}, {look} AS look, "
        "coalesce(newest.lat_e7 / 1e7, stands.lat) AS lat, coalesce(newest.lon_e7 / 1e7, stands.lon) AS lon "
        "FROM newest LEFT JOIN stands USING (camera_id) "
        f"WHERE likelihood_e4 >= {likelihood_e4(least.likelihood):d}), "
        f"pairs AS (SELECT *, {before} FROM sure "
        "WINDOW w AS (PARTITION BY plate ORDER BY captured_at, edge_id, epoch, seq)), "
        f"measured AS (SELECT *, {_WAY} AS way_m, "
        f"(epoch_us(captured_at) - epoch_us(captured_at_0)) / {_US_PER_H} AS hours FROM pairs "
        "WHERE captured_at_0 IS NOT NULL), "
        "judged AS (SELECT *, "
        f"coalesce((way_m - {SEEN_WITHIN_M}) / 1000 > {FASTEST_KMH} * hours, false) AS travels, "
        f"coalesce(({_IS_MOTORCYCLE.format('')}) <> ({_IS_MOTORCYCLE.format('_0')}), false) AS types, "
        "coalesce(country = country_0 AND plate_class <> plate_class_0, false) AS classes, "
        f"coalesce({_IS_COLOR}, false) AS colors FROM measured), "
        # A camera is named within its edge: two may both have a `cam-1`.
        "against AS (SELECT *, least((edge_id, camera_id), (edge_id_0, camera_id_0)) AS one, "
        "greatest((edge_id, camera_id), (edge_id_0, camera_id_0)) AS other FROM judged "
        "WHERE travels OR types OR classes OR colors), "
        "clocks AS (SELECT one, other, count(DISTINCT plate) AS plates FROM against WHERE travels GROUP BY ALL), "
        f"counted AS (SELECT *, count(*) OVER p AS pairs, {_COUNTS}, "
        "row_number() OVER (PARTITION BY plate ORDER BY travels DESC, captured_at DESC, seq DESC) AS nth "
        "FROM against WINDOW p AS (PARTITION BY plate)) "
        "SELECT plate, pairs AS contradictions, all_travels AS travels, all_types AS types, "
        "all_classes AS classes, all_colors AS colors, camera_id_0 AS first_camera, captured_at_0 AS first_at, "
        "look_0 AS first_look, camera_id AS then_camera, captured_at AS then_at, "
        "look AS then_look, way_m AS distance_m, "
        "coalesce(plates, 0) - (all_travels > 0)::INT AS shared "
        "FROM counted LEFT JOIN clocks USING (one, other) "
        f"WHERE nth = 1 AND pairs >= {least.pairs:d} "
        f"ORDER BY {_KINDS_TOLD} DESC, pairs DESC, plate LIMIT {plan.question.limit + 1:d}"
    )
