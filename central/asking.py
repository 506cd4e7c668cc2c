"""What the commands that ask about reads have in common: which reads, and in which form the answer goes out."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from central.looks import open_for, span
from central.options import (
    FILE,
    configured,
    form_of,
    formed,
    in_time,
    limited,
    looking,
    open_console,
    style_of,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from central.archive.set_aside import Missing
    from central.query.area import Area
    from central.query.cameras import CameraPlace
    from central.query.desk import Desk
    from central.query.logged import Form
    from central.query.plan import Question
    from central.show import Style

_F = TypeVar("_F", bound=Callable[..., Any])


def answered(limit: int) -> Callable[[_F], _F]:
    """In which form the answer goes out, a Parquet file among them, how many rows at most, to whom, and from where."""
    parquet = click.option(
        "--parquet", type=FILE, metavar="FILE", help="write a Parquet file, which you alone can read"
    )

    def with_options(command: _F) -> _F:
        return formed(parquet(limited(limit)(looking(configured(command)))))

    return with_options


def where_and_when(command: _F) -> _F:
    """Which cameras and when: `cameras`, `area`, `since`, `until`."""
    cameras = click.option(
        "--camera", "cameras", multiple=True, metavar="CAMERA", help="here; may be repeated"
    )
    area = click.option(
        "--area",
        metavar="AREA",
        help="within latitude,longitude,radius in metres, or the polygons of a GeoJSON file",
    )
    return cameras(area(in_time(command)))


def alike_too(command: _F) -> _F:
    """Whether look-alikes are meant too: `alike`."""
    return click.option(
        "--alike",
        is_flag=True,
        help="look-alikes too: 0 O D Q, 1 I L, 2 Z, 5 S, 6 G and 8 B are taken for one another",
    )(command)


def about_reads(command: _F) -> _F:
    """Which reads: `plate`, `alike` and what `where_and_when` gives."""
    return click.argument("plate", required=False)(alike_too(where_and_when(command)))


class _Answer(Protocol):
    """What every answer about reads says of itself."""

    @property
    def cut(self) -> bool: ...

    @property
    def missing(self) -> "tuple[Missing, ...]": ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way, and whom the answer is for.

    Attributes:
        file: for Parquet.
        cameras: names and places, as far as somebody told them.
    """

    desk: "Desk"
    question: "Question"
    style: "Style"
    form: "Form"
    file: Path | None
    cameras: "Mapping[str, CameraPlace]"

    def named(self, camera_id: str) -> str:
        """A camera's id with what people call it."""
        told = self.cameras.get(camera_id)
        return f"{camera_id} {told.name}" if told and told.name else camera_id

    def hand_out(
        self,
        name: str,
        rows: Sequence[object],
        table: "Callable[[Console], RenderableType]",
        *,
        kind: type[Any],
        answer: "_Answer",
        **more: object,
    ) -> None:
        """Give the rows of a kind in the form that was asked for; say what is missing, and where they were cut."""
        from central.parquet import write_parquet
        from central.show import as_json, missing_line, write_csv

        if self.file is not None:
            write_parquet(self.file, rows, kind=kind)
            click.echo(f"{self.file}: {len(rows)}", err=True)
        elif self.form == "json":
            lacking = [{**asdict(each), "day": str(each.day)} for each in answer.missing]
            click.echo(as_json(name, rows, self.style, **more, cut=answer.cut, missing=lacking))
        elif self.form == "csv":
            write_csv(rows, sys.stdout, self.style, kind=kind)
        else:
            console = open_console()
            console.print(table(console))
        for each in answer.missing:
            click.echo(missing_line(each, self.style), err=True)
        if answer.cut:
            click.echo(self.style.words("more"), err=True)


@contextmanager
def asking(config: Path, asked: dict[str, Any]) -> "Iterator[Asked]":
    """What the options ask, at the desk of who asks."""
    from central.query.cameras import load_cameras

    file: Path | None = asked["parquet"]
    form = form_of(as_document=asked["as_document"], as_sheet=asked["as_sheet"], as_parquet=file is not None)
    with open_for(config, asked) as (desk, settings):
        style = style_of(settings)
        cameras = load_cameras(settings.cameras_file)
        yield Asked(desk, _question(asked, style, cameras), style, form, file, cameras)


def _question(asked: dict[str, Any], style: "Style", cameras: "Mapping[str, CameraPlace]") -> "Question":
    from central.query.pattern import compile_pattern, is_pattern
    from central.query.plan import Question

    plate, alike = asked.get("plate"), asked.get("alike", False)
    if alike and plate is None:
        raise click.UsageError("--alike goes with a PLATE")
    pattern = compile_pattern(plate, alike=alike) if plate and (alike or is_pattern(plate)) else None
    since, until = span(asked, style)
    return Question(
        None if pattern else plate,
        pattern,
        asked["cameras"],
        _area(asked["area"], style, cameras),
        since=since,
        until=until,
        limit=asked["limit"],
    )


def _area(typed: str | None, style: "Style", cameras: "Mapping[str, CameraPlace]") -> "Area | None":
    from central.query.area import area_of, read_shape

    if typed is None:
        return None
    area = area_of(read_shape(typed), {name: camera.position for name, camera in cameras.items()})
    if not area.cameras:
        click.echo(style.words("no_camera_there"), err=True)
    return area
