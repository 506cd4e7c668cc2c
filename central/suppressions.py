"""The commands that keep a plate from raising alerts for a while: entered, listed, lifted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.options import Commands, configured, database, looking, now, open_console, style_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from central.access.key import AuditKey
    from central.hotlist.suppress import Suppression


@click.group(cls=Commands)
def suppress() -> None:
    """Plates for which nobody is to be stopped for a while: redress after a false stop."""


@suppress.command("add")
@click.argument("plate")
@click.option("--country", required=True, metavar="CO", help="of the entry that it hits")
@click.option(
    "--until", required=True, metavar="TIME", help="a date alone is meant with its day; a year at most"
)
@click.option("--reason", required=True, metavar="TEXT", help="what happened")
@click.option("--list", "list_name", metavar="NAME", help="hits of this list only")
@click.option("--camera", metavar="CAMERA", help="hits at this camera only; needs --edge")
@click.option("--edge", "edge_id", metavar="EDGE", help="whose camera that is: each edge names its own")
@looking
@configured
def add_suppression(config: Path, plate: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """Hits of PLATE raise no alert from now on, until a day that is said; each is counted.

    PLATE is that of an entry, or another vehicle's that is taken for one, as cameras spell it. Its reads are kept and
    shown as ever.
    """
    from zoneinfo import ZoneInfo

    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.alert.wanted import tell_suppressed
    from central.hotlist.suppress import Term, enter
    from central.query.when import moment

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        until = moment(asked["until"], zone=ZoneInfo(settings.site_timezone), end=True)
        where = (asked["list_name"], asked["camera"])
        term = Term(plate, asked["country"], *where, now(), until, asked["edge_id"])
        key = open_key(settings.access.key_file)
        log = AuditLog(engine, key, clock=now)

        def note(connection: "Connection", entered: "Suppression") -> None:
            tell_suppressed(connection, entered.since, entered.plate)
            log.note(connection, look, "suppress.add", _told(entered, key))

        entered = enter(engine, term, look, reason=asked["reason"], log=note)
    click.echo(f"suppression #{entered.number} stands")


@suppress.command("list")
@click.option("--all", "ended", is_flag=True, help="those that are over or lifted too")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@looking
@configured
def list_suppressions(config: Path, *, ended: bool, as_document: bool, **asked: Any) -> None:  # noqa: ANN401
    """Which suppressions stand, and how many reads each has kept from raising an alert; plates in clear."""
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.hotlist.suppress import suppressions
    from central.listed import suppressions_table
    from central.show import as_json

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        begun = log.begin(look, "suppress.list", {"ended": ended, "form": "json" if as_document else "table"})
        found, style = suppressions(engine, at=now(), ended=ended), style_of(settings)
        log.end(look, "suppress.list", begun=begun, rows=len(found))
    if as_document:
        click.echo(as_json("suppressions", found, style))
    else:
        open_console().print(suppressions_table(found, style))


@suppress.command("lift")
@click.argument("number", type=click.IntRange(1))
@click.option("--why", required=True, metavar="TEXT", help="why it ends")
@looking
@configured
def lift_suppression(number: int, config: Path, why: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """End suppression NUMBER, as listed; it stays on record. What is captured from now on raises alerts again."""
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.alert.wanted import tell_suppressed
    from central.hotlist.suppress import lift

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        key = open_key(settings.access.key_file)
        log, at = AuditLog(engine, key, clock=now), now()

        def note(connection: "Connection", lifted: "Suppression") -> None:
            tell_suppressed(connection, at, lifted.plate)
            log.note(connection, look, "suppress.lift", _told(lifted, key))

        lift(engine, number, by=look.actor, at=at, why=why, log=note)
    click.echo(f"suppression #{number} is lifted")


def _told(suppression: "Suppression", key: "AuditKey") -> dict[str, object]:
    """A suppression for the log."""
    named: dict[str, object] = {
        "plate": key.of_plate(suppression.plate),
        "country": suppression.country,
        "list": suppression.list_name,
        "edge": suppression.edge_id,
        "camera": suppression.camera_id,
        "until": suppression.until.isoformat(),
    }
    told = {name: value for name, value in named.items() if value is not None}
    return {"suppression": suppression.number, **told}
