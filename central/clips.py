"""`python -m central clips`: some seconds of video around a read, asked of the box that made it."""

from pathlib import Path
from typing import Any, Final

import click

from central.errors import StoreError
from central.looks import open_for
from central.options import FILE, Commands, configured, limited, looking, now, open_console, read_id, style_of
from edge.contract.files import write_atomic

_SECONDS: Final = click.FloatRange(0, 60)


@click.group(cls=Commands)
def clips() -> None:
    """Some seconds of video around a read, as its camera sent them: ask for them, see what came, save it."""


@clips.command("ask")
@click.argument("read", metavar="EDGE/EPOCH/SEQ")
@click.option(
    "--before", "before_s", type=_SECONDS, help="seconds before it; as clips.before_s where not given"
)
@click.option("--after", "after_s", type=_SECONDS, help="seconds after it; as clips.after_s where not given")
@looking
@configured
def ask(read: str, before_s: float | None, after_s: float | None, config: Path, **asked: Any) -> None:  # noqa: ANN401
    """Ask the box of a read for its clip, while it still holds it (`history --json` names edge_id, epoch and seq).

    The centre that serves passes it on within a second; `clips list` says what came of it.
    """
    named = read_id(read)
    with open_for(config, asked) as (desk, settings):
        request = desk.ask_for_clip(
            named,
            before_s=settings.clips.before_s if before_s is None else before_s,
            after_s=settings.clips.after_s if after_s is None else after_s,
            now=now(),
        )
    click.echo(request)


@clips.command("list")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@limited(50)
@looking
@configured
def list_clips(as_document: bool, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """What was asked for and what came of it, newest first: came, gone (no longer held), refused, expired."""
    from central.show import as_json, clips_table

    with open_for(config, asked) as (desk, settings):
        style = style_of(settings)
        found = desk.clips(limit=asked["limit"], form="json" if as_document else "table")
    if as_document:
        click.echo(as_json("clips", found, style))
    else:
        open_console().print(clips_table(found, style))


@clips.command("save")
@click.argument("request")
@click.argument("file", type=FILE)
@looking
@configured
def save(request: str, file: Path, config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Write the clip of a REQUEST into a FILE (MP4), which only you may read."""
    from central.archive.pictures import open_packs
    from central.query.pictures import read_whole

    with open_for(config, asked) as (desk, settings):
        clip, picture = desk.clip(request)
        data = read_whole(open_packs(settings), picture)
        style = style_of(settings)
    try:
        write_atomic(file, data)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written: {error.strerror}") from error
    began_at, ended_at = clip.began_at or clip.at, clip.ended_at or clip.at
    click.echo(f"{file}: {len(data)} bytes, {style.zoned(began_at)} to {style.zoned(ended_at)}", err=True)
