"""How answers look: tables in the site's time, JSON and CSV (pure)."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final, Literal, TextIO

from rich.table import Table
from rich.text import Text

from central.archive.holds import Hold
from central.archive.set_aside import Missing
from central.query.answers import Counts
from central.query.lists import KeptLetter, LoggedAct
from central.text import harmless, is_printable, printable
from central.types import AskedClip, ClipState, HotlistEntry, KeptRead
from central.words import Words

_BAR: Final = 8
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_ROOMY: Final = 100
_FOLDED: Final = ("why", "topic", "source", "purpose", "detail", "basis", "lifted")
_TIMES: Final = ("time", "until", "since", "told", "frame", "first", "last", "confirmed")


@dataclass(frozen=True, slots=True)
class Style:
    """For whom it is shown: in which zone times are told, in which language."""

    zone: tzinfo
    words: Words

    def moment(self, moment: datetime) -> str:
        """Date and time of day, to the second."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def zoned(self, moment: datetime) -> str:
        """The same with its offset, where no heading names the zone."""
        offset = moment.astimezone(self.zone).isoformat()[-6:]
        return f"{self.moment(moment)} {offset}"

    def zoned_iso(self, moment: datetime) -> str:
        """For programs: ISO 8601 with the site's offset, to the microsecond."""
        return moment.astimezone(self.zone).isoformat(timespec="microseconds")

    def until(self, moment: datetime) -> str:
        """An end as it was entered: the last day alone, where it is included whole."""
        local = moment.astimezone(self.zone)
        return f"{local - timedelta(days=1):%Y-%m-%d}" if local.time() == time.min else self.moment(moment)

    def heading(self, name: str) -> str:
        """The word over a column; over times with their zone."""
        return f"{self.words(name)} ({self.zone})" if name in _TIMES else self.words(name)

    def clock(self, moment: datetime) -> str:
        """Time of day, to the second."""
        return f"{moment.astimezone(self.zone):%H:%M:%S}"


def plain(text: str, style: str = "") -> Text:
    """Text from outside as it is: no markup of ours, and nothing that would steer the terminal."""
    return Text(printable(text), style)


def missing_line(missing: Missing, style: Style) -> str:
    """What an answer lacks."""
    told = {"reads": f"{missing.reads:,}", "day": missing.day, "file": missing.file}
    return style.words("missing").format(**told, why=printable(missing.why))


def add_row(table: Table, *cells: str | Text) -> None:
    """Add a row, each string of which is `plain`."""
    table.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in cells))


def likelihood(value: float) -> Text:
    """A bar and a percentage: green from 90, yellow from 60, red below."""
    colour = "green" if value >= 0.9 else "yellow" if value >= 0.6 else "red"
    eighths = round(value * _BAR * 8)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return Text.assemble((bar.ljust(_BAR), colour), f" {_percent(value):>5}")


def country_class(country: str | None, plate_class: str | None) -> str:
    """`CO private`; a question mark where it is unknown."""
    return f"{country or '?'} {plate_class or '?'}"


def vehicle(read: KeptRead, style: Style) -> str:
    """Type and colour, as far as they are known."""
    return " ".join(style.words(part) for part in (read.vehicle_type, read.vehicle_color) if part)


def reads_table(reads: Iterable[KeptRead], style: Style, *, width: int, dated: bool = True) -> Table:
    """Reads, one a row.

    Args:
        reads: in the order in which they are shown.
        style: for whom.
        width: of the screen, in characters; a narrow one goes without vehicle and direction.
        dated: with the date and the name of the zone, not only the time of day.
    """
    more = ("vehicle", "direction") if width >= _ROOMY else ()
    when = "time" if dated else "time_of_day"
    table = new_table(style, when, "camera", "plate", "class", "likelihood", *more, "late")
    for read in reads:
        add_row(
            table,
            style.moment(read.captured_at) if dated else style.clock(read.captured_at),
            read.camera_id,
            plain(read.plate, "bold"),
            country_class(read.country, read.plate_class),
            likelihood(read.likelihood),
            *((vehicle(read, style), style.words(read.direction or "")) if more else ()),
            Text("●", style="yellow") if read.late else "",
        )
    return table


def counts_table(counts: Counts, style: Style) -> Table:
    """Reads by hour and camera."""
    table = new_table(style, "time", "camera", "reads")
    for count in counts.hours:
        add_row(table, style.moment(count.hour), count.camera_id, f"{count.reads:>7,}")
    return table


def clips_table(clips: Iterable[AskedClip], style: Style) -> Table:
    """Requests for clips, and what came of them."""
    table = new_table(style, "time", "request", "camera", "read", "who", "state", "seconds", "bytes", "why")
    for clip in clips:
        began_at, ended_at = clip.began_at, clip.ended_at
        seconds = ""
        if clip.state is ClipState.CAME and began_at is not None and ended_at is not None:
            seconds = f"{(ended_at - began_at).total_seconds():.1f}"
        add_row(
            table,
            style.moment(clip.asked_at),
            clip.request,
            clip.camera_id,
            f"{clip.edge_id}/{clip.epoch}/{clip.seq}",
            clip.asked_by,
            Text(style.words(f"clip.{clip.state}"), "green" if clip.state is ClipState.CAME else "yellow"),
            seconds,
            "" if clip.size is None else str(clip.size),
            clip.reason,
        )
    return table


