"""`python -m edge replay`."""

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click
import structlog
from rich.console import Console
from rich.progress import Progress, TaskID

from edge.capture.film import minutes
from edge.capture.video import PICTURE_SUFFIXES, FolderSource, VideoSource
from edge.engine import build
from edge.errors import ConfigError, LostError
from edge.number import Number
from edge.replay.options import Options
from edge.replay.output import beside
from edge.replay.recording import Recording
from edge.replay.run import Replay
from edge.replay.session import Outcome, Session
from edge.replay.show import as_json as told_as_json
from edge.replay.show import print_pictures, print_reads, print_recordings, progress_bar
from edge.settings import VoteSettings
from edge.types import Frame

_MOST_S = 1e9  # 31 years: further off no clock is
_OFFSET = Number(-_MOST_S, _MOST_S)
_PATH = click.Path(exists=True, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("paths", type=_PATH, nargs=-1, required=True)
@click.option(
    "--out",
    type=_FOLDER,
    help="write annotated copies and a picture of each read into this folder; of the files there only those "
    "that an earlier replay wrote are replaced; one that was broken off goes on where it was",
)
@click.option(
    "--publish",
    type=_FILE,
    help="edge.yaml of an edge of its own: what is read goes into its spool and to the centre, each read once",
)
@click.option("--camera", help="which camera of that edge took the recording; without --publish its name")
@click.option("--start", help="when the recording began, such as 2026-03-01T12:00:00-05:00")
@click.option("--zone", help="zone of times that name none, such as America/Bogota or -05:00")
@click.option(
    "--start-from",
    type=click.Choice(["container", "name", "gpx", "modified"]),
    help="believe no other source of when recordings began",
)
@click.option("--name-format", help="date and time in file names, such as DVR-%d%m%Y-%H%M%S")
@click.option(
    "--clock-offset",
    type=_OFFSET,
    default=0.0,
    help="seconds to add to what files say: their clock was wrong",
)
@click.option("--join", is_flag=True, help="all files are parts of one recording, in this order")
@click.option("--gpx", type=_FILE, help="GPX track of where the camera was: each read gets its position")
@click.option(
    "--gpx-offset",
    type=_OFFSET,
    default=0.0,
    help="seconds to add to the track's times to meet the recording's",
)
@click.option(
    "--gpx-gap",
    type=Number(0, 3600),
    default=10.0,
    show_default=True,
    help="between points further apart, seconds, there is no position",
)
@click.option("--moving", is_flag=True, help="the camera itself moved: body, car, aircraft")
@click.option("--again", is_flag=True, help="begin anew, also what was read already")
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of a table")
@click.option(
    "--country", "countries", multiple=True, metavar="CO=1", help="how common a country's plates are"
)
@click.option("--fps", type=Number(0.1, 60), help="frames analysed a second  [default: 8]")
@click.option("--seconds", type=Number(0.1, _MOST_S), help="only the first so many seconds of a recording")
@click.option(
    "--min-plate-px", type=click.IntRange(8, 2000), help="narrower plates are not read  [default: 40]"
)
@click.option("--engine", type=click.Choice(["openvino", "torch"]), default="openvino", show_default=True)
@click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="threads of each net"
)
def replay(paths: tuple[Path, ...], **given: Any) -> None:  # noqa: ANN401  # click passes every option apart
    """Read the plates of PATHS: recordings, as fast as the machine goes; or a picture, or a folder of pictures.

    Exit code 1: some of the files could not be read, or not to their end; 2: none could.
    """
    # The output is the answer; what the publisher logs goes beside it.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    options = Options(**given)
    pictures = [path for path in paths if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES]
    if pictures and (len(paths) > 1 or options.publish is not None):
        raise ConfigError(
            f"{pictures[0]}: pictures go alone, one folder or picture a call, and are not published"
        )
    if pictures:
        _pictures(pictures[0], options)
    else:
        _recordings(paths, options)


def _recordings(paths: Sequence[Path], options: Options) -> None:
    with progress_bar() as bar:
        watch = _Watch(bar)
        session = Session(
            options,
            engine=lambda: build(options.engine, threads=options.threads),
            watch=watch.frame,
            told=watch.say,
        )
        outcomes = session.run(paths)
    if all(outcome.report is None for outcome in outcomes):
        raise LostError("\n".join(outcome.fault for outcome in outcomes))
    if options.as_json:
        source = str(paths[0]) if len(paths) == 1 else " ".join(map(str, paths))
        click.echo(json.dumps(told_as_json(outcomes, source=source, published=session.published), indent=2))
    else:
        console = Console()
        print_reads(console, outcomes)
        print_recordings(console, outcomes)
        if options.out is not None:
            console.print(f"annotated copies in {options.out}", soft_wrap=True, markup=False)
    if session.published is not None and not session.published.is_delivered:
        why = f" ({session.published.fault})" if session.published.fault else ""
        click.echo(
            f"{session.published.messages} messages wait in the spool for the centre{why}: the same command, or "
            "the box that owns the spool, delivers them",
            err=True,
        )
    if any(_is_faulty(outcome) for outcome in outcomes):
        raise SystemExit(1)


def _is_faulty(outcome: Outcome) -> bool:
    return bool(outcome.fault) or outcome.report is None or bool(outcome.report.figures.faults)


class _Watch:
    """Moves the bar on."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._recording: Recording | None = None

    def frame(self, recording: Recording) -> None:
        media_s = recording.figures.media_s
        if recording is not self._recording or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._recording = recording
            self._task = self._bar.add_task("", total=recording.length_s, is_time=True)
        self._bar.update(self._task, completed=media_s, description=f"{recording.name} {minutes(media_s)}")

    def say(self, words: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task("", total=None)
        self._bar.update(self._task, description=words)


def _pictures(path: Path, options: Options) -> None:
    output = None if options.out is None else beside(options.out, path)
    camera = options.camera_settings(None)
    kind = FolderSource if path.is_dir() else VideoSource
    source = kind(path, camera_id=camera.id, started_at=datetime.fromtimestamp(path.stat().st_mtime, UTC))
    with progress_bar() as bar, closing(_shown(source, bar)) as frames:
        opened = chain([next(frames)], frames)  # faults of the source come now, not after the nets were built
        named = ((source.progress.label if path.is_dir() else path.name, frame) for frame in opened)
        player = Replay(build(options.engine, threads=options.threads), camera=camera, vote=VoteSettings())
        report = player.pictures(named, out=output)
    if options.as_json:
        click.echo(json.dumps({"source": str(path), **report.as_json()}, indent=2))
        return
    console = Console()
    print_pictures(console, report)
    if options.out is not None:
        console.print(f"annotated copies in {options.out}", soft_wrap=True, markup=False)


def _shown(source: VideoSource | FolderSource, bar: Progress) -> Generator[Frame]:
    """The source's frames, under the bar.

    Raises:
        LostError: there is no frame.
    """
    task = bar.add_task("", total=None)
    with closing(source):
        for frame in source.frames():
            yield frame
            now = source.progress
            bar.update(task, description=now.label, completed=now.frames, total=now.total)
