"""`python -m edge enroll`."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from edge.contract.read import Identifier
from edge.enroll.configuration import check_owner, edge_id_of, put_tls
from edge.enroll.install import CURRENT
from edge.enroll.install import install as put_to_use
from edge.enroll.request import make
from edge.errors import ConfigError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_CONFIG = click.option("--config", type=_FILE, help="configuration file of the box")


@click.group()
def enroll() -> None:
    """The box's certificate: ask the city's authority for one, and put it to use (docs/enrol.md)."""


@enroll.command()
@click.option("--edge-id", help="name of this box; or name its --config")
@_CONFIG
@click.option(
    "--out", "--dir", "folder", type=_FOLDER, default="tls", show_default=True, help="folder of the key"
)
def request(edge_id: str | None, config: Path | None, folder: Path) -> None:
    """Make a key, which stays on this box, and a request, which goes to the authority to be signed.

    What the box uses now is not touched: to renew a certificate, request and install again.
    """
    made = make(folder, edge_id=_named(edge_id, config))
    if made.again:
        click.echo(f"{made.key_path}  was there already and is used again")
    else:
        click.echo(f"{made.key_path}  secret: stays here")
    click.echo(f"{made.path}  for the authority, which signs it (central ca sign)")
    click.echo(f"fingerprint of the key (SHA-256)  {made.fingerprint}")


@enroll.command()
@click.argument("certificate", type=_FILE)
@click.argument("ca", type=_FILE)
@click.option(
    "--dir", "--out", "folder", type=_FOLDER, default="tls", show_default=True, help="folder of the request"
)
@_CONFIG
def install(certificate: Path, ca: Path, folder: Path, config: Path | None) -> None:
    """Check the signed CERTIFICATE and the authority's (CA, ca.pem), and put them to use.

    With --config its mqtt.tls then names them. A box that runs takes them at its next connection.
    """
    edge_id = None if config is None else edge_id_of(config)
    if config is not None:
        check_owner(config, folder / CURRENT, user=os.geteuid())  # before anything is put to use
    done = put_to_use(certificate, ca, folder=folder, edge_id=edge_id, clock=lambda: datetime.now(UTC))
    click.echo(
        f"{done.folder}  {done.edge_id}, until {done.not_after:%Y-%m-%d %H:%M} UTC ({done.days:.0f} days)"
    )
    if config is not None:
        put = put_tls(config, done.folder)
        click.echo(f"{config}  mqtt.tls {'names them now' if put else 'names them already'}")


def _named(edge_id: str | None, config: Path | None) -> str:
    """The box's name, from the one or the other.

    Raises:
        ConfigError: it is no edge_id, or the configuration says another.
    """
    configured = None if config is None else edge_id_of(config)
    name = edge_id or configured
    if name is None:
        raise click.UsageError("name the box: --edge-id NAME or --config FILE")
    if configured is not None and configured != name:
        raise ConfigError(f"{config}: edge_id is {configured!r}, not {name!r}")
    try:
        return TypeAdapter(Identifier).validate_python(name)
    except ValidationError as error:
        raise ConfigError(
            f"{name!r} is no edge_id: up to 63 of a-z 0-9 . _ -, the first a letter or digit"
        ) from error
