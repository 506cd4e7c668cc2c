"""The commands that keep the hotlists: import, show, remove."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central import lists
from central.options import FILE, Commands, configured, database, looking, now, open_console, style_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from central.hotlist.end import Entry
    from central.hotlist.merge import Import
    from central.hotlist.store import ImportReport, Sample
    from central.settings import CentralSettings
    from central.show import Style


@click.group(cls=Commands)
def hotlist() -> None:
    """Vehicles that are looked for."""


for each in (lists.show_lists, lists.show_seen, lists.show_boxes, lists.set_list, lists.set_event_list):
    hotlist.add_command(each)


@hotlist.command("import")
@click.argument("file", type=FILE)
@click.option("--list", "list_name", required=True, metavar="NAME", help="list that they go into")
@click.option("--as", "actor", required=True, metavar="WHO", help="who enters them")
@click.option("--whole", is_flag=True, help="the file is the whole list: what it does not name is ended")
@click.option("--even-many", is_flag=True, help="with --whole: even more than a fifth of the list")
@click.option("--preview", is_flag=True, help="say what would happen, and write nothing")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="of each kind, told one by one"
)
@click.option("--json", "as_document", is_flag=True, help="with --preview: one JSON document")
@configured
def import_hotlist(file: Path, list_name: str, actor: str, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Add a CSV file to a list; bad lines are named and left out (the exit code is 1 then).

    An entry that stands in the list already is changed to what the file says, and confirmed. Nothing is removed,
    but with --whole.

    \b
    The first line names the columns, in any order (UTF-8, commas or semicolons):
      plate*        ABC123, ABC-123 or ABC 123
      country*      CO, or another country of configs/plates
      reason*       stolen, wanted, missing, bolo or test
      source*       who says so
      case_number*  the case
      valid_until*  2026-12-31 (that day included) or 2026-12-31T18:00-05:00
      plate_class   a class of that country in configs/plates; empty: unknown
      priority      1 (most urgent) to 9; empty: 5
      valid_from    as valid_until; empty: now
      agency        whose entry it is
      legal_basis   by which law or order
      confirmed     by its source, when; without this column: now
      vehicle_type, color, brand, note
    Those with * must be filled in. docs/hotlist.md says more.
    """  # noqa: D301  # click's mark for a paragraph that is not to be filled
    from zoneinfo import ZoneInfo

    from central.hotlist.merge import Import
    from central.hotlist.store import Sample

    if asked["even_many"] and not asked["whole"]:
        raise click.UsageError("--even-many goes with --whole")
    if asked["as_document"] and not asked["preview"]:
        raise click.UsageError("--json goes with --preview")
    with database(config) as (settings, engine):
        zone = ZoneInfo(settings.site_timezone)
        order = Import(list_name, actor, now(), zone, whole=asked["whole"], even_many=asked["even_many"])
        sample = Sample(asked["limit"])
        if asked["preview"]:
            report = _preview(engine, file, order, sample)
        else:
            report = _import(engine, file, order, settings, sample)
        style = style_of(settings)
        _tell(report, sample, order, style, asked)
        if not asked["preview"] and (report.removed or report.ended_sooner):
            lists.tell_carried(engine, style, wait_s=None)
    for refusal in report.refused:
        click.echo(f"{file}: line {refusal.line}: {refusal.reason}", err=True)
    sys.exit(1 if report.refused else 0)


def _import(
    engine: "Engine", file: Path, order: "Import", settings: "CentralSettings", sample: "Sample"
) -> "ImportReport":
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.entering import leave_word
    from central.hotlist.grammar import load_grammar
    from central.hotlist.store import import_csv

    log = AuditLog(engine, open_key(settings.access.key_file), clock=now)

    def note(connection: "Connection", report: "ImportReport") -> None:
        leave_word(connection, order, report, log=log, came={"file": file.name})

    return import_csv(engine, file, order, grammar=load_grammar(), log=note, sample=sample)


def _preview(engine: "Engine", file: Path, order: "Import", sample: "Sample") -> "ImportReport":
    from central.hotlist.grammar import load_grammar
    from central.hotlist.store import preview_csv

    return preview_csv(engine, file, order, grammar=load_grammar(), sample=sample)


