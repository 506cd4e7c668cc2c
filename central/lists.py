"""The commands for a hotlist as a whole: which lists there are, and how each is kept."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from central.options import configured, database, limited, looking, now, open_console, style_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from central.access.audit import AuditLog
    from central.query.traces import Traces
    from central.show import Style
    from central.types import Look

_F = TypeVar("_F", bound=Callable[..., Any])


def waiting(command: _F) -> _F:
    """How long boxes are waited for, as `wait_s`."""
    return click.option(
        "--wait",
        "wait_s",
        type=click.FloatRange(0, 3600),
        metavar="SECONDS",
        help="until all boxes that are connected hold what is in force, at most so long",
    )(command)


@click.command("lists")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@configured
def show_lists(config: Path, *, as_document: bool) -> None:
    """Which lists there are, how many vehicles each looks for, and how it is kept.

    How likely a read must be one of a list's plates to raise an alert follows from its length and the false alarms that
    it may cost; beside it stands which share of the passages of its vehicles is missed by that.
    """
    from central.hotlist.budget import limit_of_list
    from central.hotlist.lists import listings
    from central.listed import lists_table
    from central.show import as_json

    with database(config) as (settings, engine):
        found, style = listings(engine, at=now()), style_of(settings)
    limits = {
        each.name: limit_of_list(each.in_force, settings.match, each.false_alarms_a_day) for each in found
    }
    if as_document:
        told = {name: asdict(limit) for name, limit in limits.items()}
        click.echo(as_json("lists", found, style, limits=told))
    else:
        open_console().print(lists_table(found, limits, style))


@click.command("boxes")
@waiting
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@configured
def show_boxes(config: Path, *, wait_s: float | None, as_document: bool) -> None:
    """Which boxes hold the copy of the lists that is in force, and which an older one.

    With --wait the exit code is 1 where a box that is connected still holds an older one in the end.
    """
    from central.listed import carried_lines, carriers_table
    from central.query.carried import settled
    from central.show import as_json

    with database(config) as (settings, engine):
        style, found = style_of(settings), settled(engine, within_s=wait_s or 0.0, clock=now)
    if as_document:
        in_force = None if found.copy is None else found.copy.number
        more = {"number": in_force, "is_issued": found.is_issued, "is_settled": found.is_settled}
        click.echo(as_json("boxes", found.boxes, style, **more))
    else:
        open_console().print(carriers_table(found.boxes, style, now=now()))
        click.echo("\n".join(carried_lines(found, style)), err=True)
    sys.exit(1 if wait_s is not None and not found.is_settled else 0)


@click.command("seen")
@click.option("--list", "list_name", metavar="NAME", help="this list only")
@click.option(
    "--since", metavar="TIME", help="last seen since: 2026-03-04 or 2026-03-04T17:30, in the site's time"
)
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@limited(100)
@looking
@configured
def show_seen(config: Path, *, as_document: bool, **asked: Any) -> None:  # noqa: ANN401  # options
    """Who had been seen before, the last seen first: as `serve` found them when they were entered or changed.

    What passes a camera after that hunt raises alerts, and is not counted here.
    """
    from datetime import timedelta
    from functools import partial
    from zoneinfo import ZoneInfo

    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.archive.rules import Rules
    from central.query.logged import Logged
    from central.query.traces import Wanted, traces
    from central.query.when import moment

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        zone = ZoneInfo(settings.site_timezone)
        since = None if asked["since"] is None else moment(asked["since"], zone=zone)
        wanted = Wanted(asked["list_name"], since, asked["limit"])
        told = {
            "list": wanted.list_name and wanted.list_name[:63],
            "since": None if since is None else since.isoformat(),
            "limit": wanted.limit,
            "form": "json" if as_document else "table",
        }
        rules = Rules(keep=timedelta(days=settings.archive.keep_days), clock=now)
        ask = partial(traces, engine, rules, wanted)
        found = Logged(look, log)("hotlist.seen", told, ask, lambda seen: len(seen.traces))
        _tell_seen(found, style_of(settings), as_document=as_document)


def _tell_seen(found: "Traces", style: "Style", *, as_document: bool) -> None:
    from central.listed import kept_traces_table
    from central.show import as_json

    counts = {
        "entries": found.entries,
        "hunted": found.hunted,
        "found": found.found,
        "lacking": found.lacking,
    }
    if as_document:
        click.echo(as_json("traces", found.traces, style, **counts, cut=found.cut))
        return
    open_console().print(kept_traces_table(found.traces, style))
    click.echo(style.words("hunted.kept").format(**counts))
    for is_so, word in ((found.lacking > 0, "hunted.lacking"), (found.cut, "more")):
        if is_so:
            click.echo(style.words(word).format(**counts), err=True)


def tell_carried(engine: "Engine", style: "Style", *, wait_s: float | None) -> bool:
    """Say which boxes hold an older copy still, where copies are given; False where --wait waited in vain."""
    from central.listed import carried_lines
    from central.query.carried import settled

    found = settled(engine, within_s=wait_s or 0.0, clock=now)
    if found.copy is not None or wait_s is not None:
        click.echo("\n".join(carried_lines(found, style)), err=True)
    return wait_s is None or found.is_settled


@click.command("set")
@click.argument("name")
@click.option("--agency", metavar="TEXT", help='whose list it is; "": nobody\'s')
@click.option(
    "--stale-after-h", type=int, metavar="HOURS", help="without confirmation an entry is stale; 0: never"
)
@click.option(
    "--false-alarms-a-day", type=float, metavar="N", help="that the list may cost; 0: as every list"
)
@looking
@configured
def set_list(config: Path, name: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """Keep list NAME in another way from now on."""
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.hotlist.lists import Terms, change

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    terms = Terms(asked["agency"], asked["stale_after_h"], asked["false_alarms_a_day"])
    with database(config) as (settings, engine):
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        change(engine, name, terms, at=now(), log=_noting(log, look, "hotlist.set", name))
    click.echo(f"list {name} is kept so from now on")


@click.command("event")
@click.argument("name")
@click.option(
    "--until", required=True, metavar="TIME", help="when it is over; a date alone is meant with its day"
)
@looking
@configured
def set_event_list(config: Path, name: str, until: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """Have a list NAME for an event, such as a match; or give one another end.

    When it is over its entries are no longer looked for, and are deleted altogether.
    """
    from zoneinfo import ZoneInfo

    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.hotlist.lists import set_event
    from central.query.when import moment

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        end = moment(until, zone=ZoneInfo(settings.site_timezone), end=True)
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        note = _noting(log, look, "hotlist.event", name)
        set_event(engine, name, end, by=look.actor, at=now(), log=note)
        told = style_of(settings).until(end)
    click.echo(f"list {name} is over after {told}")


def _noting(
    log: "AuditLog", look: "Look", action: str, name: str
) -> "Callable[[Connection, Mapping[str, object]], object]":
    """Writes a change of a list into the audit log."""
    return lambda connection, values: log.note(connection, look, action, {"list": name, **values})
