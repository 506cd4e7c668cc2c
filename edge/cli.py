"""`python -m edge`: run a box, check its configuration, replay recordings.

Commands import what they need when they are called, so that `--help` is quick.
"""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import click
import structlog

from edge.errors import ConfigError, EdgeError
from edge.number import Number

# Before numpy is imported: its BLAS would keep a thread spinning on every core for products that take microseconds,
# and the analysers are the parallelism.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SUMMARY = 500  # characters: a whole sentence
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


class _FaultError(click.ClickException):
    """A fault of ours, said in one line; exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:  # noqa: ANN401, ARG002  # as click declares it
        click.echo(f"error: {self.message}", err=True)


class _Commands(click.Group):
    """Commands of which some lie in modules that are imported only when they are called."""

    ELSEWHERE: ClassVar = {
        "bench": ("edge.bench.commands", "Measure recognition and speed."),
        "enroll": (
            "edge.enroll.commands",
            "The box's certificate: ask the city's authority for one, and use it.",
        ),
        "discover": ("edge.discover", "Find the ONVIF cameras of this network."),
        "probe": (
            "edge.probe.commands",
            "Say of a camera whether plates can be read with it, and what to better.",
        ),
        "replay": ("edge.replay.commands", "Read the plates of a recording or of pictures."),
        "simulate": ("edge.simulate.commands", "Simulated cameras, for tests and the demo."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(self.ELSEWHERE[cmd_name][0])
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101  # a fault in our own table
        if isinstance(command, click.Group):
            for each in command.commands.values():  # of a group of its own click would cut the summaries
                each.short_help = each.get_short_help_str(_SUMMARY)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(ctx, name)) for name in self.list_commands(ctx)])

    def _summary(self, ctx: click.Context, name: str) -> str:
        if name in self.ELSEWHERE:
            return self.ELSEWHERE[name][1]
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_SUMMARY) if command else ""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # as click declares it
        try:
            return super().invoke(ctx)
        except EdgeError as error:
            raise _FaultError(str(error)) from error
        except KeyboardInterrupt:
            ctx.exit(130)  # as a shell has it; click would say "Aborted!"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atalaya", prog_name="atalaya edge")
def cli() -> None:
    """Licence-plate recognition at the camera."""


@cli.command()
@click.option(
    "--config", type=_FILE, required=True, help="configuration file (configs/edge.yaml explains it)"
)
def run(config: Path) -> None:
    """Read the cameras of a box until it is stopped (SIGTERM, Ctrl-C)."""
    from edge import check, settings, worker

    loaded = settings.load(config)
    _refuse(config, check.faults(loaded))
    _log_to_stderr()
    worker.run(loaded)


@cli.command("check-config")
@click.argument("file", type=_FILE, required=False)
@click.option("--config", type=_FILE, help="the same, named as `run` names it")
def check_config(file: Path | None, config: Path | None) -> None:
    """Say what the configuration FILE means, or what is wrong with it (exit code 2)."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from edge import check, settings

    path = file or config
    if path is None or (file and config):
        raise click.UsageError("name one configuration file: FILE or --config FILE")
    loaded = settings.load(path)
    table = Table(title=f"{loaded.edge_id} at {loaded.site_id}", title_justify="left")
    for column in ("camera", "stream", "analyses", "plates"):
        table.add_column(column, overflow="fold")
    for camera in loaded.cameras:
        user = f" as {camera.username}" if camera.username else ""
        when = "when something moves" if camera.motion_gate else "always"
        where = f"within {len(camera.region)} corners" if camera.region else "everywhere"
        common = ", ".join(f"{country} {weight:g}" for country, weight in camera.countries.items())
        table.add_row(
            camera.id,
            escape(f"{camera.shown_url} ({camera.transport}){user}"),
            f"{camera.analyse_fps:g} frames/s {when}",
            f"from {camera.min_plate_px} px, {where}, of {common or 'any country'}",
        )
        if camera.ptz is not None:
            stops = ", ".join(f"{preset.name} {preset.dwell_s:g} s" for preset in camera.ptz.presets)
            table.add_row("", f"turns: {stops}", "while it stands there", "as each preset has it")
    console = Console()
    console.print(table)
    security = "TLS" if loaded.mqtt.tls else "no TLS"
    console.print(f"broker  {loaded.mqtt.host}:{loaded.mqtt.port}, MQTT {loaded.mqtt.protocol}, {security}")
    if loaded.mqtt.tls and loaded.mqtt.tls.cert_file:
        console.print(f"        {_certificate(loaded.mqtt.tls.cert_file)}", soft_wrap=True)
    console.print(f"spool   {loaded.spool.path}, at most {loaded.spool.max_bytes / 1e9:g} GB", soft_wrap=True)
    console.print(f"engine  {loaded.engine}, {loaded.threads} thread(s) a net")
    _refuse(path, check.faults(loaded))
    console.print(
        "[green]nothing wrong found[/green]; cameras and broker were not asked: edge probe, edge run"
    )


@cli.command()
@click.option("--config", type=_FILE, required=True, help="configuration file of the box that runs")
@click.option(
    "--within",
    type=Number(1),
    default=60.0,
    show_default=True,
    help="oldest look at itself, seconds",
)
def alive(config: Path, within: float) -> None:
    """Say whether the box of this configuration runs and looks at itself (exit code 2: no); needs metrics_port."""
    from datetime import UTC, datetime

    from edge import metrics, settings
    from edge.errors import WorkerError

    port = settings.load(config).health.metrics_port
    if port is None:
        raise ConfigError(f"{config}: health.metrics_port: needed, but null: the box is asked there")
    age_s = metrics.look_age_s(port, now=datetime.now(UTC))
    if age_s > within:
        raise WorkerError(f"the box has not looked at itself for {age_s:.0f} s")
    click.echo(f"alive: looked at itself {max(age_s, 0.0):.1f} s ago")


@cli.command()
@click.option("--out", type=_NEW_FOLDER, help="write one file a schema into this folder")
def schema(out: Path | None) -> None:
    """JSON Schemas of the messages and of the configuration."""
    from edge.schema import documents

    for name, text in documents().items():
        if out is None:
            click.echo(text)
        else:
            _write(out, name, text)
            click.echo(out / name)


def _certificate(path: Path) -> str:
    """How long our certificate holds, in words."""
    from datetime import UTC, datetime

    from edge.certificate import days_left, fault

    days = days_left(path, clock=lambda: datetime.now(UTC))()
    if days is None:
        return f"certificate {path} cannot be read"
    return fault(days) or f"certificate for {days:.0f} more days"


def _write(out: Path, name: str, text: str) -> None:
    """Write a file into a folder, which is made where it is missing.

    Raises:
        ConfigError: one of them cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}: {error.filename}") from error


def _refuse(file: Path, found: Sequence[tuple[str, str]]) -> None:
    """Name the faults by line and key; return where there are none.

    Raises:
        ConfigError: there are some.
    """
    from edge.contract.config import fault
    from edge.contract.document import line_finder, read

    if found:
        line_of = line_finder(read(file)[0])
        said = (fault(key, message, line_of=line_of) for key, message in found)
        raise ConfigError("\n".join((f"{file}:", *said)))


def _log_to_stderr() -> None:
    """One line an event: time (UTC), level, event, key=value; below it a fault's traceback, without variables.

    The variables of a traceback would hold the plates that the box was at: a log file stands behind no role.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def main() -> NoReturn:
    """The entry point."""
    os.umask(0o077)  # what is written here holds reads: the spool's database, pictures, answers
    cli(prog_name="python -m edge")
    raise AssertionError("click ends the process")
