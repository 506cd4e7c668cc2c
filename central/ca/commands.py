"""`python -m central ca`: certificates for edges, the broker and the centre."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from central.errors import AuthorityError
from central.options import FILE, FOLDER, Commands, now

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from central.ca.authority import Authority
    from central.ca.register import Issued

_PASSPHRASE_CHARS: Final = 16
_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_F = TypeVar("_F", bound=Callable[..., Any])


@click.group(cls=Commands)
def ca() -> None:
    """The certificate authority: who may talk to the broker (docs/enrol.md shows the whole way)."""


def _at(command: _F) -> _F:
    return click.option(
        "--ca", "folder", type=FOLDER, default="ca", show_default=True, help="folder of the authority"
    )(command)


def _unlocked(command: _F) -> _F:
    passphrase = click.option(
        "--passphrase-file",
        type=FILE,
        required=True,
        help="file with the passphrase of the authority's key, readable by you alone",
    )
    return _at(passphrase(command))


def _lasting(days: int) -> Callable[[_F], _F]:
    return click.option(
        "--days", type=click.IntRange(1, 36_500), default=days, show_default=True, help="how long it holds"
    )


@ca.command()
@_unlocked
@click.option(
    "--name", default="Atalaya", show_default=True, help="name of the authority, such as the city's"
)
@_lasting(3650)
def init(folder: Path, passphrase_file: Path, name: str, days: int) -> None:
    """Make the authority: its key, under the passphrase, and its certificate ca.pem, which everybody gets."""
    from central.ca import authority

    size = len(name.encode())
    if not 1 <= size <= 64:
        raise AuthorityError(f"--name: 1 to 64 bytes (UTF-8), found {size}")
    passphrase = _passphrase(passphrase_file)
    made = authority.create(folder, name=name, passphrase=passphrase, days=days, now=now())
    click.echo(f"{folder / authority.CERTIFICATE}  for the broker, the centre and every edge")
    click.echo(f"{folder / authority.REVOKED}  for the broker")
    click.echo(
        f"{folder / authority.KEY}  stays here; keep a copy of the folder and of the passphrase, apart"
    )
    click.echo(f"fingerprint of ca.pem (SHA-256)  {made.fingerprint}")


@ca.command()
@_unlocked
@click.argument("file", metavar="REQUEST", type=FILE)
@click.option("--edge", "edge_id", required=True, help="edge_id of the box that made the request")
@_lasting(365)
@click.option("--out", type=FILE, help="where to  [default: EDGE.pem]")
def sign(folder: Path, passphrase_file: Path, file: Path, edge_id: str, days: int, out: Path | None) -> None:
    """Sign the REQUEST of a box (`edge enroll request`): from then on the broker knows it as that edge."""
    from central.ca import request
    from central.ca.register import Kind

    key = request.public_key_of(file, edge_id=edge_id)
    with _open(folder, passphrase_file) as opened:
        certificate = opened.sign_client(key, kind=Kind.EDGE, name=edge_id, days=days, now=now())
    out = out or Path(f"{edge_id}.pem")
    _hand_out(certificate, out)
    click.echo(f"fingerprint of the box's key (SHA-256)  {request.key_fingerprint(key)}")
    click.echo("the box must show the same: if not, revoke this certificate")


@ca.command()
@_unlocked
@click.option(
    "--host", "hosts", multiple=True, required=True, help="name or address of the broker; repeatable"
)
@_lasting(365)
@click.option(
    "--out", type=FOLDER, default="broker", show_default=True, help="folder for key and certificate"
)
def server(folder: Path, passphrase_file: Path, hosts: tuple[str, ...], days: int, out: Path) -> None:
    """Make the broker's key and certificate, for the names that edges and centre know it by."""
    from central.ca import authority
    from central.ca.file import write

    for host in hosts:
        _check_host(host)
    with _open(folder, passphrase_file) as opened:
        key = authority.new_key()
        certificate = opened.sign_server(key.public_key(), hosts=hosts, days=days, now=now())
    write(out / "server.key", authority.key_pem(key))
    _hand_out(certificate, out / "server.pem")
    click.echo(f"{out / 'server.key'}  secret: for the broker's user alone")


