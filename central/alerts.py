"""The commands for alerts: see them, confirm or reject, claim, dispatch, close, and how often they were right."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from central.looks import open_for, span, write_evidence
from central.options import (
    FOLDER,
    Commands,
    configured,
    in_time,
    limited,
    looking,
    now,
    open_console,
    style_of,
)

if TYPE_CHECKING:
    from central.query.alerts import Story, TrailRead
    from central.query.logged import Form
    from central.show import Style

_F = TypeVar("_F", bound=Callable[..., Any])

REJECTED_AS: Final = ("misread", "wrong-vehicle", "stale-entry")
OUTCOMES: Final = ("recovered", "arrested", "not-found", "false", "test")


@click.group(cls=Commands)
def alerts() -> None:
    """Listed vehicles that were seen, and what becomes of each alert."""


def _formed(command: _F) -> _F:
    """As one JSON document: `as_document`."""
    return click.option("--json", "as_document", is_flag=True, help="one JSON document")(command)


def _with_pictures(command: _F) -> _F:
    """A folder for what belongs to the alerts: `pictures`."""
    told = "write the pictures and clips of these alerts into this folder"
    return click.option("--pictures", type=FOLDER, help=told)(command)


def _of_one(command: _F) -> _F:
    """Which alert, by whom, and on what it is decided: `number`, `after`, `note`, and what `looking` gives."""
    number = click.argument("number", type=click.IntRange(1))
    after = click.option(
        "--after",
        type=click.IntRange(1),
        metavar="EVENT",
        help="the last event that you have seen (alerts show): refused where somebody has acted since",
    )
    note = click.option("--note", default="", metavar="TEXT", help="in your own words; kept in its log")
    return number(after(note(looking(configured(command)))))


@alerts.command("list")
@_formed
@_with_pictures
@click.option("--open", "open_only", is_flag=True, help="neither rejected nor closed, the last seen first")
@click.option("--station", metavar="STATION", help="of this station alone")
@limited(50)
@looking
@configured
def list_alerts(as_document: bool, pictures: Path | None, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Vehicles on a hotlist that were seen, newest first."""
    from central.show import as_json
    from central.stories import alert_blocks

    wanted = {name: asked[name] for name in ("limit", "open_only", "station")}
    with open_for(config, asked) as (desk, settings):
        style, form = style_of(settings), _form(as_document)
        found, evidence = desk.alerts(form=form, with_pictures=pictures is not None, **wanted)
    if as_document:
        click.echo(as_json("alerts", found, style))
    else:
        open_console().print(alert_blocks(found, evidence, style))
    if pictures is not None:
        write_evidence(settings, pictures, evidence)


