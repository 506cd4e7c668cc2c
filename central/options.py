"""What the commands of the centre have in common: their options, and what they work with."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from central.errors import CentralError, QueryError, StoreError

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Engine

    from central.maintain import Step
    from central.query.logged import Form
    from central.settings import CentralSettings
    from central.show import Style
    from edge.contract.read import ReadId

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)

LANGUAGE: Final = (
    "Tables speak Spanish; English where LC_ALL, LC_MESSAGES or LANG begins with en, as in "
    "LANG=en python -m central health. ATALAYA_CENTRAL_CONFIG names the configuration file where --config does not."
)

_FILE_COLUMNS: Final = 220
_READ: Final = re.compile(r"([a-z0-9][a-z0-9._-]{0,62})/([1-9][0-9]{0,15})/([1-9][0-9]{0,15})")

_F = TypeVar("_F", bound=Callable[..., Any])


class _FaultError(click.ClickException):
    """A fault of ours, said plainly; exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:  # noqa: ANN401, ARG002  # as click declares it
        click.echo(f"error: {self.message}", err=True)


class Commands(click.Group):
    """Commands whose faults are told and not traced, and whose summaries are whole sentences."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # as click declares it
        """Run the command; a fault of ours becomes a line, Ctrl-C an end without words."""
        try:
            return super().invoke(ctx)
        except CentralError as error:
            raise _FaultError(str(error)) from error
        except KeyboardInterrupt:
            ctx.exit(130)  # as a shell has it; click would say "Aborted!"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line or more a command, cut nowhere."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(500)) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def configured(command: _F) -> _F:
    """The configuration file, as `config`."""
    return click.option(
        "--config",
        type=FILE,
        default="central.yaml",
        show_default=True,
        envvar="ATALAYA_CENTRAL_CONFIG",
        show_envvar=True,
        help="configuration file (configs/central.yaml explains it)",
    )(command)


def looking(command: _F) -> _F:
    """Who, why, for which case: `actor`, `purpose`, `case_number`; `access` refuses where one is missing."""
    for flag, name, metavar, text in (
        ("--case", "case_number", "NUMBER", "case that the look is for"),
        ("--purpose", "purpose", "TEXT", "why you look"),
        ("--as", "actor", "WHO", "who looks"),
    ):
        told = f"{text}; compulsory, and kept in the audit log"
        command = click.option(flag, name, metavar=metavar, help=told)(command)
    return command


def limited(default: int) -> Callable[[_F], _F]:
    """How many rows, as `limit`."""
    return click.option(
        "--limit", type=click.IntRange(1), default=default, show_default=True, help="rows at most"
    )


def in_time(command: _F) -> _F:
    """When: `since`, `until`."""
    for flag, name, text in (
        ("--to", "until", "before; a date alone is meant with its day"),
        ("--from", "since", "since: 2026-03-04 or 2026-03-04T17:30, in the site's time"),
    ):
        command = click.option(flag, name, metavar="TIME", help=text)(command)
    return command


def formed(command: _F) -> _F:
    """In which form the answer goes out: `as_document`, `as_sheet`."""
    command = click.option("--csv", "as_sheet", is_flag=True, help="one line a row, for spreadsheets")(
        command
    )
    return click.option("--json", "as_document", is_flag=True, help="one JSON document, with every detail")(
        command
    )


def form_of(*, as_document: bool, as_sheet: bool, as_parquet: bool = False) -> "Form":
    """The one form that was asked for.

    Raises:
        click.UsageError: there are two.
    """
    if as_document + as_sheet + as_parquet > 1:
        raise click.UsageError("name one form: --json, --csv or --parquet")
    return "json" if as_document else "csv" if as_sheet else "parquet" if as_parquet else "table"


def now() -> datetime:
    """The clock of the command line, UTC."""
    return datetime.now(UTC)


def style_of(settings: "CentralSettings") -> "Style":
    """Times in the site's zone, words in the language of the environment."""
    from zoneinfo import ZoneInfo

    from central.show import Style
    from central.words import words

    return Style(ZoneInfo(settings.site_timezone), words(os.environ))


def open_console() -> "Console":
    """Standard output; wide where it is no terminal, so that a row stays a line."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_FILE_COLUMNS)


def read_id(text: str) -> "ReadId":
    """What a read is named by.

    Raises:
        QueryError: it is no such name.
    """
    from edge.contract.read import ReadId

    match = _READ.fullmatch(text)
    if match is None:
        raise QueryError(
            f"not a read: {text[:80]!r}; expected EDGE/EPOCH/SEQ, as in edge-1/1772366400000000/17"
        )
    return ReadId(match[1], int(match[2]), int(match[3]))


@contextmanager
def progress() -> "Iterator[Callable[[Step], None]]":
    """A bar on standard error for long work; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=step.what, completed=step.done, total=step.of)


@contextmanager
def database(config: Path) -> "Iterator[tuple[CentralSettings, Engine]]":
    """The configuration and its database.

    Raises:
        ConfigError: the file is wrong.
        StoreError: the database cannot be opened or used.
    """
    from central.db import open_database
    from central.settings import load

    settings = load(config)
    engine = open_database(settings.database_url)
    try:
        with told_plainly(settings.database_url):
            yield settings, engine
    finally:
        engine.dispose()


@contextmanager
def told_plainly(url: str) -> Iterator[None]:
    """A fault of the database as one of ours.

    Raises:
        StoreError: says which database it is, and what it said.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from central.db import described

    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"database {described(url)}: {getattr(error, 'orig', None) or error}") from error
