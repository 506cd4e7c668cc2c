"""`python -m edge bench`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.bench.baselines.known import BASELINES
from edge.bench.judge import Pictures, Track, ask, measure
from edge.bench.labels import Picture, load_pictures, sample
from edge.bench.plots import write_picture, write_plots
from edge.bench.record import Record
from edge.bench.report import Run, outcomes, report
from edge.bench.sheet import check_place, contact_sheet, worst
from edge.bench.streams.command import streams
from edge.bench.table import show
from edge.engine import Name, build

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_OUT = click.Path(path_type=Path)
_WIDTH = 150
"""Columns of the tables where they do not go to a terminal."""


class _Names(click.ParamType[tuple[str, ...]]):
    """Names of baselines with commas between."""

    name = "names"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Split and check them."""
        names = value if isinstance(value, tuple) else tuple(n.strip() for n in str(value).split(","))
        unknown = [n for n in names if n not in BASELINES]
        if unknown:
            self.fail(f"no such baseline: {', '.join(unknown)}; known are {', '.join(BASELINES)}", param, ctx)
        return tuple(dict.fromkeys(names))


@click.group()
def bench() -> None:
    """Measure recognition and speed."""


bench.add_command(streams)


@bench.command()
@click.option(
    "--data", "folder", type=_FOLDER, help="folder with labels.csv; its rows of split valid are looked at"
)
@click.option(
    "--synth", "rendered", type=_FOLDER, help="folder of rendered plates (models.synth testset), judged apart"
)
@click.option("--engine", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option(
    "--against",
    "names",
    type=_Names(),
    default=(),
    help=f"other readers to ask about the same pictures: {', '.join(BASELINES)}, with commas between",
)
@click.option(
    "--sample", "most", type=click.IntRange(1), help="look at so many pictures a set at most, evenly spread"
)
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of tables")
@click.option(
    "--preset", is_flag=True, help="JSON: the figures directly under a set are the decoded ones, not the raw"
)
@click.option(
    "--plots", type=_OUT, help="write reliability, strata and the read-rate curve as PNG into this folder"
)
@click.option("--contact-sheet", "sheet", type=_OUT, help="write the surest wrong reads as one picture")
def recognise(  # noqa: PLR0913  # one parameter an option
    *,
    folder: Path | None,
    rendered: Path | None,
    engine: Name,
    names: tuple[str, ...],
    most: int | None,
    as_json: bool,
    preset: bool,
    plots: Path | None,
    sheet: Path | None,
) -> None:
    """Find and read the plates of labelled pictures: recall, accuracy, likelihoods, time of one thread.

    Raw is what the net says by itself; decoded what a camera says that sees this one frame and knows its country.
    """
    pictures = Pictures(_pictures(folder, most=most), _pictures(rendered, most=most))
    if not (pictures.real or pictures.rendered):
        raise click.UsageError("nothing to look at: name --data, --synth or both")
    if sheet is not None:
        check_place(sheet, [p.set_name for p in pictures.real or pictures.rendered])
    cv2.setNumThreads(1)
    with _progress() as track:
        run = measure(build(engine, threads=1), pictures, track=track)
        rivals = ask(names, pictures, run, track=track)
    found = report(run)
    if as_json:
        against = {"against": [r.as_json() for r in rivals]} if names else {}
        click.echo(json.dumps({**found.as_json(preset=preset), **against}))
    else:
        console = Console()
        show(found, rivals, console if console.is_terminal else Console(width=_WIDTH))
    if plots is not None and found.pooled:
        texts = [r for r in run.records if r.truth is not None]
        curves = {"raw": outcomes(texts, way="raw"), "decoded": outcomes(texts, way="decoded")}
        _tell(*write_plots(plots, found, outcomes=curves))
    if sheet is not None:
        write_picture(sheet, contact_sheet(worst(_shown(run))))
        _tell(sheet)


def _pictures(folder: Path | None, *, most: int | None) -> list[Picture]:
    found = [] if folder is None else load_pictures(folder)
    return found if most is None else sample(found, most=most)


def _shown(run: Run) -> list[Record]:
    """The records of the contact sheet: of the labelled pictures; of the rendered ones where there are no others."""
    return run.records or [r for look in run.rendered for r in look.records]


def _tell(*written: Path) -> None:
    for path in written:
        click.echo(f"written: {path}", err=True)


@contextmanager
def _progress() -> Iterator[Track]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:

        def track(pictures: Sequence[Picture], name: str) -> Iterable[Picture]:
            if pictures and not console.is_terminal:  # where no bar moves, say at least what is under way
                click.echo(f"{name}: {len(pictures)} to look at", err=True)
            return progress.track(pictures, description=name) if pictures else ()

        yield track
