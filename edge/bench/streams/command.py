"""`python -m edge bench streams`."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import cv2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.bench.streams import footage
from edge.bench.streams.baseline import decode_s, read_every_frame
from edge.bench.streams.footage import Footage, Recipe
from edge.bench.streams.load import Plan, Reference, Result, run
from edge.engine import build
from edge.settings import CameraSettings, VoteSettings

LOADS: Final[dict[str, tuple[Recipe, ...]]] = {"street": footage.STREET, "busy": footage.BUSY}
_CAMERA: Final[dict[str, Any]] = {
    "min_plate_px": 56,  # the clips call plates from 60 px on legible
    "countries": {"CO": 1.0, "VE": 0.02, "EC": 0.02},
}
_REAL_PLACE: Final = 2  # behind one of each rate
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


class _Bar:
    """Progress of one thing after the other, in one line each."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: float, total: float) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
            if not self._progress.console.is_terminal:
                click.echo(name, err=True)
        self._progress.update(self._tasks[name], completed=done, total=total)


@click.command()
@click.option("--cameras", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(10), default=60.0, show_default=True, help="of each load, measured"
)
@click.option("--load", "loads", type=click.Choice(list(LOADS)), multiple=True, help="only this load")
@click.option(
    "--times", type=click.IntRange(1, 50), default=1, help="each clip so often, with other noise each time"
)
@click.option(
    "--videos", type=_FOLDER, default=Path("sample_videos"), show_default=True, help="clips and their truth"
)
@click.option(
    "--data",
    type=_FOLDER,
    default=Path("../shared/data"),
    show_default=True,
    help="real pictures; busy's third camera shows their video/cars.mp4, where that is",
)
@click.option(
    "--work",
    type=_FOLDER,
    default=Path("../atalaya-work/streams"),
    show_default=True,
    help="where the streams made from them are kept",
)
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of a table")
def streams(  # noqa: PLR0913  # one parameter an option
    *,
    cameras: int,
    seconds: float,
    loads: tuple[str, ...],
    times: int,
    videos: Path,
    data: Path,
    work: Path,
    as_json: bool,
) -> None:
    """Put a box under load: simulated cameras over RTSP, its processor time against that of plain decoding.

    street: vehicles a quarter of the time; busy: always. Both with a sensor's noise, at constant and variable rate.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    found: dict[str, Result] = {}
    cv2.setNumThreads(1)
    with Progress(*columns, console=console) as progress:
        bar = _Bar(progress)
        for name in loads or LOADS:
            clips = _clips(name, videos=videos, data=data)[:cameras]
            films = [
                footage.make(replace(recipe, times=times), videos=place, folder=work, progress=bar)
                for recipe, place in clips
            ]
            with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as folder:
                found[name] = run(
                    Plan(films, cameras, seconds, _CAMERA),
                    _references(films, bar),
                    folder=Path(folder),
                    tick=partial(bar, f"{name}: {cameras} cameras", total=seconds),
                )
    if as_json:
        click.echo(json.dumps({name: result.as_json() for name, result in found.items()}))
    else:
        _show(found)


def _clips(load: str, *, videos: Path, data: Path) -> list[tuple[Recipe, Path]]:
    """What the cameras of a load show in turn, each with its folder; the real one where that is."""
    clips = [(recipe, videos) for recipe in LOADS[load]]
    if load == "busy" and (data / "video" / footage.REAL.source).is_file():
        clips.insert(_REAL_PLACE, (footage.REAL, data / "video"))
    return clips


def _references(films: Sequence[Footage], bar: _Bar) -> dict[Footage, Reference]:
    engine = build("openvino", threads=1)
    references = {}
    for number, film in enumerate(films, start=1):
        camera = CameraSettings(
            id="reference", url="rtsp://127.0.0.1/none", region=film.recipe.region, **_CAMERA
        )
        readable = read_every_frame(film, camera=camera, vote=VoteSettings(), engine=engine)
        references[film] = Reference(decode_s(film), readable)
        bar("every frame read, and plainly decoded", number, len(films))
    return references


def _show(found: dict[str, Result]) -> None:
    table = Table(title="A box under load")
    table.add_column("")
    for name in found:
        table.add_column(name, justify="right")
    rows = {name: asdict(result) for name, result in found.items()}
    for key in next(iter(rows.values())):
        values = [rows[name][key] for name in found]
        table.add_row(key, *(f"{v:.3g}" if isinstance(v, float) else str(v) for v in values))
    Console().print(table)
