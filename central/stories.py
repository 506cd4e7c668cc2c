"""How an alert's story looks on a screen, and how often alerts were right (pure)."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from central.alert.precision import Precision
from central.query.alerts import Rejected, Story, TrailRead
from central.query.pictures import Evidence
from central.query.units import FREE, Unit
from central.show import Style, add_row, new_table, plain
from central.types import Alert


def alert_blocks(alerts: Iterable[Alert], pictures: Sequence[Evidence], style: Style) -> Group:
    """Alerts, each a line of what was seen last, and first where that was elsewhere; below it why it is an alert."""
    parts: list[RenderableType] = []
    for alert in alerts:
        count = sum(picture.alert_id == alert.alert_id for picture in pictures)
        last_at, camera_id = alert.last_at or alert.captured_at, alert.last_camera_id or alert.camera_id
        line = Text.assemble(
            plain(f"#{alert.alert_id}  {style.zoned(last_at)}  {camera_id}  "),
            plain(alert.plate, "bold red"),
            plain(f"  {style.words(f'reason.{alert.reason}')} · {alert.list_name}"),
            f"  {style.words('priority')} {alert.priority}  {count} {style.words('pictures')}",
            (f"  {style.words('late')}" if alert.late else "", "yellow"),
            plain(f"  {_state(alert, style)}", "bold"),
            plain(_first_seen(alert, style)),
        )
        parts += [line, Padding(plain(alert.explanation, "dim"), (0, 0, 0, 4))]
    return Group(*parts)


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


def sighting_line(read: TrailRead, style: Style) -> Text:
    """Where an alert's vehicle was seen last."""
    where = f"{style.words('last')} {style.zoned(read.captured_at)}  {read.camera_id}  "
    return Text.assemble(plain(where), _doubt(read, style))


def _trail_table(story: Story, style: Style) -> Table:
    table = new_table(style, "time", "camera", "read", "what")
    for read in story.trail:
        name = f"{read.edge_id}/{read.epoch}/{read.seq}"
        add_row(table, style.moment(read.captured_at), read.camera_id, name, _doubt(read, style))
    return table


def _doubt(read: TrailRead, style: Style) -> Text:
    """That a sighting came after its alert was confirmed."""
    return Text(style.words("unconfirmed") if read.confirmed is False else "", "bold yellow")


def _events_table(story: Story, style: Style) -> Table:
    table = new_table(style, "#", "time", "event", "who", "detail")
    for event in story.events:
        act = event.act
        kind = Text(style.words(f"event.{act.kind}"), "bold" if act.actor != "atalaya" else "")
        told = "  ".join(f"{name}={value}" for name, value in act.detail.items())
        add_row(table, str(event.number), style.moment(act.at), kind, act.actor, told)
    return table


def _first_seen(alert: Alert, style: Style) -> str:
    """Where its vehicle was seen first, if somewhere else."""
    if alert.last_camera_id in (None, alert.camera_id):
        return ""
    return f"  ({style.words('first')} {style.zoned(alert.captured_at)}  {alert.camera_id})"


def _state(alert: Alert, style: Style) -> str:
    """How far it has come, with whom and where."""
    told = (
        style.words(f"alert.{alert.state}"),
        alert.outcome and style.words(f"end.{alert.outcome}"),
        alert.claimed_by,
        alert.unit_id,
        alert.station,
    )
    return " · ".join(filter(None, told))