@ca.command()
@_unlocked
@_lasting(365)
@click.option("--out", type=FOLDER, help="folder for key and certificate  [default: its name]")
@click.option(
    "--number",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="of several consumers (docs/nodes.md): the second is `centre-2`",
)
def centre(folder: Path, passphrase_file: Path, days: int, out: Path | None, number: int) -> None:
    """Make the centre's own key and certificate; the broker knows it as `centre`."""
    from central.ca import authority, request
    from central.ca.file import write
    from central.ca.register import Kind

    name = request.CENTRE if number == 1 else f"{request.CENTRE}-{number}"
    out = out or Path(name)
    with _open(folder, passphrase_file) as opened:
        key = authority.new_key()
        certificate = opened.sign_client(key.public_key(), kind=Kind.CENTRE, name=name, days=days, now=now())
    write(out / "centre.key", authority.key_pem(key))
    _hand_out(certificate, out / "centre.pem")
    click.echo(f"{out / 'centre.key'}  secret: for the centre's user alone")


@ca.command()
@_unlocked
@click.argument("name", required=False)
@click.option("--serial", help="one certificate, as `ca list` shows it, instead of all of a NAME")
def revoke(folder: Path, passphrase_file: Path, name: str | None, serial: str | None) -> None:
    """Revoke every certificate of NAME (an edge_id, `centre`, the broker's hosts), and write crl.pem anew."""
    from central.ca import authority

    if (name is None) is (serial is None):
        raise click.UsageError("name whose certificates: NAME, or one by --serial")
    with _open(folder, passphrase_file) as opened:
        chosen = _to_revoke(authority.entries(folder), name=name, serial=serial)
        opened.revoke({entry.serial for entry in chosen}, now=now())
    if not chosen:
        click.echo("revoked already; the list is written again")
    for entry in chosen:
        click.echo(f"revoked  {entry.kind} {entry.name}  serial {entry.serial}")
    click.echo(f"{folder / authority.REVOKED}  takes effect once the broker has it and is restarted")


@ca.command("list")
@_at
def list_issued(folder: Path) -> None:
    """Every certificate ever signed, oldest first: for whom, until when (UTC), and whether it holds."""
    from central.ca import authority

    moment = now()
    for entry in authority.entries(folder):
        until = f"until {entry.not_after:%Y-%m-%d %H:%M}"
        click.echo(
            f"{entry.state(moment):8} {entry.kind.value:6} {entry.name}  {until}  serial {entry.serial}"
        )


@contextmanager
def _open(folder: Path, passphrase_file: Path) -> "Iterator[Authority]":
    from central.ca import authority
    from central.ca.file import claimed

    passphrase = _passphrase(passphrase_file)
    with claimed(folder):
        yield authority.unlock(folder, passphrase=passphrase)


def _passphrase(path: Path) -> str:
    """The passphrase.

    Raises:
        AuthorityError: it is too short, or others can read it.
        ConfigError: it cannot be read.
    """
    from central.sections import read_secret

    secret = read_secret(path)
    if path.is_file() and path.stat().st_mode & 0o077:
        raise AuthorityError(f"{path}: others can read the passphrase; chmod 600 {path}")
    if len(secret) < _PASSPHRASE_CHARS:
        raise AuthorityError(
            f"{path}: a passphrase of at least {_PASSPHRASE_CHARS} characters, found {len(secret)}"
        )
    return secret


def _check_host(host: str) -> None:
    try:
        ip_address(host)
    except ValueError as error:
        if not _HOST.fullmatch(host):
            raise AuthorityError(
                f"--host {host}: neither a host's name (lower case) nor an address"
            ) from error


def _to_revoke(issued: "tuple[Issued, ...]", *, name: str | None, serial: str | None) -> "list[Issued]":
    """What is meant, of that which is not revoked yet; maybe nothing.

    Raises:
        AuthorityError: there is no such certificate.
    """
    wanted = None if serial is None else serial.lower().replace(":", "").lstrip("0")
    found = [e for e in issued if (e.serial == wanted if name is None else e.name == name)]
    if not found:
        meant = f"serial {serial}" if name is None else repr(name)
        raise AuthorityError(f"no certificate of {meant} was ever signed here; `ca list` shows them")
    return [e for e in found if e.revoked_at is None]


def _hand_out(certificate: "Certificate", path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    from central.ca.file import write

    write(path, certificate.public_bytes(Encoding.PEM), mode=0o644)
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{path}  until {until}, serial {certificate.serial_number:x}")
