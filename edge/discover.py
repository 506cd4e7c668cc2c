"""`python -m edge discover`: which ONVIF cameras does this network have? WS-Discovery over UDP multicast.

A probe is sent three times, as datagrams may be lost, and answers are gathered until the time is over. Whoever answers
is not trusted: answers are parsed without declarations, their number and length are bounded, and nothing is fetched.
"""

import json
import socket
import struct
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import unquote

import click

from edge.errors import ConfigError
from edge.number import Number
from edge.soap import NAMESPACES, UnreadableError, envelope, node, parse, qname, text_at

GROUP: Final = ("239.255.255.250", 3702)
"""Where a Probe is sent to."""

_ACTION: Final = "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"
_TO: Final = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
_SCOPE: Final = "onvif://www.onvif.org/"
_DATAGRAM: Final = 65_535
_MOST_DEVICES: Final = 4096
_PROBES: Final = 3
_TEXT: Final = 256


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered.

    Attributes:
        address: of its device service; the first that it gives.
        host: where the answer came from.
        identity: its own, the same on every network.
        name, model: as its scopes say; may be empty.
        turns: whether its scopes say that it has PTZ; None where they do not say: ask its user interface.
        scopes: all of them, decoded.
    """

    address: str
    host: str
    identity: str
    name: str
    model: str
    turns: bool | None
    scopes: tuple[str, ...]


def probe(*, timeout_s: float, interface: str = "", target: tuple[str, int] = GROUP) -> list[Found]:
    """Ask once around and gather who answers, each device once, by host.

    Args:
        timeout_s: how long to gather.
        interface: address of this machine on the network to ask; empty: the system's choice.
        target: whom to ask.

    Raises:
        ConfigError: the network cannot be asked: no such interface, or it has no multicast.
    """
    found: dict[str, Found] = {}
    where = f" from {interface}" if interface else ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.bind((interface, 0))
            link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("b", 1))
            if interface:
                link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
            message_ids = [uuid.uuid4().urn for _ in range(_PROBES)]
            for message_id in message_ids:
                link.sendto(_probe_message(message_id), target)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"cannot ask {target[0]}:{target[1]}{where}: {reason}") from error
        for raw, host in _answers(link, timeout_s):
            for device in _matches(raw, host, set(message_ids)):
                if len(found) < _MOST_DEVICES:
                    found.setdefault(device.identity or device.address, device)
    return sorted(found.values(), key=lambda device: (device.host, device.address))


def _answers(link: socket.socket, timeout_s: float) -> Iterator[tuple[bytes, str]]:
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        link.settimeout(left_s)
        try:
            raw, sender = link.recvfrom(_DATAGRAM)
        except TimeoutError:
            return
        except OSError:  # an unreachable port's ICMP comes back on the next call
            continue
        yield raw, str(sender[0])


def _probe_message(message_id: str) -> bytes:
    header = (node("a:MessageID", message_id), node("a:To", _TO), node("a:Action", _ACTION))
    # The prefix stands in a text, where ElementTree does not see that it needs a declaration.
    types = node("d:Types", "dn:NetworkVideoTransmitter", **{"xmlns:dn": NAMESPACES["dn"]})
    return envelope(node("d:Probe", types), header=header)


def _matches(raw: bytes, host: str, message_ids: set[str]) -> list[Found]:
    """The devices of an answer to one of our probes; of anything else none."""
    try:
        answer = parse(raw)
    except UnreadableError:
        return []
    if text_at(answer, "s:Header/a:RelatesTo") not in message_ids:
        return []
    path = "/".join(qname(part) for part in ("s:Body", "d:ProbeMatches", "d:ProbeMatch"))
    return [found for match in answer.iterfind(path) if (found := _device(match, host)) is not None]


def _device(match: ET.Element, host: str) -> Found | None:
    told = text_at(match, "d:XAddrs").split()
    addresses = [a for a in told if a.casefold().startswith(("http://", "https://"))]
    if not addresses:
        return None
    scopes = tuple(_plain(unquote(scope)) for scope in text_at(match, "d:Scopes").split()[:64])
    said = [scope.removeprefix(_SCOPE).partition("/") for scope in scopes if scope.startswith(_SCOPE)]
    kinds = {value.casefold() for kind, _, value in said if kind.casefold() == "type"}
    return Found(
        address=_plain(addresses[0]),
        host=host,
        identity=_plain(text_at(match, "a:EndpointReference/a:Address")),
        name=next((value for kind, _, value in said if kind.casefold() == "name"), ""),
        model=next((value for kind, _, value in said if kind.casefold() == "hardware"), ""),
        turns="ptz" in kinds if kinds else None,
        scopes=scopes,
    )


def _plain(text: str) -> str:
    """Without what would write over a terminal, and not endless."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_TEXT])


@click.command()
@click.option(
    "--timeout",
    "timeout_s",
    type=Number(0.1, 60),
    default=3.0,
    show_default=True,
    help="seconds to wait for answers",
)
@click.option("--interface", default="", help="this machine's address on the network to ask")
@click.option("--json", "as_json", is_flag=True, help="one JSON list")
def discover(*, timeout_s: float, interface: str, as_json: bool) -> None:
    """Find the ONVIF cameras of this network.

    Asks by WS-Discovery (UDP multicast), which does not cross routers. No password is needed, and nothing is changed.
    """
    devices = probe(timeout_s=timeout_s, interface=interface)
    if as_json:
        click.echo(json.dumps([asdict(device) for device in devices], indent=2))
        return
    if not devices:
        click.echo(
            f"no ONVIF camera answered within {timeout_s:g} s. WS-Discovery reaches this network only, not through "
            "routers, and many cameras have it switched off: look for ONVIF in the camera's own pages, or name "
            "another network with --interface."
        )
        return
    _show(devices)


def _show(devices: list[Found]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{len(devices)} ONVIF device(s)", title_justify="left")
    table.add_column("address", no_wrap=True)  # to be copied
    for column in ("name", "model", "PTZ"):
        table.add_column(column, overflow="fold")
    for device in devices:
        turns = {True: "yes", False: "no", None: "not said"}[device.turns]
        table.add_row(*(escape(text) for text in (device.address, device.name, device.model, turns)))
    Console().print(table)
