"""How an alert's story looks on a screen, and how often alerts were right (pure)."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from central.alert.precision import Precision
from central.query.alerts import Rejected, Story
from central.query.pictures import Evidence
from central.query.units import FREE, Unit
from central.show import Style, add_row, alert_blocks, new_table, plain


def story_blocks(story: Story, pictures: Sequence[Evidence], style: Style) -> Group:
    """An alert, where its vehicle was seen, and what happened to it."""
    parts: list[RenderableType] = [
        alert_blocks([story.alert], pictures, style),
        "",
        _trail_table(story, style),
        "",
        _events_table(story, style),
    ]
    return Group(*parts)


def precision_table(rows: Iterable[Precision], style: Style, *, by: str) -> Table:
    """Each list or camera with how often its alerts were right."""
    wrong = ("end.misread", "end.wrong-vehicle", "end.stale-entry", "end.false")
    table = new_table(style, by, "judged", "right", *wrong, "waiting", "precision", "95 %")
    for row in rows:
        share = "" if row.precision is None else f"{row.precision:.1%}"
        counts = (row.judged, row.right, row.misread, row.wrong_vehicle, row.stale_entry, row.false)
        add_row(
            table,
            row.of,
            *(f"{count:>6,}" for count in (*counts, row.waiting)),
            share,
            "" if row.precision is None else f"{row.low:.1%} - {row.high:.1%}",
        )
    return table


def rejected_table(rows: Iterable[Rejected], style: Style) -> Table:
    """Entries whose alerts were rejected."""
    table = new_table(style, "#", "list", "plate", "why", "alerts", "cameras", "last")
    for row in rows:
        why = style.words(f"end.{row.rejected_as}")
        counts = f"{row.alerts:>6,}", f"{row.cameras:>6,}"
        plate = plain(row.plate, "bold")
        add_row(table, str(row.entry), row.list_name, plate, why, *counts, style.moment(row.last_at))
    return table


def units_table(found: Iterable[Unit], style: Style) -> Table:
    """Units with how far away they are."""
    table = new_table(style, "unit", "station", "state", "time", "distance")
    for each in found:
        state = Text(style.words(f"unit.{each.state}"), "green" if each.state == FREE else "yellow")
        far = "" if each.metres is None else f"{each.metres / 1000:.1f} km"
        add_row(table, each.unit_id, each.station or "", state, style.moment(each.at), far)
    return table


def _trail_table(story: Story, style: Style) -> Table:
    table = new_table(style, "time", "camera", "read")
    for read in story.trail:
        name = f"{read.edge_id}/{read.epoch}/{read.seq}"
        add_row(table, style.moment(read.captured_at), read.camera_id, name)
    return table


def _events_table(story: Story, style: Style) -> Table:
    table = new_table(style, "#", "time", "event", "who", "detail")
    for event in story.events:
        act = event.act
        kind = Text(style.words(f"event.{act.kind}"), "bold" if act.actor != "atalaya" else "")
        told = "  ".join(f"{name}={value}" for name, value in act.detail.items())
        add_row(table, str(event.number), style.moment(act.at), kind, act.actor, told)
    return table
