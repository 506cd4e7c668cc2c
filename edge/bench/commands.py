"""`python -m edge bench`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.bench.labels import Label, load_pictures
from edge.bench.recognise import Decode, Report, measure
from edge.engine import Engine, Name, build
from edge.settings import VoteSettings
from edge.types import Box, Detection, Observation, Reading

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_WHOLE = Detection(Box(0, 0, 1, 1), 1.0)


@click.group()
def bench() -> None:
    """Measure recognition and speed."""


@bench.command()
@click.option(
    "--data", "folder", type=_FOLDER, required=True, help="folder with labels.csv (rows with split valid)"
)
@click.option("--engine", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of a table")
@click.option(
    "--preset", is_flag=True, help="decode with the grammar, as a camera in the label's country would"
)
def recognise(folder: Path, *, engine: Name, as_json: bool, preset: bool) -> None:
    """Find and read the plates of labelled pictures: recall, accuracy by set, time of one thread."""
    pictures = load_pictures(folder)
    cv2.setNumThreads(1)
    nets = build(engine, threads=1)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        report = measure(
            progress.track(pictures, description="pictures"),
            detector=nets.detector,
            reader=nets.reader,
            decode=_preset(nets) if preset else None,
        )
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _show(report, Console())


def _preset(nets: Engine) -> Decode:
    """Decode by a vote of one frame, its camera told the label's country and nothing else."""
    settings = VoteSettings()
    epoch = datetime(2000, 1, 1, tzinfo=UTC)

    def decode(reading: Reading, label: Label) -> str:
        vote = nets.new_vote(settings, {label.country[:2]: 1.0})
        vote.add(Observation(epoch, _WHOLE, reading, quality=1.0))
        verdict = vote.verdict()
        return verdict.plate if verdict else ""

    return decode


def _show(report: Report, console: Console) -> None:
    found, read = report.detector, report.reader
    console.print(
        f"detector  {found.n} plates: recall at IoU .5 {_share(found.recall50)}, "
        f"false boxes a picture {_number(found.false_boxes_per_picture, 2)}, {_number(found.ms, 1)} ms a picture"
    )
    console.print(f"reader    {read.n} crops: {_number(read.ms, 1)} ms a crop")
    table = Table("set", title="read right", title_justify="left")
    for column in ("n", "exact", "O = 0", "all look-alikes", "character errors"):
        table.add_column(column, justify="right")
    for name, score in report.sets.items():
        shares = (score.exact, score.merged_o0, score.merged_all, score.cer)
        table.add_row(name, str(score.n), *map(_share, shares))
    console.print(table)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
