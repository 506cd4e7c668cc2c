"""Compressed packets without a picture in them, for what only counts and keeps them; and real ones, of a clip."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from edge_reads import NOON

from edge.capture.ring import Format, PacketRing

TIME_BASE = Fraction(1, 90_000)
FORMAT = Format("h264", b"", TIME_BASE)
FPS = 25


def packet(number: int, *, key: bool = False, size: int = 100) -> Packet:
    """The one of this number, at 25 a second."""
    made = Packet(bytes(size))
    made.pts = made.dts = number * 90_000 // FPS
    made.time_base = TIME_BASE
    made.is_keyframe = key
    return made


def taken(number: int) -> datetime:
    """When the picture of this number was taken."""
    return NOON + timedelta(seconds=number / FPS)


def feed(ring: PacketRing, numbers: range, *, gop: int = 25, size: int = 100) -> None:
    """These packets, a key frame every `gop`, each as it comes."""
    for number in numbers:
        ring.add(packet(number, key=number % gop == 0, size=size), captured_at=taken(number))


def real(path: Path) -> Iterator[tuple[Packet, Format, datetime]]:
    """The packets of an MPEG transport stream, as a camera sends them (Annex B)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for each in container.demux(stream):
            if each.pts is not None:
                yield each, Format.of(stream), NOON + timedelta(seconds=float(each.pts * each.time_base))
