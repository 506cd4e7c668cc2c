"""How hotlists look as a whole: which there are, and what an import would do (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from rich.table import Table
from rich.text import Text

from central.hotlist.budget import Limit
from central.hotlist.lists import Listing
from central.hotlist.merge import Change, What
from central.hotlist.suppress import Suppression
from central.hotlist.twins import Twin
from central.query.carried import Carried, Carrier, Holds, away
from central.query.hunt import Trace
from central.query.traces import KeptTrace
from central.show import Style, add_row, new_table, plain

_COLOURS: Final = {
    What.ADDED: "green",
    What.CHANGED: "yellow",
    What.REVIVED: "bold yellow",
    What.REMOVED: "red",
}
_HOLDS: Final = {Holds.NEWEST: "green", Holds.OLDER: "yellow", Holds.NONE: "dim"}
_HOURS_FROM: Final = 120


def lists_table(lists: Iterable[Listing], limits: Mapping[str, Limit], style: Style) -> Table:
    """Hotlists: how many vehicles each looks for, how it is kept, and what its budget costs."""
    table = new_table(
        style,
        "list",
        "list.kind",
        "agency",
        "in_force",
        "list.stale",
        "list.ended",
        "stale_after",
        "budget",
        "least",
        "missed",
        "until",
    )
    for each in lists:
        add_row(
            table,
            each.name,
            style.words(f"list.{each.kind}"),
            each.agency or "",
            str(each.in_force),
            str(each.stale),
            str(each.ended),
            "" if each.stale_after_h is None else f"{each.stale_after_h} h",
            "" if each.false_alarms_a_day is None else f"{each.false_alarms_a_day:g}",
            f"{limits[each.name].least:.0%}"
            + ("" if limits[each.name].is_kept else f" {style.words('over')}"),
            f"{limits[each.name].missed:.1%}",
            "" if each.purge_at is None else style.until(each.purge_at),
        )
    return table


def carriers_table(boxes: Iterable[Carrier], style: Style, *, now: datetime) -> Table:
    """Boxes, and which copy of the lists each holds."""
    table = new_table(style, "edge", "site", "state", "copy", "told", "copy.age", "copy.entries", "why")
    for box in boxes:
        add_row(
            table,
            box.edge_id,
            box.site_id,
            Text(style.words(box.state), "green" if box.state == "online" else "red"),
            Text(style.words(f"copy.{box.holds}"), _HOLDS[box.holds]),
            "" if box.issued_at is None else style.moment(box.issued_at),
            "" if box.issued_at is None else _age(now - box.issued_at),
            str(box.entries),
            box.fault,
        )
    return table


def carried_lines(found: Carried, style: Style) -> list[str]:
    """Whether all boxes hold what is in force, in a sentence or two; which do not hear us is said by name."""
    if found.copy is None:
        return [style.words("copies.never")]
    lines = [] if found.is_issued else [style.words("copies.unissued")]
    holding = [box for box in found.boxes if box.holds is not Holds.NONE]
    if found.older:
        told = {"older": len(found.older), "boxes": len(holding), "away": ", ".join(away(found.older)) or "-"}
        return [*lines, style.words("copies.held").format(**told)]
    return lines or [style.words("copies.settled").format(boxes=len(holding))]


def _age(age: timedelta) -> str:
    """In minutes, from two hours on in hours."""
    minutes = max(0, round(age.total_seconds() / 60))
    return f"{minutes} min" if minutes < _HOURS_FROM else f"{minutes / 60:.0f} h"


def changes_table(changes: Sequence[Change], style: Style) -> Table:
    """What an import would do, an entry a row."""
    table = new_table(style, "line", "plate", "what", "detail")
    for change in changes:
        add_row(
            table,
            "" if change.line is None else str(change.line),
            plain(f"{change.plate} ({change.country})", "bold"),
            Text(style.words(f"change.{change.what}"), _COLOURS[change.what]),
            ", ".join(f"{name}: {before or '-'} -> {now or '-'}" for name, before, now in change.told),
        )
    return table


def twin_line(twin: Twin, style: Style) -> str:
    """A new entry that another one may be taken for."""
    others = ", ".join(other.named for other in twin.others)
    return style.words("twin").format(line=twin.line, plate=twin.plate, country=twin.country, others=others)


def suppressions_table(suppressions: Iterable[Suppression], style: Style) -> Table:
    """Suppressions with their numbers, and what each has held back; lifted ones say by whom and why."""
    table = new_table(
        style, "#", "plate", "list", "camera", "until", "held_back", "last", "why", "case", "who", "lifted"
    )
    for each in suppressions:
        lifted_at = each.lifted_at
        add_row(
            table,
            str(each.number),
            plain(f"{each.plate} ({each.country})", "bold"),
            each.list_name or "",
            "/".join(filter(None, (each.edge_id, each.camera_id))),
            style.until(each.until),
            str(each.hits),
            "" if each.last_at is None else style.moment(each.last_at),
            each.reason,
            each.case_number,
            each.entered_by,
            "" if lifted_at is None else f"{style.moment(lifted_at)} {each.lifted_by}: {each.why}",
        )
    return table


def traces_table(traces: Iterable[Trace], style: Style) -> Table:
    """Entries whose plates were read before."""
    table = new_table(style, "#", "plate", "reason", "priority", "last", "camera", "recent", "reads", "first")
    for trace in traces:
        add_row(
            table,
            str(trace.number),
            plain(f"{trace.plate} ({trace.country})", "bold"),
            style.words(f"reason.{trace.reason}"),
            str(trace.priority),
            style.moment(trace.last_at),
            trace.last_camera,
            str(trace.recent),
            str(trace.reads),
            style.moment(trace.first_at),
        )
    return table


def kept_traces_table(traces: Iterable[KeptTrace], style: Style) -> Table:
    """Entries that were seen before, as the centre has hunted them."""
    table = new_table(
        style, "#", "plate", "list", "reason", "priority", "last", "camera", "reads", "first", "hunted.at"
    )
    for trace in traces:
        add_row(
            table,
            str(trace.number),
            plain(f"{trace.plate} ({trace.country})", "bold"),
            trace.list_name,
            style.words(f"reason.{trace.reason}"),
            str(trace.priority),
            style.moment(trace.last_at),
            trace.last_camera,
            str(trace.reads),
            style.moment(trace.first_at),
            style.moment(trace.hunted_at),
        )
    return table
