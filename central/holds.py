"""The commands that keep reads beyond their time: a hold is entered, listed, lifted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.options import (
    Commands,
    configured,
    database,
    in_time,
    looking,
    now,
    open_console,
    read_id,
    style_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from central.access.key import AuditKey
    from central.archive.holds import Hold
    from central.archive.visible import Term
    from central.settings import CentralSettings


@click.group(cls=Commands)
def hold() -> None:
    """Reads that must outlive their time, by order of a court or an authority."""


@hold.command("add")
@click.argument("plate", required=False)
@click.option("--camera", metavar="CAMERA", help="everything of this camera; needs --from and --to")
@click.option("--read", metavar="EDGE/EPOCH/SEQ", help="this read alone")
@click.option("--basis", "legal_basis", required=True, metavar="TEXT", help="who ordered it, by which law")
@in_time
@looking
@configured
def add_hold(config: Path, legal_basis: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """Hold the reads of a PLATE, of a camera in a time, or one read, and their pictures, until the hold is lifted.

    Exactly this plate: its look-alikes are others. Reads that are over and were not removed yet are shown again.
    """
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.archive.holds import Order, enter

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        term = _term(settings, asked)
        key = open_key(settings.access.key_file)
        log = AuditLog(engine, key, clock=now)

        def note(connection: "Connection", entered: "Hold") -> None:
            log.note(connection, look, "hold.add", _told(entered, key))

        order = Order(term, look.case_number, legal_basis, look.actor, now())
        entered = enter(engine, order, log=note)
        _note_pictures(engine, settings)
    click.echo(f"hold #{entered.number} stands")


@hold.command("list")
@click.option("--all", "lifted", is_flag=True, help="the lifted ones too")
@looking
@configured
def list_holds(config: Path, *, lifted: bool, **asked: Any) -> None:  # noqa: ANN401  # options
    """Which holds stand, and for which case; their plates in clear."""
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.archive.holds import holds
    from central.show import holds_table

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        begun = log.begin(look, "hold.list", {"lifted": lifted})
        found = holds(engine, lifted=lifted)
        log.end(look, "hold.list", begun=begun, rows=len(found))
    open_console().print(holds_table(found, style_of(settings)))


@hold.command("lift")
@click.argument("number", type=click.IntRange(1))
@click.option("--why", required=True, metavar="TEXT", help="why it ends")
@looking
@configured
def lift_hold(number: int, config: Path, why: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """End hold NUMBER, as listed; it stays on record. What it alone kept is shown no longer, and soon removed."""
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.archive.holds import lift

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        key = open_key(settings.access.key_file)
        log = AuditLog(engine, key, clock=now)

        def note(connection: "Connection", lifted: "Hold") -> None:
            log.note(connection, look, "hold.lift", _told(lifted, key))

        lift(engine, number, by=look.actor, at=now(), why=why, log=note)
    click.echo(f"hold #{number} is lifted")


def _term(settings: "CentralSettings", asked: dict[str, Any]) -> "Term":
    """What is to be held.

    Raises:
        click.UsageError: nothing, or more than one thing.
        HoldError: it is no plate.
        QueryError: a time or a read cannot be understood.
    """
    from zoneinfo import ZoneInfo

    from central.archive.visible import Term
    from central.errors import HoldError
    from central.query.when import moment
    from edge.contract.spelling import typed

    named = [asked[name] for name in ("plate", "camera", "read") if asked[name] is not None]
    if len(named) != 1:
        raise click.UsageError("name one thing to hold: PLATE, --camera CAMERA or --read EDGE/EPOCH/SEQ")
    zone = ZoneInfo(settings.site_timezone)
    since, until = asked["since"], asked["until"]
    try:
        plate = None if asked["plate"] is None else typed(asked["plate"])
    except ValueError as error:
        raise HoldError(f"not a plate: {asked['plate'][:40]!r}; {error}") from error
    return Term(
        plate=plate,
        camera_id=asked["camera"],
        read=None if asked["read"] is None else read_id(asked["read"]),
        since=None if since is None else moment(since, zone=zone),
        until=None if until is None else moment(until, zone=zone, end=True),
    )


def _told(hold: "Hold", key: "AuditKey") -> dict[str, object]:
    """A hold for the log."""
    term = hold.term
    named: dict[str, object] = {
        "plate": None if term.plate is None else key.of_plate(term.plate),
        "camera": term.camera_id,
        "read": None if term.read is None else "/".join(map(str, term.read)),
        "since": None if term.since is None else term.since.isoformat(),
        "until": None if term.until is None else term.until.isoformat(),
    }
    return {"hold": hold.number, **{name: value for name, value in named.items() if value is not None}}


def _note_pictures(engine: "Engine", settings: "CentralSettings") -> None:
    """The reads whose pictures stay; what is not noted now, the next maintenance notes before it removes any."""
    from central.maintain import note_held_reads

    note_held_reads(engine, settings, clock=now)
