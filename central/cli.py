"""`python -m central`: run the centre, keep hotlists, look at reads and alerts.

Commands import what they need when they are called, so that `--help` is quick.
"""

import os
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from central import (
    backups,
    erasures,
    holds,
    hotlists,
    hunts,
    looks,
    notify,
    questions,
    recovery,
    suppressions,
)
from central.alerts import alerts
from central.api.commands import api
from central.bench.commands import bench
from central.ca.commands import ca
from central.clips import clips
from central.errors import AccessError
from central.options import (
    FILE,
    LANGUAGE,
    Commands,
    configured,
    database,
    now,
    open_console,
    progress,
    style_of,
)


@click.group(cls=Commands, epilog=LANGUAGE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atalaya", prog_name="atalaya central")
def cli() -> None:
    """The centre: alerts, hotlists and the history of every read."""


_QUESTIONS = (
    questions.history,
    questions.counts,
    questions.seen,
    questions.places,
    questions.journey,
    questions.clones,
    questions.heatmap,
    questions.volumes,
)
_LOOKS = (alerts, looks.picture, looks.tail, looks.dead_letters)
for _command in (
    *_QUESTIONS,
    *_LOOKS,
    recovery.verify,
    clips,
    hotlists.hotlist,
    hunts.hunt,
    notify.notify,
    holds.hold,
    suppressions.suppress,
    erasures.erase,
    backups.backup,
    backups.restore,
    ca,
    api,
    bench,
):
    cli.add_command(_command)


@cli.command()
@configured
def serve(config: Path) -> None:
    """Take reads from the broker until it is stopped (SIGTERM, Ctrl-C)."""
    from central import service
    from central.settings import load

    settings = load(config)
    service.log_to_stderr()
    sys.exit(service.serve(settings))


@cli.command("check-config")
@click.argument("file", type=FILE, required=False)
@configured
@click.pass_context
def check_config(context: click.Context, file: Path | None, config: Path) -> None:
    """Say what the configuration FILE means, or what is wrong with it (exit code 2)."""
    from central.archive.place import archive_of
    from central.db import described
    from central.query.cameras import load_cameras
    from central.query.stations import load_stations
    from central.settings import check_files, load
    from edge.contract.topics import PARTITIONS

    if file is not None and context.get_parameter_source("config") is ParameterSource.COMMANDLINE:
        raise click.UsageError("name one configuration file: FILE or --config FILE")
    path = file or config
    settings = load(path)
    broker = settings.mqtt
    check_files(path, settings)
    cameras = load_cameras(settings.cameras_file)
    stations = load_stations(settings.stations_file, cameras)
    security = "TLS" if broker.tls else "no TLS"
    click.echo(f"broker    {broker.host}:{broker.port}, MQTT {broker.protocol}, {security}")
    click.echo(f"consumer  {broker.client_id}, {len(broker.partitions)} of {PARTITIONS} partitions")
    click.echo(f"database  {described(settings.database_url)}")
    click.echo(f"archive   {archive_of(settings)}, sealed every {settings.archive.seal_s:g} s")
    storage = settings.storage
    place = f", then s3 bucket {storage.bucket}" if storage.kind == "s3" else ""
    click.echo(f"pictures  {settings.pictures.path}{place}, kept {settings.pictures.keep_days} days")
    click.echo(f"backups   {settings.backup.path or 'into no folder of their own'}")
    click.echo(f"cameras   {len(cameras)} with a place")
    click.echo(f"stations  {len(stations.names) or 'none'}")
    told = ", ".join(f"{each.name} ({each.kind}{', plates' * each.plates})" for each in settings.notify)
    click.echo(f"notified  {told or 'nobody'}")
    click.echo(f"times     shown in {settings.site_timezone}")
    click.echo("nothing wrong found")


@cli.command()
@configured
def seal(config: Path) -> None:
    """Move what is hot into the archive now; says how many reads of which day (of UTC, as they are archived)."""
    from central.archive.place import archive_of
    from central.archive.write import seal as seal_now

    with database(config) as (settings, engine):
        archive = archive_of(settings)
        days = seal_now(engine, archive, clock=now)
    for day in days:
        click.echo(f"{day.captured_date} UTC  {day.rows}")
    click.echo(f"{sum(day.rows for day in days)} archived in {archive}")


@cli.command()
@configured
def maintain(config: Path) -> None:
    """Remove what is over, close days, derive the copy by plate, merge months, sweep.

    Over are reads after archive.keep_days and pictures after pictures.keep_days, where no hold keeps them, and
    the entries of lists of events. Beside a running centre too.
    """
    from central.archive.place import archive_of
    from central.events import purge_events
    from central.maintain import maintain as maintain_now
    from central.maintain import maintain_pictures, maintain_retention

    with database(config) as (settings, engine), progress() as tell:
        done = maintain_now(engine, archive_of(settings), settings.archive, clock=now, on_step=tell)
        removed = maintain_retention(engine, archive_of(settings), settings, clock=now, on_step=tell)
        pictures = maintain_pictures(engine, settings, clock=now, on_step=tell)
        events = purge_events(engine, settings, clock=now, on_step=tell)
    days = {day for removal in removed for day in removal.days}
    held = sum(removal.held for removal in removed)
    click.echo(f"removed  {sum(removal.rows for removal in removed)} rows of {len(days)} days, {held} held")
    click.echo(f"closed   {len(done.closed)} days")
    click.echo(f"derived  {len(done.derived)} days")
    click.echo(f"merged   {len(done.merged)} months")
    click.echo(f"swept    {done.swept} files")
    for name in done.mended.aside:
        click.echo(f"DAMAGED  {name}: set aside")
    for name in (*done.mended.rebuilt, *done.mended.again):
        click.echo(f"mended   {name}")
    click.echo(f"pictures {pictures.dropped} removed, {pictures.kept} kept, {pictures.damaged} damaged")
    click.echo(f"events   {len(events)} over, {sum(each.entries for each in events)} entries deleted")


@cli.command()
@configured
def health(config: Path) -> None:
    """Edge boxes and cameras, as the boxes told last, and when; a `silent` one has missed three messages.

    Below them who is told of alerts, and what waits for each or was given up.
    """
    from central.boxes import cameras_table, edges_table
    from central.outbox.listing import standings, standings_table
    from central.query.lists import edges

    with database(config) as (settings, engine):
        found, style = edges(engine), style_of(settings)
        told = standings(engine, (each.name for each in settings.notify))
    console = open_console()
    tables = [table(found, style, now=now()) for table in (edges_table, cameras_table)]
    console.print(tables[0], "", tables[1], sep="\n")
    if told:
        console.print("", standings_table(told, style), sep="\n")


@cli.group(cls=Commands)
def audit() -> None:
    """The log of who looked at what."""


audit.add_command(looks.list_audit)


@audit.command("verify")
@configured
def verify_audit(config: Path) -> None:
    """Follow the log's chain; the first row that was touched is named (exit code 2). Note the head elsewhere."""
    from central.access.audit import verify
    from central.access.key import read_key

    with database(config) as (settings, engine):
        verdict = verify(engine, read_key(settings.access.key_file))
    click.echo(f"{verdict.rows} rows, head {verdict.head}")
    if verdict.fault:
        raise AccessError(f"audit log: {verdict.fault}")


def main() -> None:
    """Run the command line; what it writes, reads and plates among it, is its user's alone."""
    os.umask(0o077)
    cli(prog_name="python -m central")
