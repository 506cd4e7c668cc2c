"""`python -m central api`: answer over HTTP, and who may ask."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from central.access.rights import Right
from central.errors import AccessError
from central.options import FILE, Commands, configured, database, looking, now, open_console, style_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from central.access.keys import Key

_RIGHTS: Final = [right.value for right in Right]


@click.group(cls=Commands)
def api() -> None:
    """The API over HTTP, and the keys to it (docs/api.md)."""


@api.command()
@configured
def serve(config: Path) -> None:
    """Answer until it is stopped (SIGTERM, Ctrl-C)."""
    from central.api import server
    from central.service import log_to_stderr
    from central.settings import load

    settings = load(config)
    log_to_stderr()
    server.serve(settings, clock=now)


@api.group("key", cls=Commands)
def key_group() -> None:
    """Keys by which programs are known."""


@key_group.command("make")
@click.argument("name")
@click.option(
    "--right", "rights", multiple=True, required=True, type=click.Choice(_RIGHTS), help="what it may do"
)
@click.option(
    "--list", "lists", multiple=True, required=True, metavar="NAME", help="hotlist that it may do it with"
)
@click.option(
    "--until", required=True, metavar="TIME", help="a date alone is meant with its day; 400 days at most"
)
@click.option(
    "--out", type=FILE, required=True, help="new file that is to hold the key, readable by you alone"
)
@looking
@configured
def make_key(config: Path, name: str, out: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Make a key NAME, under which its acts stand in entries and in the audit log.

    The key is written into --out and kept nowhere else.
    """
    from zoneinfo import ZoneInfo

    from central.access import keys
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare
    from central.query.when import moment

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        until = moment(asked["until"], zone=ZoneInfo(settings.site_timezone), end=True)
        wish = keys.Wish(name, [Right(each) for each in asked["rights"]], asked["lists"], until)
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)

        def note(connection: "Connection", made: "Key") -> None:
            log.note(connection, look, "key.make", _told(made))

        with _new_file(out) as write:
            keys.make(engine, wish, by=look.actor, at=now(), log=note, hand_over=write)
    click.echo(f"key {name} is in {out}")


@contextmanager
def _new_file(path: Path) -> Iterator[Callable[[str], None]]:
    """A file that its owner alone can read; gone again where what it is for fails.

    Raises:
        AccessError: there is one already, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise AccessError(f"{path}: cannot be made: {error.strerror}") from error

    def write(text: str) -> None:
        try:
            os.write(descriptor, f"{text}\n".encode("ascii"))
            os.fsync(descriptor)
        except OSError as error:
            raise AccessError(f"{path}: cannot be written: {error.strerror}") from error

    try:
        yield write
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


@key_group.command("list")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@configured
def list_keys(config: Path, *, as_document: bool) -> None:
    """Which keys there are and were, what each may, and until when."""
    from central.access import keys
    from central.api.listing import keys_table
    from central.show import as_json

    with database(config) as (settings, engine):
        found, style = keys.listed(engine), style_of(settings)
    if as_document:
        click.echo(as_json("keys", found, style))
    else:
        open_console().print(keys_table(found, style, now=now()))


@key_group.command("revoke")
@click.argument("name")
@looking
@configured
def revoke_key(config: Path, name: str, **asked: Any) -> None:  # noqa: ANN401  # options
    """End key NAME now: whoever holds it is refused from the next request on."""
    from central.access import keys
    from central.access.audit import AuditLog
    from central.access.key import open_key
    from central.access.look import declare

    look = declare(asked["actor"], asked["purpose"], asked["case_number"])
    with database(config) as (settings, engine):
        log = AuditLog(engine, open_key(settings.access.key_file), clock=now)

        def note(connection: "Connection", revoked: "Key") -> None:
            log.note(connection, look, "key.revoke", _told(revoked))

        keys.revoke(engine, name, at=now(), log=note)
    click.echo(f"key {name} is revoked")


def _told(key: "Key") -> dict[str, object]:
    """A key for the log."""
    until = key.expires_at.isoformat()
    return {"key": key.name, "rights": [*key.rights], "lists": [*key.lists], "until": until}
