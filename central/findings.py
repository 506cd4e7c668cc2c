"""How sums of reads look on a screen: first and last seen, places, a journey, heat maps and volumes (pure)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from central.query.answers import HeatCell, Hour, Place, Seen, Volume
from central.query.clones import Lead
from central.query.journey import Passage
from central.show import Style, add_row, new_table, plain

Named = Callable[[str], str]
"""A camera's id with what people call it, where somebody said."""

_SHADES: Final = " ░▒▓█"
_WEEK: Final = range(1, 8)
_DAY: Final = range(24)
_TICK_H: Final = 3


def seen_table(rows: Iterable[Seen], style: Style, named: Named) -> Table:
    """Plates, each with where and when it was seen first and last."""
    table = new_table(style, "plate", "reads", "cameras", "first", "where", "last", "where")
    for seen in rows:
        add_row(
            table,
            plain(seen.plate, "bold"),
            f"{seen.reads:>7,}",
            f"{seen.cameras:>4}",
            style.moment(seen.first_at),
            named(seen.first_camera),
            style.moment(seen.last_at),
            named(seen.last_camera),
        )
    return table


def places_table(places: Iterable[Place], style: Style, named: Named) -> Table:
    """Cameras, each with how often something was seen there."""
    table = new_table(style, "camera", "reads", "days", "first", "last")
    for place in places:
        add_row(
            table,
            named(place.camera_id),
            f"{place.reads:>7,}",
            f"{place.days:>5}",
            style.moment(place.first_at),
            style.moment(place.last_at),
        )
    return table


def journey_table(passages: Sequence[Passage], style: Style, named: Named) -> Table:
    """Passages in the order of time, trip by trip; the plate where it is not always the same."""
    plates = ("plate",) if len({passage.plate for passage in passages}) > 1 else ()
    table = new_table(style, "trip", "time", "camera", *plates, "reads", "travel", "distance", "speed", "")
    for trip, passed in groupby(passages, key=lambda passage: passage.trip):
        for at, passage in enumerate(passed):
            add_row(
                table,
                "" if at else str(trip),
                style.moment(passage.first_at),
                named(passage.camera_id),
                *(plain(passage.plate, "bold") for _ in plates),
                f"{passage.reads:>5}",
                "" if passage.travel_s is None else str(timedelta(seconds=round(passage.travel_s))),
                "" if passage.distance_m is None else f"{passage.distance_m / 1000:>6.2f} km",
                "" if passage.speed_kmh is None else f"{passage.speed_kmh:>4.0f} km/h",
                Text(style.words("impossible"), style="bold red") if passage.impossible else "",
            )
    return table


def clones_table(leads: Iterable[Lead], style: Style, named: Named) -> Table:
    """Plates with what contradicts, and the newest example."""
    table = new_table(style, "plate", "against", "clone.first", "then", "distance", "")
    for lead in leads:
        kinds = {
            "travels": lead.travels,
            "types": lead.types,
            "classes": lead.classes,
            "colors": lead.colors,
        }
        said = [style.words(f"clone.{kind}").format(count) for kind, count in kinds.items() if count]
        add_row(
            table,
            plain(lead.plate, "bold"),
            Text("\n".join(said)),
            Text(f"{style.moment(lead.first_at)}\n{named(lead.first_camera)}\n{lead.first_look}"),
            Text(f"{style.moment(lead.then_at)}\n{named(lead.then_camera)}\n{lead.then_look}"),
            "" if lead.distance_m is None else f"{lead.distance_m / 1000:>6.2f} km",
            Text(style.words("clone.shared").format(lead.shared), style="yellow") if lead.shared else "",
        )
    return table


def heatmaps(cells: Iterable[HeatCell], style: Style, named: Named) -> Group:
    """A week of hours for each camera, in the order given."""
    parts: list[RenderableType] = []
    for camera_id, of_camera in groupby(cells, key=lambda cell: cell.camera_id):
        hours = [Hour(cell.weekday, cell.hour, cell.reads) for cell in of_camera]
        parts += ["", plain(named(camera_id), "bold"), week(hours, style)]
    return Group(*parts[1:])


def week(hours: Iterable[Hour], style: Style) -> Text:
    """Weekdays by hours as shaded cells: full is the busiest hour, and none at all is left blank."""
    reads = {(each.weekday, each.hour): each.reads for each in hours}
    most = max(reads.values(), default=0)
    ticks = "".join(f"{hour:<{2 * _TICK_H}}" for hour in _DAY if hour % _TICK_H == 0)
    picture = Text(f"   {ticks}\n", style="dim")
    for day in _WEEK:
        cells = "".join(2 * _shade(reads.get((day, hour), 0), most) for hour in _DAY)
        total = sum(reads.get((day, hour), 0) for hour in _DAY)
        picture.append_text(
            Text.assemble((f"{style.words(f'day.{day}')} ", "dim"), (cells, "cyan"), f" {total:>9,}\n")
        )
    told = f"{sum(reads.values()):,} {style.words('reads')}, █ = {most:,} {style.words('per_hour')}"
    return picture.append_text(Text(f"   {told}", style="dim"))


def volumes_table(rows: Iterable[Volume], style: Style, named: Named) -> Table:
    """Days and cameras with their reads and hits."""
    table = new_table(style, "day", "camera", "reads", "hits")
    for volume in rows:
        hits = Text(f"{volume.hits:>6,}", "bold red") if volume.hits else ""
        add_row(table, f"{volume.day}", named(volume.camera_id), f"{volume.reads:>9,}", hits)
    return table


def _shade(reads: int, most: int) -> str:
    """Rounded up: a single read is seen."""
    steps = len(_SHADES) - 1
    return _SHADES[-(-reads * steps // most)] if most else _SHADES[0]
