"""The commands that erase a plate by order of a court."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.looks import span
from central.options import (
    FILE,
    Commands,
    configured,
    database,
    in_time,
    looking,
    now,
    open_console,
    progress,
    style_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection


@click.group(cls=Commands)
def erase() -> None:
    """Plates that a court has ordered to be erased."""


@erase.command("order")
@click.argument("plate")
@click.option("--order", "reference", required=True, metavar="REFERENCE", help="the court's order")
@click.option(
    "--with-lists", is_flag=True, help="its hotlist entries go too; else it is refused while listed"
)
@in_time
@looking
@configured
def give_order(plate: str, reference: str, with_lists: bool, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Erase all reads of PLATE, or those captured --from --to: nothing shows them from now on.

    `erase run` removes them from the disks. Refused while the plate is under a legal hold.
    """
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.erase.order import Order, give
    from central.query.desk import open_reads

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        since, until = span(asked, style_of(settings))
        wanted = Order(plate, reference, look, now(), since, until, with_lists)
        key = open_key(settings.access.key_file)
        log = AuditLog(engine, key, clock=now)

        def note(connection: "Connection", plate_hash: str, told: dict[str, object]) -> None:
            log.note(connection, look, "erase.order", {"plate": plate_hash, **told})

        with open_reads(settings, engine, clock=now) as reads:
            ordered = give(engine, reads, wanted, key=key, log=note)
    click.echo(
        f"order #{ordered.number}: nothing shows the plate any more; `erase run` removes it from the disks"
    )
    for name, rows in ordered.removed.items():
        click.echo(f"{name:<24} {rows}")
    if ordered.suppressions:
        click.echo(
            f"{ordered.suppressions} of the suppressions stood: nothing keeps the plate from raising alerts any more",
            err=True,
        )


@erase.command("run")
@click.option(
    "--now", "at_once", is_flag=True, help="do not wait for questions that read a file which is deleted"
)
@click.option(
    "--accept-found", is_flag=True, help="issue the certificate though the plate was found; it says where"
)
@configured
def run_orders(at_once: bool, accept_found: bool, config: Path) -> None:
    """Go on with every order: rewrite, delete, empty the database, search every byte, issue the certificate.

    Beside a running centre too, which does it with its maintenance. The exit code is 1 where an order is not done.
    """
    import time

    from central.access.key import open_key
    from central.erase.run import DONE, RESTORED, How, run

    how = How(pause=None if at_once else time.sleep, accept_found=accept_found)
    with database(config) as (settings, engine), progress() as tell:
        results = run(engine, settings, how, key=open_key(settings.access.key_file), clock=now, on_step=tell)
    for result in results:
        click.echo(f"order #{result.number}: {result.state}")
        if result.state == RESTORED:
            click.echo(
                "  a backup of before its certificate was restored: nothing is left of it, give the order anew"
            )
        for pack in result.waiting:
            click.echo(f"  {pack}: its hour is not long enough over, or somebody writes it; run it again")
        for name in result.backups:
            click.echo(
                f"  snapshot {name} is of before: make a `backup`, which replaces it, and run it again"
            )
        if result.fault:
            click.echo(f"  no certificate yet: {result.fault}", err=True)
        for place in result.found:
            click.echo(f"  the plate still stands in {place}", err=True)
    sys.exit(0 if all(result.state == DONE for result in results) else 1)


@erase.command("list")
@configured
def list_orders(config: Path) -> None:
    """Every order, and how far it is; no plates."""
    from rich.table import Table

    from central.db import from_us
    from central.erase.run import orders

    with database(config) as (settings, engine):
        found, style = orders(engine), style_of(settings)
    say = style.words
    table = Table(box=None)
    for name in ("erase.number", "erase.ordered", "who", "erase.reference", "case", "state"):
        table.add_column(say(name))
    for row in found:
        at = from_us(row["ordered_us"]).astimezone(style.zone)
        state = say(f"erasure.{row['state']}")
        told = (row["ordered_by"], row["reference"], row["case_number"], state)
        table.add_row(f"#{row['erasure_id']}", f"{at:%Y-%m-%d %H:%M:%S}", *told)
    open_console().print(table)


@erase.command("certificate")
@click.argument("number", type=click.IntRange(1))
@click.option("--html", type=FILE, help="write it as a page to print")
@configured
def show_certificate(number: int, html: Path | None, config: Path) -> None:
    """The certificate of order NUMBER, checked against its signature."""
    from central.access.key import read_key
    from central.erase.certificate import as_html, as_text, issued
    from edge.contract.files import write_atomic

    with database(config) as (settings, engine):
        content, signature = issued(engine, number, read_key(settings.access.key_file))
        style = style_of(settings)
    if html is None:
        click.echo(as_text(content, signature, say=style.words, zone=style.zone))
        return
    write_atomic(html, as_html(content, signature, say=style.words, zone=style.zone).encode())
    click.echo(f"written to {html}")