@alerts.command("show")
@click.argument("number", type=click.IntRange(1))
@_formed
@_with_pictures
@looking
@configured
def show_alert(number: int, as_document: bool, pictures: Path | None, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """One alert: where its vehicle was seen, and all that happened to it."""
    from central.show import as_json
    from central.stories import story_blocks

    with open_for(config, asked) as (desk, settings):
        style, form = style_of(settings), _form(as_document)
        found, evidence = desk.alert(number, form=form, with_pictures=pictures is not None)
    if as_document:
        click.echo(as_json("alerts", [found.alert], style, **_document(found, style)))
    else:
        open_console().print(story_blocks(found, evidence, style))
    if pictures is not None:
        write_evidence(settings, pictures, evidence)


@alerts.command("seen")
@_of_one
def see(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Say that somebody looks at an alert."""
    _act("seen", number, config, asked)


@alerts.command("confirm")
@click.option("--saw", required=True, metavar="PLATE", help="the plate that you read in its picture")
@_of_one
def confirm(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Confirm an alert, after comparing its picture with what the list says: plate, type, colour, brand."""
    _act("confirmed", number, config, asked)


@alerts.command("reject")
@click.option(
    "--because",
    "rejected_as",
    type=click.Choice(REJECTED_AS),
    required=True,
    help="what was wrong: the reading, the vehicle, or the entry",
)
@click.option("--saw", metavar="PLATE", help="the plate that you read in its picture instead")
@_of_one
def reject(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Reject an alert; counted in `alerts precision`."""
    _act("rejected", number, config, asked)


@alerts.command("claim")
@_of_one
def claim(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Take a confirmed alert upon yourself; of two who claim it one wins."""
    _act("claimed", number, config, asked)


@alerts.command("release")
@_of_one
def release(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Give a claimed alert back; somebody else's with --note."""
    _act("released", number, config, asked)


@alerts.command("dispatch")
@click.option("--unit", "unit_id", required=True, metavar="UNIT", help="whom you send")
@_of_one
def dispatch(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Send a unit to a vehicle whose alert you have claimed; once more to send another one instead."""
    _act("dispatched", number, config, asked)


@alerts.command("outcome")
@_of_one
@click.argument("outcome", type=click.Choice(OUTCOMES))
def close(number: int, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Say what came of an alert, which closes it."""
    _act("outcome", number, config, asked)


@alerts.command("precision")
@click.option("--by", type=click.Choice(("list", "camera")), default="list", show_default=True)
@in_time
@_formed
@looking
@configured
def precision(by: Any, as_document: bool, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """How often alerts were right, as people have judged them, with a 95 % interval."""
    from central.show import as_json
    from central.stories import precision_table

    with open_for(config, asked) as (desk, settings):
        style = style_of(settings)
        since, until = span(asked, style)
        found = desk.precision(by=by, since=since, until=until, form=_form(as_document))
    if as_document:
        click.echo(as_json("precision", found, style, by=by))
    else:
        open_console().print(precision_table(found, style, by=by))


@alerts.command("rejected")
@in_time
@_formed
@limited(50)
@looking
@configured
def list_rejected(as_document: bool, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Entries whose alerts were rejected, most often first: what to suppress, or to have put right by its source."""
    from central.show import as_json
    from central.stories import rejected_table

    with open_for(config, asked) as (desk, settings):
        style = style_of(settings)
        since, until = span(asked, style)
        found = desk.rejected(since=since, until=until, limit=asked["limit"], form=_form(as_document))
    if as_document:
        click.echo(as_json("rejected", found, style))
    else:
        open_console().print(rejected_table(found, style))


@alerts.command("units")
@click.argument("number", type=click.IntRange(1), required=False)
@_formed
@looking
@configured
def list_units(number: int | None, as_document: bool, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """The units, as they said last; for an alert (NUMBER) those that are free, the nearest first. You decide."""
    from datetime import timedelta

    from central.query.cameras import load_cameras
    from central.show import as_json
    from central.stories import sighting_line, units_table

    with open_for(config, asked) as (desk, settings):
        cameras = load_cameras(settings.cameras_file)
        fresh = timedelta(seconds=settings.alert.unit_fresh_s)
        found, last = desk.units(number, cameras=cameras, now=now(), fresh=fresh)
        style = style_of(settings)
    if as_document:
        more = {} if last is None else {"last_sighting": _sighting(last, style)}
        click.echo(as_json("units", found, style, **more))
        return
    console = open_console()
    if last is not None:
        console.print(sighting_line(last, style))
    console.print(units_table(found, style))


def _act(kind: str, number: int, config: Path, asked: dict[str, Any]) -> None:
    from central.alert.life import Outcome, RejectedAs, Step
    from central.types import EventKind

    look = {name: asked.pop(name) for name in ("actor", "purpose", "case_number")}
    said = {"rejected_as": RejectedAs, "outcome": Outcome}
    asked = {name: said[name](value) if name in said else value for name, value in asked.items()}
    with open_for(config, look) as (desk, settings):
        step = Step(EventKind(kind), look["actor"].strip(), now(), **asked)
        event = desk.act(number, step)
        style = style_of(settings)
    click.echo(f"#{number} {style.words(f'event.{kind}')} ({style.words('event')} {event})")


def _form(as_document: bool) -> "Form":
    return "json" if as_document else "table"


def _document(story: "Story", style: "Style") -> dict[str, object]:
    """The parts of a story beside its alert, for JSON."""
    trail = [_sighting(read, style) for read in story.trail]
    happened = [
        {
            "number": event.number,
            "at": style.zoned_iso(event.act.at),
            "kind": str(event.act.kind),
            "actor": event.act.actor,
            "detail": event.act.detail,
        }
        for event in story.events
    ]
    return {"trail": trail, "events": happened}


def _sighting(read: "TrailRead", style: "Style") -> dict[str, object]:
    return {**asdict(read), "captured_at": style.zoned_iso(read.captured_at)}
