"""H.264 and H.265 in RTP (RFC 6184, packetization-mode 1; RFC 7798) and the RTCP sender report (RFC 3550)."""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

CLOCK_HZ = 90_000
"""RTP ticks a second of every video stream."""

PAYLOAD_TYPE = 96

_VERSION = 0x80
_MARKER = 0x80
_STAP_A = 24
_FU_A = 28
_FU_START, _FU_END = 0x80, 0x40
_NRI = 0x60
_TYPE = 0x1F
_PARAMETER_SETS = (6, 7, 8)  # SEI, SPS, PPS: small, and sent together
_AP, _FU = 48, 49  # of H.265
_PARAMETER_SETS_265 = (32, 33, 34, 39, 40)  # VPS, SPS, PPS, SEI
_LAYER = 0x81  # of an H.265 NAL unit's first byte, what is not its type
_SENDER_REPORT = 200
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


class Packetiser:
    """Cuts access units into RTP packets of one stream and counts what it sent.

    Args:
        ssrc: the stream's number, 32 bits.
        sequence: the first packet's number; wraps at 2**16.
        payload_bytes: the most an RTP packet carries after its 12 bytes of header.
    """

    def __init__(self, *, ssrc: int, sequence: int, payload_bytes: int = 1388) -> None:
        self.ssrc = ssrc
        self.sequence = sequence & 0xFFFF
        self.packets_sent = 0
        self.bytes_sent = 0
        self._payload_bytes = payload_bytes

    def packets(self, nals: Sequence[bytes], *, timestamp: int, h265: bool = False) -> list[bytes]:
        """The RTP packets of one access unit, the last one marked.

        Args:
            nals: its NAL units, without start codes.
            timestamp: presentation time in ticks of 90 kHz; wraps at 2**32.
            h265: they are of H.265, and not of H.264.
        """
        payloads = list(_payloads(nals, self._payload_bytes, h265=h265))
        packets = []
        for number, payload in enumerate(payloads, start=1):
            marker = _MARKER if number == len(payloads) else 0
            header = struct.pack(
                ">BBHII", _VERSION, marker | PAYLOAD_TYPE, self.sequence, timestamp & 0xFFFFFFFF, self.ssrc
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.packets_sent += 1
            self.bytes_sent += len(payload)
            packets.append(header + payload)
        return packets

    def sender_report(self, *, timestamp: int, at: datetime) -> bytes:
        """The RTCP packet that ties the RTP time `timestamp` to the UTC time `at`."""
        since = at - _NTP_EPOCH
        seconds = since.days * 86_400 + since.seconds
        fraction = (since.microseconds << 32) // 1_000_000
        return struct.pack(
            ">BBHIIIIII",
            _VERSION,
            _SENDER_REPORT,
            6,  # length in 32-bit words, less one
            self.ssrc,
            seconds & 0xFFFFFFFF,
            fraction,
            timestamp & 0xFFFFFFFF,
            self.packets_sent & 0xFFFFFFFF,
            self.bytes_sent & 0xFFFFFFFF,
        )


def split_annex_b(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream with start codes (00 00 01 or 00 00 00 01), without them."""
    pieces = stream.split(b"\x00\x00\x01")[1:]
    # Zeros before a start code belong to it or are padding: a NAL unit never ends in one.
    return [nal for nal in (piece.rstrip(b"\x00") for piece in pieces) if nal]


def nal_kind(nal: bytes, *, h265: bool) -> int:
    """The number of a NAL unit's type."""
    return nal[0] >> 1 & 0x3F if h265 else nal[0] & _TYPE


def _payloads(nals: Sequence[bytes], limit: int, *, h265: bool) -> Iterator[bytes]:
    together = _PARAMETER_SETS_265 if h265 else _PARAMETER_SETS
    small: list[bytes] = []
    for nal in nals:
        if nal_kind(nal, h265=h265) in together and len(nal) + 4 <= limit:
            if sum(len(s) + 2 for s in small) + len(nal) + 4 > limit:
                yield _aggregate(small, h265=h265)
                small = []
            small.append(nal)
            continue
        if small:
            yield _aggregate(small, h265=h265)
            small = []
        if len(nal) <= limit:
            yield nal
        else:
            yield from _fragments_265(nal, limit) if h265 else _fragments(nal, limit)
    if small:
        yield _aggregate(small, h265=h265)


def _aggregate(nals: Sequence[bytes], *, h265: bool) -> bytes:
    if len(nals) == 1:
        return nals[0]
    body = b"".join(struct.pack(">H", len(n)) + n for n in nals)
    if h265:
        return bytes([nals[0][0] & _LAYER | _AP << 1, nals[0][1]]) + body
    importance = max(nal[0] & _NRI for nal in nals)
    return bytes([importance | _STAP_A]) + body


def _fragments(nal: bytes, limit: int) -> Iterator[bytes]:
    indicator, kind = (nal[0] & _NRI) | _FU_A, nal[0] & _TYPE
    for flags, piece in _pieces(nal[1:], limit - 2):
        yield bytes([indicator, flags | kind]) + piece


def _fragments_265(nal: bytes, limit: int) -> Iterator[bytes]:
    head = bytes([nal[0] & _LAYER | _FU << 1, nal[1]])
    for flags, piece in _pieces(nal[2:], limit - 3):
        yield head + bytes([flags | nal_kind(nal, h265=True)]) + piece


def _pieces(body: bytes, step: int) -> Iterator[tuple[int, bytes]]:
    """A NAL unit's body in parts, each with the flags that say whether it is the first or the last."""
    for begin in range(0, len(body), step):
        end = min(begin + step, len(body))
        yield (_FU_START if begin == 0 else 0) | (_FU_END if end == len(body) else 0), body[begin:end]
