"""The commands that put the whole centre aside, and back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.errors import BackupError
from central.options import FOLDER, configured, database, looking, now, progress, style_of, told_plainly

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from central.backup.make import Made, Place
    from central.backup.restore import Restored
    from central.settings import CentralSettings
    from central.types import Look


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--keep", type=click.IntRange(1), help="so many of the newest snapshots stay; all, if not said")
@click.option("--list", "listing", is_flag=True, help="show the snapshots instead")
@click.option("--verify", "verifying", is_flag=True, help="read every byte of the snapshots instead")
@click.option("--snapshot", metavar="NAME", default="", help="verify this one alone")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@looking
@configured
def backup(folder: Path | None, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Add a snapshot of database, archive and pictures to FOLDER (or `backup.path`), beside a running centre too.

    What an earlier snapshot holds is not copied again. Keys and the configuration are not in it.
    """
    if asked["listing"] + asked["verifying"] > 1:
        raise click.UsageError("name one: --list or --verify")
    if asked["listing"]:
        _list(folder, config, as_document=asked["as_document"])
    elif asked["verifying"]:
        _verify(folder, config, asked)
    else:
        _make(folder, config, asked)


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--snapshot", metavar="NAME", default="", help="this one; the newest, if not said")
@click.option("--without-damaged", is_flag=True, help="leave out damaged files, and say which")
@looking
@configured
def restore(folder: Path | None, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Put a snapshot of FOLDER (or `backup.path`) into the empty place that the configuration names.

    Cut off, it goes on when it is run again. Reads acknowledged after the snapshot are not in it.
    """
    from central.access.audit import AuditLog
    from central.access.key import read_key
    from central.access.look import declare
    from central.backup.make import Place
    from central.backup.restore import Wanted
    from central.backup.restore import restore as put_back
    from central.backup.store import Store
    from central.db import open_database
    from central.settings import load

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    settings = load(config)
    wanted = Wanted(Store(_folder(settings, folder)), asked["snapshot"], asked["without_damaged"])
    key = read_key(settings.access.key_file)
    engine = open_database(settings.database_url, half_restored=True)
    log = AuditLog(engine, key, clock=now)

    def note(connection: "Connection", done: "Restored") -> None:
        log.note(connection, look, "restore", {"snapshot": done.snapshot, "lost": len(done.lost)})

    try:
        with told_plainly(settings.database_url), progress() as tell:
            done = put_back(Place(engine, settings, key, now, tell), wanted, log=note)
    finally:
        engine.dispose()
    for kept in done.lost:
        rows = "" if kept.rows is None else f"  {kept.rows:,} rows"
        click.echo(f"LOST  {kept.name}  {kept.size:,} bytes{rows}", err=True)
    if done.lost:
        click.echo("`verify --mend` mends what stands elsewhere too", err=True)
    click.echo(f"{done.snapshot} restored: {done.rows:,} rows, {done.files:,} files")


def _folder(settings: "CentralSettings", folder: Path | None) -> Path:
    found = folder or settings.backup.path
    if found is None:
        raise BackupError("no folder of backups: name one, or set backup.path")
    return found


def _make(folder: Path | None, config: Path, asked: dict[str, Any]) -> None:
    from central.access.key import open_key
    from central.access.look import declare
    from central.backup.make import Place

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine), progress() as tell:
        key = open_key(settings.access.key_file)
        place = Place(engine, settings, key, now, tell)
        made = _logged(place, look, _folder(settings, folder), asked["keep"])
        style = style_of(settings)
    for pack in made.missing:
        click.echo(f"MISSING  {pack}: its pictures were lost before", err=True)
    if asked["as_document"]:
        from central.show import as_json

        click.echo(as_json("backup", [made], style))
        return
    click.echo(f"{made.snapshot}  {made.files:,} files, {made.size:,} bytes, {made.copied:,} of them new")
    for name in made.removed:
        click.echo(f"removed {name}")


def _logged(place: "Place", look: "Look", folder: Path, keep: int | None) -> "Made":
    """Make it, between two rows of the audit log."""
    from central.access.audit import AuditLog
    from central.backup.make import back_up
    from central.errors import CentralError

    log = AuditLog(place.engine, place.key, clock=now)
    begun = log.begin(look, "backup", {"folder": folder.name})
    try:
        made = back_up(place, folder, keep=keep)
    except (CentralError, KeyboardInterrupt) as error:
        log.fail(look, "backup", begun=begun, why=type(error).__name__)
        raise
    log.end(look, "backup", begun=begun, rows=made.files, more={"snapshot": made.snapshot})
    return made


def _list(folder: Path | None, config: Path, *, as_document: bool) -> None:
    from central.access.key import read_key
    from central.backup.check import listed
    from central.backup.store import Store
    from central.settings import load

    settings = load(config)
    found = listed(Store(_folder(settings, folder)), read_key(settings.access.key_file))
    if as_document:
        from central.show import as_json

        click.echo(as_json("snapshots", found, style_of(settings)))
        return
    for each in found:
        click.echo(f"{each.snapshot}  {each.fault or f'{each.files:,} files, {each.size:,} bytes'}")


def _verify(folder: Path | None, config: Path, asked: dict[str, Any]) -> None:
    from central.access.key import read_key
    from central.backup.check import put_aside, verify
    from central.backup.store import Store
    from central.settings import load

    settings = load(config)
    store = Store(_folder(settings, folder))
    names = [asked["snapshot"]] if asked["snapshot"] else store.names()
    with progress() as tell:
        found = verify(store, read_key(settings.access.key_file), names, on_step=tell)
    if asked["as_document"]:
        from central.show import as_json

        click.echo(as_json("damaged", found, style_of(settings), snapshots=names))
    else:
        for each in found:
            click.echo(f"DAMAGED  {each.snapshot}  {each.file}  {each.place}  {each.why}")
        click.echo(f"{len(names)} snapshots read, {len(found)} files damaged")
    if found and (aside := put_aside(store, found)):
        click.echo(f"{aside} put aside: the next backup copies again what the centre still has", err=True)
    sys.exit(1 if found else 0)
