"""The commands that ask about reads: their history, and what many of them come to."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.asking import about_reads, alike_too, answered, asking, where_and_when

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


@click.command()
@about_reads
@answered(1_000)
def history(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Where a PLATE was read and when, newest first; or what was read at a camera, in an area or in a time span.

    In a PLATE that is known in part, ? stands for one character and * for any number: 'AB?12*'. docs/history.md
    tells what the columns of --csv, --json and --parquet mean, and shows every question about reads.
    """
    from rich.console import Group
    from rich.text import Text

    from central.show import reads_table
    from central.types import KeptRead

    with asking(config, asked) as ask:
        answer = ask.desk.history(ask.question, form=ask.form)

    def table(console: "Console") -> "RenderableType":
        count = Text(f"{len(answer.reads)} {ask.style.words('reads')}", style="dim")
        return Group(reads_table(answer.reads, ask.style, width=console.width), count)

    ask.hand_out("reads", answer.reads, table, kind=KeptRead, answer=answer)


@click.command()
@about_reads
@answered(1_000)
def counts(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """How many reads there were, by hour and camera, newest hour first."""
    from central.query.answers import HourCount
    from central.show import counts_table

    with asking(config, asked) as ask:
        found = ask.desk.counts(ask.question, form=ask.form)
    ask.hand_out(
        "counts",
        found.hours,
        lambda _: counts_table(found, ask.style),
        kind=HourCount,
        answer=found,
    )


@click.command()
@about_reads
@answered(1_000)
def seen(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Which plates were seen, how often, and when and where first and last; the last seen comes first."""
    from central.findings import seen_table
    from central.query.answers import Seen

    with asking(config, asked) as ask:
        found = ask.desk.seen(ask.question, form=ask.form)
    ask.hand_out(
        "seen",
        found.rows,
        lambda _: seen_table(found.rows, ask.style, ask.named),
        kind=Seen,
        answer=found,
    )


@click.command()
@about_reads
@answered(100)
def places(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """At which cameras a PLATE is seen most, on how many days, and at which hours of the week."""
    from rich.console import Group

    from central.findings import places_table, week
    from central.query.answers import Place

    with asking(config, asked) as ask:
        found = ask.desk.places(ask.question, zone=ask.style.zone, form=ask.form)

    def table(_: "Console") -> "RenderableType":
        return Group(places_table(found.places, ask.style, ask.named), "", week(found.hours, ask.style))

    hours = [asdict(hour) for hour in found.hours]
    ask.hand_out("places", found.places, table, kind=Place, hours=hours, answer=found)


@click.command()
@click.argument("plate")
@alike_too
@where_and_when
@click.option(
    "--gap",
    "gap_min",
    type=click.FloatRange(0.1, 10_080),
    default=60.0,
    show_default=True,
    metavar="MINUTES",
    help="so long without a read begins a new trip",
)
@answered(1_000)
def journey(config: Path, gap_min: float, **asked: Any) -> None:  # noqa: ANN401  # options
    """The way of the vehicle with this PLATE: its passages in order, with travel time, distance and speed.

    Distances are as the crow flies, so a speed is the least that it drove at. Where cameras stand tells the
    `cameras_file` of the configuration. --limit counts reads; the newest are taken.
    """
    from central.findings import journey_table
    from central.query.journey import Passage

    with asking(config, asked) as ask:
        gap = timedelta(minutes=gap_min)
        found = ask.desk.journey(ask.question, cameras=ask.cameras, gap=gap, form=ask.form)

    def table(_: "Console") -> "RenderableType":
        return journey_table(found.passages, ask.style, ask.named)

    ask.hand_out("passages", found.passages, table, kind=Passage, answer=found)


@click.command()
@about_reads
@click.option(
    "--least",
    type=click.FloatRange(0.0, 1.0),
    default=0.95,
    show_default=True,
    metavar="LIKELIHOOD",
    help="of reads that count",
)
@click.option(
    "--pairs",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="contradictions that a plate must have: one alone is mostly a misread",
)
@answered(100)
def clones(config: Path, least: float, pairs: int, **asked: Any) -> None:  # noqa: ANN401  # options
    """Plates that two vehicles seem to bear: too far apart, car and motorcycle, other classes or colours.

    A lead is on whoever bears the plate wrongly, and no evidence against the one to whom it belongs.
    """
    from rich.console import Group
    from rich.text import Text

    from central.findings import clones_table
    from central.query.clones import Lead, Least

    with asking(config, asked) as ask:
        counts = Least(least, pairs)
        found = ask.desk.clones(ask.question, cameras=ask.cameras, least=counts, form=ask.form)

    def table(_: "Console") -> "RenderableType":
        return Group(
            clones_table(found.rows, ask.style, ask.named), Text(ask.style.words("clones_note"), style="dim")
        )

    ask.hand_out("clones", found.rows, table, kind=Lead, answer=found)


@click.command()
@about_reads
@answered(10)
def heatmap(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Reads by camera, weekday and hour, as shaded weeks; the busiest cameras first, --limit says how many."""
    from central.findings import heatmaps
    from central.query.answers import HeatCell

    with asking(config, asked) as ask:
        found = ask.desk.heatmap(ask.question, zone=ask.style.zone, form=ask.form)
    ask.hand_out(
        "cells",
        found.rows,
        lambda _: heatmaps(found.rows, ask.style, ask.named),
        kind=HeatCell,
        answer=found,
    )


@click.command()
@where_and_when
@answered(1_000)
def volumes(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Reads and hits (alerts that were raised) by camera and day, newest day first."""
    from central.findings import volumes_table
    from central.query.answers import Volume

    with asking(config, asked) as ask:
        found = ask.desk.volumes(ask.question, zone=ask.style.zone, form=ask.form)
    ask.hand_out(
        "volumes",
        found.rows,
        lambda _: volumes_table(found.rows, ask.style, ask.named),
        kind=Volume,
        answer=found,
    )
