"""`python -m edge replay`."""

import itertools
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.assets import plate_files
from edge.capture.video import PICTURE_SUFFIXES, FolderSource, VideoSource
from edge.engine import Name, build
from edge.errors import ConfigError
from edge.replay.output import beside
from edge.replay.run import Replay, Report
from edge.settings import CameraSettings, VoteSettings, load_grammar
from edge.types import Frame

CAMERA = "replay"
_PATH = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("path", type=_PATH)
@click.option(
    "--out",
    type=_FOLDER,
    help="write annotated copies and a picture of each read into this folder; of the files there only those "
    "that an earlier replay wrote are replaced",
)
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of a table")
@click.option(
    "--country", "countries", multiple=True, metavar="CO=1", help="how common a country's plates are"
)
@click.option(
    "--fps", type=click.FloatRange(0.1, 60), default=8.0, show_default=True, help="frames analysed a second"
)
@click.option("--seconds", type=click.FloatRange(0.1), help="only the first so many seconds of a recording")
@click.option(
    "--min-plate-px",
    type=click.IntRange(8, 2000),
    default=40,
    show_default=True,
    help="narrower plates are not read",
)
@click.option("--engine", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="threads of each net"
)
def replay(  # noqa: PLR0913  # click passes every option apart
    path: Path,
    *,
    out: Path | None,
    as_json: bool,
    countries: tuple[str, ...],
    fps: float,
    seconds: float | None,
    min_plate_px: int,
    engine: Name,
    threads: int,
) -> None:
    """Read the plates of PATH: a video, a picture, or a folder of pictures."""
    camera = CameraSettings(
        id=CAMERA,
        url="rtsp://127.0.0.1/recording",  # a recording has no address; nothing connects to it
        analyse_fps=fps,
        motion_gate=False,
        min_plate_px=min_plate_px,
        countries=_weights(countries),
    )
    output = None if out is None else beside(out, path)

    def player() -> Replay:
        return Replay(build(engine, threads=threads), camera=camera, vote=VoteSettings(), out=output)

    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        report = _pictures(player, path)
    else:
        report = _video(player, path, fps=fps, seconds=seconds)
    if as_json:
        click.echo(json.dumps({"source": str(path), **report.as_json()}, indent=2))
    else:
        _print(report, out=out)


def _video(player: Callable[[], Replay], path: Path, *, fps: float, seconds: float | None) -> Report:
    started_at = _modified(path)
    until = started_at + timedelta(seconds=seconds) if seconds else datetime.max.replace(tzinfo=UTC)
    with closing(_shown(VideoSource(path, camera_id=CAMERA, started_at=started_at, fps=fps))) as frames:
        wanted = itertools.takewhile(lambda frame: frame.captured_at < until, _opened(frames))
        return player().video(wanted, fps=fps)


def _pictures(player: Callable[[], Replay], path: Path) -> Report:
    kind = FolderSource if path.is_dir() else VideoSource
    source = kind(path, camera_id=CAMERA, started_at=_modified(path))
    with closing(_shown(source)) as frames:
        named = ((source.progress.label if path.is_dir() else path.name, f) for f in _opened(frames))
        return player().pictures(named)


def _opened(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The same frames, of which the first has been taken: faults of the source come now, not later."""
    return itertools.chain([next(frames)], frames)


def _shown(source: VideoSource | FolderSource) -> Generator[Frame]:
    """The source's frames, under a progress bar on the error output; its faults come with the first.

    Raises:
        LostError: there is no frame.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, closing(source):
        task = bar.add_task("", total=None)
        for frame in source.frames():
            yield frame
            now = source.progress
            bar.update(task, description=now.label, completed=now.frames, total=now.total)


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _weights(given: tuple[str, ...]) -> dict[str, float]:
    """`CO=1` and the like, read.

    Raises:
        ConfigError: one of them is something else.
    """
    known = load_grammar(plate_files()).countries
    weights = {}
    for text in given:
        country, _, weight = text.partition("=")
        try:
            weights[country] = float(weight or 1)
        except ValueError:
            raise ConfigError(f"--country {text}: expected a code and a number, such as CO=1") from None
        if country not in known or weights[country] <= 0:
            raise ConfigError(f"--country {text}: expected one of {', '.join(known)} and a number above 0")
    return weights


def _print(report: Report, *, out: Path | None) -> None:
    table = Table()
    for column in ("time" if report.is_video else "picture", "plate", "country", "class"):
        table.add_column(column)
    for column in ("likelihood", "votes"):
        table.add_column(column, justify="right")
    for found in report.found:
        read = found.read
        country, kind = read.country, read.plate_class
        table.add_row(
            found.origin,
            read.plate,
            f"{country.value} {country.likelihood:.0%}" if country else "-",
            f"{kind.value} {kind.likelihood:.0%}" if kind else "-",
            f"{read.likelihood:.1%}",
            f"{read.votes}/{read.frames}",
        )
    console = Console()
    console.print(table)
    counts = report.counts
    console.print(
        f"{counts.reads} reads; {counts.illegible} plates seen but not legible, {counts.unread} too small; "
        f"{counts.frames} frames at {report.cpu_ms:.0f} ms of CPU"
    )
    if out is not None:
        console.print(f"annotated copies in {out}", soft_wrap=True)
