"""`python -m central bench`: figures of this machine, as tables or as JSON."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from central.errors import ConfigError
from central.options import FILE, FOLDER, Commands, open_console, progress

if TYPE_CHECKING:
    from central.bench.archive import Found


@click.group(cls=Commands)
def bench() -> None:
    """How much the centre takes in, and how fast."""


@bench.command()
@click.option("--reads", type=click.IntRange(100), default=100_000, metavar="N", help="so many (100,000)")
@click.option("--hotlist", type=click.IntRange(0), default=1_000_000, metavar="M", help="entries (1,000,000)")
@click.option("--rate", type=click.FloatRange(1), metavar="R", help="reads a second; else what is taken")
@click.option("--publishers", type=click.IntRange(1, 16), default=2, metavar="P", help="processes (2)")
@click.option("--work", type=FOLDER, help="empty folder to work in, kept; else a temporary one")
@click.option("--json", "as_json", is_flag=True, help="one line of JSON")
def ingest(*, as_json: bool, work: Path | None, **load: int | float | None) -> None:
    """Push reads through mosquitto into a real centre, and count what it holds."""
    from rich.console import Console
    from rich.table import Table

    from central.bench.ingest import Load, run

    with (
        TemporaryDirectory(prefix="atalaya-bench-") as made,
        Console(stderr=True).status("starting") as status,
    ):
        found = run(Load(**load), folder=_empty(work or Path(made)), tell=status.update).as_json()  # type: ignore[arg-type]  # as the options say
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table("figure", "value")
    for name, value in found.items():
        table.add_row(name, str(value))
    open_console().print(table)


@bench.command()
@click.option("--rate", type=click.FloatRange(1), default=100.0, show_default=True, help="alerts a second")
@click.option("--listeners", type=click.IntRange(1, 1000), default=50, show_default=True, help="who follow")
@click.option("--seconds", type=click.FloatRange(1), default=20.0, show_default=True, help="for so long")
@click.option("--hotlist", type=click.IntRange(1), default=20_000, show_default=True, help="entries")
@click.option("--work", type=FOLDER, help="empty folder to work in, kept; else a temporary one")
@click.option("--json", "as_json", is_flag=True, help="one line of JSON")
def alerts(*, as_json: bool, work: Path | None, **load: Any) -> None:  # noqa: ANN401  # options
    """Raise alerts in a real centre, and time from a read's publication until every listener has heard of it."""
    from rich.console import Console

    from central.bench.alerts import Load, run

    with (
        TemporaryDirectory(prefix="atalaya-bench-") as made,
        Console(stderr=True).status("starting") as status,
    ):
        found = run(Load(**load), folder=_empty(work or Path(made)), tell=status.update).as_json()
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        click.echo(f"{name:<12}{value}")


@bench.command()
@click.option("--days", type=click.IntRange(1, 30), default=30, show_default=True, help="of one month")
@click.option("--per-day", type=click.IntRange(1_000), default=4_500_000, show_default=True, help="reads")
@click.option(
    "--link-years", "years", type=click.IntRange(0, 20), default=0, help="link the month under so many years"
)
@click.option(
    "--work", type=FOLDER, required=True, help="where the archive is built; what is there is used again"
)
@click.option(
    "--peer",
    "peers",
    type=click.Choice(["plain", "postgres"]),
    multiple=True,
    help="ask this too, of the same reads (more than once)",
)
@click.option("--json", "as_json", is_flag=True, help="one line of JSON")
def archive(*, as_json: bool, work: Path, **load: Any) -> None:  # noqa: ANN401  # options
    """Build an archive with the centre's own writer and time every kind of question, cold and warm."""
    from central.bench.archive import Load, run
    from central.db import open_database

    work.mkdir(parents=True, exist_ok=True)
    engine = open_database(f"sqlite:///{work}/central.sqlite")
    try:
        with progress() as tell:
            found = run(engine, work, Load(**load), on_step=tell)
    finally:
        engine.dispose()
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        _show(found)


@bench.command()
@click.option("--entries", type=click.IntRange(0), default=20_000, show_default=True, help="of the hotlist")
@click.option("--reads", type=click.IntRange(1_000), default=4_500_000, show_default=True, help="of a day")
@click.option(
    "--seeds", type=click.IntRange(1), default=5, show_default=True, help="days, each of another city"
)
@click.option(
    "--vehicles", type=click.IntRange(100), default=1_600_000, show_default=True, help="of the city"
)
@click.option(
    "--budget", type=click.FloatRange(0), default=20.0, show_default=True, help="false alerts a day"
)
@click.option(
    "--bank", "banks", type=FILE, multiple=True, help="what to replay; else rendered plates as shipped"
)
@click.option(
    "--calibrate", type=FILE, metavar="FILE", help="measure the curve of limits on the other half, into FILE"
)
@click.option("--json", "as_json", is_flag=True, help="one line of JSON")
def match(*, as_json: bool, banks: tuple[Path, ...], calibrate: Path | None, **load: Any) -> None:  # noqa: ANN401  # options
    """Match days of a made-up city against a hotlist: by likelihood, by the exact plate, by one edit."""
    from central.bench import match as bench_match
    from central.bench import replay
    from central.hotlist import budget

    paths = banks or (Path(__file__).parent / "passages.jsonl.gz",)
    asked = bench_match.Load(**load)
    with progress() as tell:
        if calibrate is not None:
            half = replay.Replay(replay.load(paths, half=0))
            seed = 1_000 + asked.seeds  # none of those that are reported
            city, traffic = bench_match.City(0, seed), bench_match.Traffic(asked.reads, seed)
            curve = bench_match.calibrate(city, half, traffic, tell=tell)
            calibrate.write_text(json.dumps(budget.as_json(curve)) + "\n", encoding="utf-8")
            return
        found = bench_match.run(asked, paths, budget.shipped(), tell=tell)
    if as_json:
        click.echo(json.dumps(found))
        return
    _show_match(found)


def _show_match(found: dict[str, Any]) -> None:
    """A row each way of matching."""
    from rich.table import Table

    table = Table("confusion", "matched by", "false alerts", "misses", "listed passages")
    for confusion, told in (("as it is", found), ("doubled", found["doubled_confusion"])):
        for way, name in (("likelihood", None), ("exact plate", "exact"), ("one edit", "edit1")):
            part = told if name is None else told[name]
            listed = f"{told['listed_passages']:,.0f}" if name is None else ""
            table.add_row(confusion, way, f"{part['false_alerts']:,.1f}", f"{part['misses']:,.1f}", listed)
        table.add_section()
    console = open_console()
    console.print(table)
    for name in ("least", "reads_s", "index_mib"):
        console.print(f"{name:<12}{found[name]:,.2f}")


def _show(found: "Found") -> None:
    """As tables."""
    from rich.table import Table

    console = open_console()
    for name, value in found.as_json().items():
        if name not in ("queries", "peers"):
            console.print(f"{name:<22}{value}")
    table = Table("", "question", "cold ms", "warm ms", "rows")
    answers = {"archive": found.queries} | {name: peer.queries for name, peer in found.peers.items()}
    for place, queries in answers.items():
        for name, took in queries.items():
            table.add_row(place, name, f"{took.cold_ms:.0f}", f"{took.warm_ms:.0f}", f"{took.rows:,}")
        table.add_section()
    console.print(table)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty; name an empty folder, or a new one")
    return folder
