"""The command that looks back: where those that a list looks for were seen before."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.options import configured, database, limited, looking, now, open_console, progress, style_of

if TYPE_CHECKING:
    from central.query.hunt import Hunted
    from central.show import Style


@click.command()
@click.argument("list_name", metavar="LIST")
@click.option(
    "--days", type=click.FloatRange(0.01), default=30, show_default=True, help="reads so recent count apart"
)
@click.option("--entered-since", metavar="TIME", help="entries that were entered or changed since only")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@limited(100)
@looking
@configured
def hunt(config: Path, list_name: str, *, as_document: bool, **asked: Any) -> None:  # noqa: ANN401  # options
    """Where the vehicles that LIST looks for were seen before, the last seen first: out of all reads that are kept."""
    from zoneinfo import ZoneInfo

    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.errors import CentralError
    from central.maintain import Step
    from central.query.desk import open_reads
    from central.query.hunt import Quarry
    from central.query.hunt import hunt as hunt_now
    from central.query.when import moment

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine), progress() as tell:
        since, at = asked["entered_since"], now()
        entered_since = None if since is None else moment(since, zone=ZoneInfo(settings.site_timezone))
        quarry = Quarry(list_name, at, at - timedelta(days=asked["days"]), entered_since)
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)
        told = {"list": list_name[:63], "days": asked["days"], "limit": asked["limit"]}
        begun = log.begin(look, "hunt", {**told, "form": "json" if as_document else "table"})
        try:
            with open_reads(settings, engine, clock=now) as reads:
                found = hunt_now(
                    engine,
                    reads,
                    quarry,
                    limit=asked["limit"],
                    on_step=lambda done, of: tell(Step("hunting", done, of)),
                )
        except (CentralError, KeyboardInterrupt) as error:
            log.fail(look, "hunt", begun=begun, why=type(error).__name__)
            raise
        log.end(look, "hunt", begun=begun, rows=len(found.traces), more={"hunted": found.hunted})
        style = style_of(settings)
    _tell(found, style, as_document=as_document)


def _tell(found: "Hunted", style: "Style", *, as_document: bool) -> None:
    from dataclasses import asdict

    from central.listed import traces_table
    from central.show import as_json, missing_line

    if as_document:
        lacking = [{**asdict(each), "day": str(each.day)} for each in found.missing]
        counts = {"hunted": found.hunted, "found": found.found, "cut": found.cut, "missing": lacking}
        click.echo(as_json("traces", found.traces, style, **counts))
    else:
        open_console().print(traces_table(found.traces, style))
        click.echo(style.words("hunted").format(hunted=found.hunted, found=found.found))
        if found.cut:
            click.echo(style.words("more"), err=True)
    for each in found.missing:
        click.echo(missing_line(each, style), err=True)