def _tell(
    report: "ImportReport", sample: "Sample", order: "Import", style: "Style", asked: dict[str, Any]
) -> None:
    """What happened, or would: the changes only of a preview."""
    from central.listed import changes_table, twin_line
    from central.show import as_json

    if asked["as_document"]:
        counts = {**asdict(report), "refused": [asdict(each) for each in report.refused]}
        named = [{**asdict(each), "others": [other.named for other in each.others]} for each in sample.twins]
        twins = {"twins": named, "twins_in_all": report.twins}
        told = {"list": order.list_name, "is_cut_off": sample.is_cut_off, **counts, **twins}
        click.echo(as_json("changes", sample.changes, style, **told))
        return
    if asked["preview"] and sample.changes:
        open_console().print(changes_table(sample.changes, style))
    for twin in sample.twins:
        click.echo(twin_line(twin, style), err=True)
    if report.twins > len(sample.twins):
        click.echo(style.words("more_twins").format(report.twins - len(sample.twins)), err=True)
    if asked["preview"] and sample.is_cut_off:
        click.echo(style.words("cut_off"), err=True)
    if report.spared:
        click.echo(style.words("spared").format(report.spared), err=True)
    click.echo(_counted(report, whole=order.whole))


def _counted(report: "ImportReport", *, whole: bool) -> str:
    counts = [("added", report.added), ("changed", report.changed)]
    counts += [("looked for again", report.revived)] if report.revived else []
    counts += [("unchanged", report.unchanged)]
    counts += [("removed", report.removed)] if whole else []
    return ", ".join(f"{count} {what}" for what, count in (*counts, ("refused", len(report.refused))))


@hotlist.command("show")
@click.option("--list", "list_name", metavar="NAME", help="this list only")
@configured
def show_hotlist(list_name: str | None, config: Path) -> None:
    """Who is looked for, why and until when."""
    from central.query.lists import hotlist as entries
    from central.show import hotlist_table

    with database(config) as (settings, engine):
        found = entries(engine, list_name=list_name)
    open_console().print(hotlist_table(found, style_of(settings), now=now()))


@hotlist.command("remove")
@click.argument("plate", required=False)
@click.option("--country", metavar="CO", help="country of the PLATE")
@click.option("--list", "list_name", metavar="NAME", help="list that it stands in, where there are several")
@click.option("--entry", "number", type=click.IntRange(1), metavar="N", help="the entry's number, as shown")
@lists.waiting
@looking
@configured
def remove_from_hotlist(
    config: Path,
    plate: str | None,
    *,
    country: str | None,
    number: int | None,
    **asked: Any,  # noqa: ANN401  # options
) -> None:
    """Look for a vehicle no longer: PLATE --country CO, or --entry N.

    The entry ends now and stays, as expired: its alerts need it, and so does a read of before that comes late.
    """
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.alert.wanted import tell_listed
    from central.db import hotlist_entry
    from central.hotlist.end import Which, end_entry

    if (number is None) is (plate is None) or (plate is None) is not (country is None):
        raise click.UsageError("name one entry: PLATE --country CO, or --entry N")
    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        key = open_key(settings.access.key_file)
        log = AuditLog(engine, key, clock=now)

        def note(connection: "Connection", entry: "Entry") -> None:
            told = {"list": entry.list_name, "entry": entry.number, "plate": key.of_plate(entry.plate)}
            tell_listed(connection, at, hotlist_entry.c.id == entry.number)
            log.note(connection, look, "hotlist.remove", told)

        at, which = now(), Which(number=number, plate=plate, country=country, list_name=asked["list_name"])
        ended = end_entry(engine, which, by=look.actor, at=at, why=look.purpose, log=note)
        click.echo(
            f"#{ended.number} {ended.plate} ({ended.country}) is looked for no longer in {ended.list_name}"
        )
        is_told = lists.tell_carried(engine, style_of(settings), wait_s=asked["wait_s"])
    sys.exit(0 if is_told else 1)
