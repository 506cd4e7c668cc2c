"""The commands about who was told of alerts. They show no plate: an alert is its number."""

from pathlib import Path

import click

from central.options import (
    FOLDER,
    Commands,
    configured,
    database,
    limited,
    looking,
    now,
    open_console,
    style_of,
)


@click.group(cls=Commands)
def notify() -> None:
    """Who is told of alerts, and what waits or was given up."""


@notify.command("list")
@click.option("--to", "subscriber", metavar="NAME", help="this subscriber only")
@click.option("--all", "with_sent", is_flag=True, help="what was sent too")
@click.option("--json", "as_document", is_flag=True, help="one JSON document, with every detail")
@limited(100)
@configured
def list_deliveries(
    subscriber: str | None, *, with_sent: bool, as_document: bool, limit: int, config: Path
) -> None:
    """What waits or was given up, newest first, and how each subscriber stands."""
    from central.outbox.listing import deliveries_table, listed, standings, standings_table
    from central.outbox.rules import State
    from central.show import as_json

    with database(config) as (settings, engine):
        states = [state for state in State if with_sent or state is not State.SENT]
        names = () if subscriber is None else (subscriber,)
        found = listed(engine, subscribers=names, states=states, limit=limit)
        standing = standings(engine, (each.name for each in settings.notify))
        style = style_of(settings)
    if as_document:
        click.echo(as_json("deliveries", found, style))
        return
    open_console().print(standings_table(standing, style), "", deliveries_table(found, style), sep="\n")


@notify.command("again")
@click.argument("subscriber")
@click.option("--alert", "number", type=click.IntRange(1), metavar="N", help="of this alert only")
@looking
@configured
def again(  # click passes every option apart
    subscriber: str,
    *,
    number: int | None,
    actor: str | None,
    purpose: str | None,
    case_number: str | None,
    config: Path,
) -> None:
    """Try what was given up for a SUBSCRIBER anew, under the same keys; says how many."""
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.db import to_us
    from central.outbox.store import ask_again

    look = declare(actor, purpose, case_number)
    with database(config) as (settings, engine):
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        with engine.begin() as connection:
            count = ask_again(connection, [subscriber], number=number, now_us=to_us(now()))
            told = {"subscriber": subscriber, "alert": number, "deliveries": count}
            log.note(connection, look, "notify.again", told)
    click.echo(f"{count} wait again for {subscriber}")


@notify.command("schema")
@click.option("--out", type=FOLDER, required=True, help="folder of the files")
def write_schemas(out: Path) -> None:
    """Write the JSON Schemas of what a webhook and a dispatch system are sent."""
    from central.outbox.schema import documents

    out.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (out / name).write_text(text, encoding="utf-8")