def hotlist_table(entries: Iterable[tuple[int, HotlistEntry]], style: Style, *, now: datetime) -> Table:
    """Hotlist entries with their numbers; expired ones say so."""
    of_entry = ("#", "list", "plate", "class", "reason", "priority", "until", "case", "source")
    table = new_table(style, *of_entry, "agency", "confirmed")
    for number, entry in entries:
        until = style.until(entry.valid_until)
        expired = entry.valid_until <= now
        add_row(
            table,
            str(number),
            entry.list_name,
            plain(entry.plate, "bold"),
            country_class(entry.country, entry.plate_class),
            style.words(f"reason.{entry.reason}"),
            str(entry.priority),
            Text(f"{until} {style.words('expired')}", style="red") if expired else until,
            entry.case_number,
            entry.source,
            entry.agency or "",
            "" if entry.confirmed_at is None else style.moment(entry.confirmed_at),
        )
    return table


def holds_table(holds: Iterable[Hold], style: Style) -> Table:
    """Legal holds with their numbers; lifted ones say by whom and why."""
    table = new_table(style, "#", "held", "since", "until", "case", "basis", "who", "time", "lifted")
    for hold in holds:
        term = hold.term
        what = term.plate or term.camera_id or "/".join(map(str, term.read or ()))
        lifted_at = hold.lifted_at
        add_row(
            table,
            str(hold.number),
            plain(what, "bold"),
            "" if term.since is None else style.moment(term.since),
            "" if term.until is None else style.moment(term.until),
            hold.case_number,
            hold.legal_basis,
            hold.entered_by,
            style.moment(hold.entered_at),
            "" if lifted_at is None else f"{style.moment(lifted_at)} {hold.lifted_by}: {hold.why}",
        )
    return table


def audit_table(acts: Iterable[LoggedAct], style: Style) -> Table:
    """Rows of the audit log."""
    table = new_table(style, "#", "time", "who", "case", "purpose", "action", "rows", "detail")
    for act in acts:
        add_row(
            table,
            str(act.number),
            style.moment(act.at),
            act.actor,
            act.case_number,
            act.purpose,
            act.action,
            "" if act.rows is None else str(act.rows),
            "  ".join(
                f"{name}={_spelt(value)}" for name, value in act.detail.items() if value not in (None, [])
            ),
        )
    return table


def _spelt(value: object) -> str:
    """A plate's hash is told by its beginning: in a table it serves to tell two apart."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{text[:12]}…" if len(text) == 64 else text


def letters_table(letters: Iterable[KeptLetter], style: Style) -> Table:
    """Dead letters without their payloads."""
    table = new_table(style, "#", "time", "topic", "bytes", "times", "why")
    for letter in letters:
        number, size, times = (str(n) for n in (letter.letter_id, letter.payload_bytes, letter.times))
        when = style.moment(letter.received_at)
        add_row(table, number, when, letter.topic, size, times, letter.reason)
    return table


def as_json(name: str, records: Iterable[object], style: Style, **more: object) -> str:
    """One JSON document: the records under `name`, times with the site's offset; what a terminal obeys is escaped."""
    rows = [_plain(record, style) for record in records]
    document = json.dumps({name: rows, **more}, ensure_ascii=False, indent=1)
    return "".join(c if c == "\n" or is_printable(c) else json.dumps(c)[1:-1] for c in document)


def write_csv(records: Iterable[object], out: TextIO, style: Style, *, kind: type[Any] = KeptRead) -> None:
    """Records of a kind as CSV with a header line; no cell that a spreadsheet would run as a formula."""
    writer = csv.DictWriter(out, fieldnames=list(kind.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _cell(value) for name, value in _plain(record, style).items()})


def _cell(value: object) -> object:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return harmless(printable(value)) if isinstance(value, str) else value


def _plain(record: object, style: Style) -> dict[str, object]:
    return {
        name: style.zoned_iso(value)
        if isinstance(value, datetime)
        else str(value)
        if isinstance(value, StrEnum | date)
        else value
        for name, value in asdict(record).items()  # type: ignore[call-overload]  # any of our records
    }


def _percent(value: float) -> str:
    """Never rounded up to certainty."""
    return f"{min(value, 0.999):.1%}" if value < 1 else "100%"


def new_table(style: Style, *names: str) -> Table:
    """A table whose columns of free words fold where the screen is narrow, and the others are cut."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(style.heading(name), no_wrap=name not in _FOLDED, overflow=_overflow(name))
    return table


def _overflow(name: str) -> Literal["fold", "ellipsis"]:
    return "fold" if name in _FOLDED else "ellipsis"
