"""What a replay found, for people and for programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from edge.capture.film import minutes
from edge.contract.read import PlateRead
from edge.replay.run import Report
from edge.replay.session import Outcome, Published
from edge.replay.start import Start


class TimesReal(ProgressColumn):
    """How many times as fast as it was recorded."""

    def render(self, task: Task) -> Text:
        """As `12.3x`, where the task counts seconds of recording."""
        known = task.fields.get("is_time") and task.speed
        return Text(f"{task.speed:.1f}x" if known else "", style="cyan")


def progress_bar() -> Progress:
    """On the error output, gone when done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimesReal(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def as_json(outcomes: Sequence[Outcome], *, source: str, published: Published | None) -> dict[str, Any]:
    """One document: all reads together, and each recording apart."""
    reports = [o.report for o in outcomes if o.report is not None]
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update(asdict(report.counts))
    frames = sum(report.counts.frames for report in reports)
    cpu_ms = sum(report.cpu_ms * report.counts.frames for report in reports) / max(1, frames)
    told: dict[str, Any] = {
        "source": source,
        "cpu_ms_per_frame": round(cpu_ms, 1),
        "counts": dict(counts),
        "reads": [
            {"recording": outcome.name, **read}
            for outcome in outcomes
            if outcome.report is not None
            for read in outcome.report.as_json()["reads"]
        ],
        "recordings": [_recording(outcome) for outcome in outcomes],
    }
    if published is not None:
        told["published"] = asdict(published)
    return told


def print_reads(console: Console, outcomes: Sequence[Outcome]) -> None:
    """A table of each recording's reads, with their true times."""
    for outcome in outcomes:
        if outcome.report is not None and outcome.report.found and outcome.start is not None:
            console.print(_reads(outcome.name, outcome.start, outcome.report))


def _reads(name: str, start: Start, report: Report) -> Table:
    days = {f.read.best_at.date() for f in report.found} | {start.at.date()}
    written = "%H:%M:%S" if len(days) == 1 else "%m-%d %H:%M:%S"
    has_place = any(f.read.location for f in report.found)
    table = Table(title=f"{escape(name)}, {start.at:%Y-%m-%d} (UTC)", title_justify="left")
    for column in ("at", "time", "plate", "country", "class"):
        table.add_column(column, no_wrap=column in ("at", "time", "plate"))
    for column in ("likelihood", "votes", *(("lat, lon",) if has_place else ())):
        table.add_column(column, justify="right")
    for found in report.found:
        read = found.read
        row = [found.origin, f"{read.best_at:{written}}", *_said(read)]
        if has_place:
            place = read.location
            row.append("-" if place is None else f"{place.lat:.5f}, {place.lon:.5f}")
        table.add_row(*row)
    return table


def print_pictures(console: Console, report: Report) -> None:
    """A table of what was read in pictures."""
    table = Table()
    for column in ("picture", "plate", "country", "class"):
        table.add_column(column)
    for column in ("likelihood", "votes"):
        table.add_column(column, justify="right")
    for found in report.found:
        table.add_row(escape(found.origin), *_said(found.read))
    console.print(table)
    console.print(counted(report))


def print_recordings(console: Console, outcomes: Sequence[Outcome]) -> None:
    """What each recording was, when it began and who says so, and how fast it went."""
    table = Table()
    for column in ("recording", "began (UTC)", "by"):
        table.add_column(column, no_wrap=column != "recording", overflow="fold")
    for column in ("length", "speed", "damaged", "reads"):
        table.add_column(column, justify="right")
    for outcome in outcomes:
        table.add_row(escape(outcome.name), *_began(outcome.start), *_went(outcome.report))
    console.print(table)
    for outcome in outcomes:
        for note in _notes(outcome):
            console.print(f"{outcome.name}: {note}", soft_wrap=True, markup=False)


def counted(report: Report) -> str:
    """The counts in a sentence."""
    counts = report.counts
    return (
        f"{counts.reads} reads; {counts.illegible} plates seen but not legible, {counts.unread} too small; "
        f"{counts.frames} frames at {report.cpu_ms:.0f} ms of CPU"
    )


def _said(read: PlateRead) -> list[str]:
    country, kind = read.country, read.plate_class
    return [
        read.plate,
        f"{country.value} {country.likelihood:.0%}" if country else "-",
        f"{kind.value} {kind.likelihood:.0%}" if kind else "-",
        f"{read.likelihood:.1%}",
        f"{read.votes}/{read.frames}",
    ]


def _began(start: Start | None) -> list[str]:
    return ["-", "-"] if start is None else [f"{start.at:%Y-%m-%d %H:%M:%S}", start.source]


def _went(report: Report | None) -> list[str]:
    if report is None:
        return ["-"] * 3 + ["0"]
    speed, figures = report.times_real, report.figures
    return [
        minutes(figures.media_s),
        f"{speed:.1f}x" if speed else "-",
        str(figures.damaged),
        str(report.counts.reads),
    ]


def _notes(outcome: Outcome) -> list[str]:
    notes = [] if outcome.start is None else [f"began: {'; '.join(outcome.start.notes)}"]
    if outcome.report is not None and outcome.report.is_let_go:
        notes.append(
            "had been published already, and its reads are kept here no longer; --again publishes it anew"
        )
    elif outcome.was_done:
        notes.append("had been read already; --again reads it anew")
    if outcome.report is not None:
        figures = outcome.report.figures
        notes.append(counted(outcome.report))
        if figures.still:
            notes.append(f"{figures.still} pictures in which nothing moved were not looked at")
        if figures.leaps:
            notes.append(
                f"its time leapt {figures.leaps} times: what lies behind is told as if nothing lay between"
            )
        if figures.longest_gap_s > 1:
            notes.append(f"longest time without a picture: {minutes(figures.longest_gap_s)}")
        notes += [f"FAULT: {fault}" for fault in figures.faults]
    if outcome.fault:
        notes.append(f"FAULT: {outcome.fault}")
    return notes


def _recording(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": outcome.name,
        "was_done": outcome.was_done,
        "fault": outcome.fault or None,
    }
    if outcome.start is not None:
        start = outcome.start
        told |= {"began_at": start.at.isoformat(), "source": start.source, "notes": list(start.notes)}
    if outcome.report is not None:
        speed = outcome.report.times_real
        told |= asdict(outcome.report.figures)
        told |= {
            "times_real": None if speed is None else round(speed, 2),
            "reads": outcome.report.counts.reads,
        }
    return told
