"""WS-Discovery's answering side: the device hears a Probe on UDP and says who and where it is."""

import contextlib
import socket
import struct
import threading
import uuid
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from edge.discover import GROUP
from edge.errors import ConfigError
from edge.simulate.onvif.server import OnvifServer
from edge.soap import NAMESPACES, UnreadableError, envelope, node, parse, qname, text_at

_ANONYMOUS: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
_MATCHES: Final = "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches"


class Beacon:
    """`with Beacon(server) as beacon:` answers probes sent to `beacon.port`, or to the group.

    Args:
        server: whose address it gives.
        interface: address of the network to listen on.
        port: 3702 for the group; 0 takes a free one, for probes sent straight to it.
    """

    def __init__(self, server: OnvifServer, *, interface: str = "127.0.0.1", port: int = GROUP[1]) -> None:
        self._server = server
        self._identity = uuid.uuid4().urn
        self._interface = interface
        self.port = port
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="onvif-beacon", daemon=True)

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            ConfigError: the port is taken, or the network has no multicast.
        """
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind(("" if self.port == GROUP[1] else self._interface, self.port))
            if self.port == GROUP[1]:
                member = socket.inet_aton(GROUP[0]) + socket.inet_aton(self._interface)
                link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("b", 1))
        except OSError as error:
            link.close()
            raise ConfigError(f"no discovery on {self._interface}:{self.port}: {error.strerror}") from error
        self.port = link.getsockname()[1]
        self._socket = link
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        link, self._socket = self._socket, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)  # ends the thread's wait
            link.close()
        self._thread.join(5.0)

    def _run(self) -> None:
        while (link := self._socket) is not None:
            try:
                raw, sender = link.recvfrom(65_535)
                probe = parse(raw)
                if probe.find(f"{qname('s:Body')}/{qname('d:Probe')}") is not None:
                    link.sendto(self._match(text_at(probe, "s:Header/a:MessageID")), sender)
            except UnreadableError:
                continue
            except OSError:
                return

    def _match(self, message_id: str) -> bytes:
        device = self._server.device
        said = {"type": "ptz" if device.oddities.has_ptz else "video_encoder", "name": device.plate.name}
        said |= {"hardware": device.plate.model, "Profile": "Streaming", "location": "city/medellin"}
        scopes = " ".join(f"onvif://www.onvif.org/{kind}/{quote(value)}" for kind, value in said.items())
        header = (
            node("a:MessageID", uuid.uuid4().urn),
            node("a:RelatesTo", message_id),
            node("a:To", _ANONYMOUS),
            node("a:Action", _MATCHES),
        )
        match = node(
            "d:ProbeMatch",
            node("a:EndpointReference", node("a:Address", self._identity)),
            node("d:Types", "dn:NetworkVideoTransmitter", **{"xmlns:dn": NAMESPACES["dn"]}),
            node("d:Scopes", scopes),
            node("d:XAddrs", f"{self._server.address}/onvif/device_service"),
            node("d:MetadataVersion", "1"),
        )
        return envelope(node("d:ProbeMatches", match), header=header)
