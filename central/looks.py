"""The commands that show reads, or what may hold a plate: none without who, why and for which case."""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.options import (
    FOLDER,
    configured,
    form_of,
    formed,
    in_time,
    limited,
    looking,
    now,
    open_console,
    read_id,
    style_of,
    told_plainly,
)
from edge.contract.files import write_atomic

if TYPE_CHECKING:
    from datetime import datetime

    from central.query.desk import Desk
    from central.query.pictures import Evidence
    from central.settings import CentralSettings
    from central.show import Style


@click.command()
@click.argument("read", metavar="EDGE/EPOCH/SEQ")
@click.option(
    "--out", "folder", type=FOLDER, required=True, help="write them into this folder, for you alone"
)
@looking
@configured
def picture(read: str, folder: Path, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """The pictures of a READ and its clip, as files (`history --json` names edge_id, epoch and seq)."""
    from central.archive.pictures import open_packs

    named = read_id(read)
    with open_for(config, asked) as (desk, settings):
        found = desk.pictures(named, packs=open_packs(settings))
    _write_all(folder, ((each.file_name, data) for each, data in found))


@click.command()
@click.option("--for", "for_s", type=click.FloatRange(min=0), help="seconds; until Ctrl-C where not given")
@looking
@configured
def tail(for_s: float | None, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """The newest reads as they come, and alerts: a live table, or lines where there is no terminal."""
    from central.tail import follow

    with open_for(config, asked) as (desk, settings), _until_stopped(for_s) as over, desk.watching() as watch:
        follow(watch, console=open_console(), style=style_of(settings), clock=now, stop=over.wait)


@click.command("list")
@click.option("--who", metavar="WHO", help="what this person did")
@in_time
@formed
@limited(200)
@looking
@configured
def list_audit(as_document: bool, as_sheet: bool, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Who looked at what, when and why, newest first; this look is in the log too, and on top."""
    from central.query.lists import LoggedAct
    from central.show import as_json, audit_table, write_csv

    form = form_of(as_document=as_document, as_sheet=as_sheet)
    with open_for(config, asked) as (desk, settings):
        style = style_of(settings)
        since, until = span(asked, style)
        acts = desk.audit(who=asked["who"], since=since, until=until, limit=asked["limit"], form=form)
    if form == "json":
        click.echo(as_json("acts", acts, style))
    elif form == "csv":
        write_csv(acts, sys.stdout, style, kind=LoggedAct)
    else:
        open_console().print(audit_table(acts, style))


@click.command("dead-letters")
@limited(50)
@looking
@configured
def dead_letters(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Messages that could not be understood, newest first: when, from where, why (which may name a plate)."""
    from central.show import letters_table

    with open_for(config, asked) as (desk, settings):
        style = style_of(settings)
        found = desk.dead_letters(limit=asked["limit"])
    open_console().print(letters_table(found, style))


@contextmanager
def open_for(config: Path, asked: dict[str, Any]) -> "Iterator[tuple[Desk, CentralSettings]]":
    """A desk for the declared look, which comes first: what is missing is told before anything is opened."""
    from central.access.look import declare
    from central.query.desk import open_desk
    from central.settings import load

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    settings = load(config)
    with told_plainly(settings.database_url), open_desk(settings, look, clock=now) as desk:
        yield desk, settings


def span(asked: dict[str, Any], style: "Style") -> "tuple[datetime | None, datetime | None]":
    """From when to when the options of `in_time` ask; None: without such a bound.

    Raises:
        QueryError: one of them is no time.
    """
    from central.query.when import moment

    since, until = (asked[name] for name in ("since", "until"))
    return (
        None if since is None else moment(since, zone=style.zone),
        None if until is None else moment(until, zone=style.zone, end=True),
    )


def write_evidence(settings: "CentralSettings", folder: Path, evidence: "Sequence[Evidence]") -> None:
    """Write the pictures and clips of alerts into a folder, for you alone.

    Raises:
        StoreError: one of them cannot be read or written.
    """
    from central.archive.pictures import open_packs
    from central.query.pictures import read_whole

    packs = open_packs(settings)
    _write_all(
        folder,
        (
            (f"alert-{each.alert_id}-{each.picture.file_name}", read_whole(packs, each.picture))
            for each in evidence
        ),
    )


def _write_all(folder: Path, pictures: "Iterable[tuple[str, bytes]]") -> None:
    """Write files into a folder, which is made, for their owner alone.

    Raises:
        StoreError: it cannot be written.
    """
    from central.errors import StoreError

    count = 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in pictures:
            write_atomic(folder / name, data)
            count += 1
    except OSError as error:
        raise StoreError(f"{folder}: pictures cannot be written: {error.strerror}") from error
    click.echo(f"{folder}: {count} pictures", err=True)


@contextmanager
def _until_stopped(for_s: float | None) -> Iterator[threading.Event]:
    """An event that SIGTERM, Ctrl-C or the end of the time sets."""
    over = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: over.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    timer = threading.Timer(for_s or 0, over.set)
    timer.daemon = True
    if for_s is not None:
        timer.start()
    try:
        yield over
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
