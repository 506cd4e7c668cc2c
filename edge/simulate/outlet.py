"""Where a session's packets go: into the RTSP connection, or to two UDP ports."""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Protocol

_BURST = 16
_PAUSE_S = 0.001


class Outlet(Protocol):
    """Sends one session's RTP and RTCP."""

    async def send(self, packets: Sequence[bytes]) -> None:
        """Send the RTP packets of one picture."""
        ...

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        ...

    def backlog_bytes(self) -> int:
        """What the client has not taken yet."""
        ...

    def close(self) -> None:
        """Send no more; idempotent."""
        ...


class InterleavedOutlet:
    """TCP: each packet framed with `$`, channel and length (RFC 2326, 10.12)."""

    def __init__(self, writer: asyncio.StreamWriter, *, channels: tuple[int, int]) -> None:
        self._writer = writer
        self._rtp, self._rtcp = channels

    async def send(self, packets: Sequence[bytes]) -> None:
        """Queue one picture; the caller bounds the queue by `backlog_bytes`."""
        self._writer.write(b"".join(self._frame(self._rtp, p) for p in packets))

    def report(self, packet: bytes) -> None:
        """Queue an RTCP packet."""
        self._writer.write(self._frame(self._rtcp, packet))

    def backlog_bytes(self) -> int:
        """What waits in this process because the client's window is full."""
        return self._writer.transport.get_write_buffer_size()

    def close(self) -> None:
        """Nothing: the connection belongs to the server."""

    @staticmethod
    def _frame(channel: int, packet: bytes) -> bytes:
        return struct.pack(">cBH", b"$", channel, len(packet)) + packet


class UdpOutlet:
    """UDP: RTP and RTCP to two ports of the client, from two of ours.

    A key frame is a hundred packets and more; sent at once they overflow a default receive buffer, so they
    leave in small bursts.
    """

    def __init__(
        self,
        rtp: asyncio.DatagramTransport,
        rtcp: asyncio.DatagramTransport,
        *,
        host: str,
        ports: tuple[int, int],
    ) -> None:
        self._rtp, self._rtcp = rtp, rtcp
        self._host = host
        self._ports = ports

    @property
    def server_ports(self) -> tuple[int, int]:
        """The ports that packets come from."""
        return self._rtp.get_extra_info("sockname")[1], self._rtcp.get_extra_info("sockname")[1]

    async def send(self, packets: Sequence[bytes]) -> None:
        """Send one picture in bursts."""
        for begin in range(0, len(packets), _BURST):
            if begin:
                await asyncio.sleep(_PAUSE_S)
            for packet in packets[begin : begin + _BURST]:
                self._rtp.sendto(packet, (self._host, self._ports[0]))

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        self._rtcp.sendto(packet, (self._host, self._ports[1]))

    def backlog_bytes(self) -> int:
        """What the machine has not sent yet."""
        size: int = self._rtp.get_write_buffer_size()  # type: ignore[attr-defined]  # typeshed lacks it
        return size

    def close(self) -> None:
        """Give the ports back."""
        self._rtp.close()
        self._rtcp.close()


class _Listener(asyncio.DatagramProtocol):
    """Hears the client's RTCP, which says that it is still there."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002  # asyncio's names
        """Any packet counts."""
        self._heard()

    def error_received(self, exc: Exception) -> None:
        """The client's port is closed: the session's time-out ends it."""


async def open_udp(*, local: str, host: str, ports: tuple[int, int], heard: Callable[[], None]) -> UdpOutlet:
    """An outlet from two free ports of `local` to two ports of `host`; `heard` is called on the client's RTCP.

    Raises:
        OSError: no port is free.
    """
    loop = asyncio.get_running_loop()
    rtp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(local, 0))
    try:
        rtcp, _ = await loop.create_datagram_endpoint(lambda: _Listener(heard), local_addr=(local, 0))
    except OSError:
        rtp.close()
        raise
    return UdpOutlet(rtp, rtcp, host=host, ports=ports)
