"""Compressed packets -> an MP4 file that any player shows. Remuxed: not one picture is encoded again.

The one picture that is decoded is the first, and only to know its size and that it can be shown.
"""

import io
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, cast

import av
from av.packet import Packet

from edge.capture.ring import Cut, Kept
from edge.errors import SourceError

_TIME_BASE: Final = Fraction(1, 90_000)
_ONE_PICTURE: Final = 3_600  # ticks
_SETS: Final = {
    "h264": (0x1F, 0, frozenset({7, 8}), range(1, 6)),
    "hevc": (0x7E, 1, frozenset({32, 33, 34}), range(32)),
}
"""Of each codec: mask and shift of a unit's type in its first byte, parameter sets, and pictures."""
_START: Final = b"\x00\x00\x01"


def remux(cut: Cut) -> bytes:
    """The file.

    Raises:
        SourceError: the packets cannot be shown, or no MP4 file can hold this codec.
    """
    try:
        return _muxed(cut)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"no clip can be made of {cut.format.codec}: {reason}") from error


def has_parameter_sets(data: bytes, codec: str) -> bool:
    """Whether a key frame (Annex B) brings its parameter sets along; true of codecs that have none."""
    if codec not in _SETS:
        return True
    mask, shift, wanted, pictures = _SETS[codec]
    found: set[int] = set()
    at = data.find(_START)
    while 0 <= at < len(data) - 3:
        kind = (data[at + 3] & mask) >> shift
        if kind in pictures:
            break
        found.add(kind)
        at = data.find(_START, at + 3)
    return wanted <= found


def _muxed(cut: Cut) -> bytes:
    first = bytes(cut.packets[0].packet)
    sets = b"" if has_parameter_sets(first, cut.format.codec) else cut.format.extradata
    first = sets + first if sets.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")) else first
    width, height = _size(cut, first)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        container.metadata["creation_time"] = cut.began_at.isoformat()
        stream = container.add_mux_stream(cut.format.codec, width=width, height=height, time_base=_TIME_BASE)
        for kept, (pts, dts, lasts) in zip(
            cut.packets, _times(cut.packets, cut.format.time_base), strict=True
        ):
            # A packet of our own: muxing changes its times, and the ring's may be wanted again.
            packet = Packet(bytes(kept.packet) if kept is not cut.packets[0] else first)
            packet.stream = stream
            packet.time_base = _TIME_BASE
            packet.pts, packet.dts, packet.duration = pts, dts, lasts
            packet.is_keyframe = kept.packet.is_keyframe
            container.mux(packet)
    return out.getvalue()


def _size(cut: Cut, first: bytes) -> tuple[int, int]:
    """Width and height of the first picture, px."""
    decoder = cast(av.VideoCodecContext, av.CodecContext.create(cut.format.codec, "r"))
    if cut.format.extradata:
        decoder.extradata = cut.format.extradata
    decoder.thread_count = 1
    frames = [*decoder.decode(Packet(first)), *decoder.decode(None)]
    if not frames:
        raise ValueError("its key frame shows nothing")
    return frames[0].width, frames[0].height


def _times(packets: Sequence[Kept], time_base: Fraction) -> Iterator[tuple[int, int, int]]:
    """Presentation and decoding time of each, from 0, and how long it lasts, in ticks of the file.

    Cameras often give no decoding times, or ones that do not ascend. The sorted presentation times are good ones,
    taken back by as much as a picture is shown before its turn; equal ones are moved apart by a tick.
    """
    begin = min(kept.pts for kept in packets)
    shown = [int((kept.pts - begin) * time_base / _TIME_BASE) for kept in packets]
    order = sorted(range(len(shown)), key=lambda n: (shown[n], n))
    turns = [shown[n] for n in order]
    for n in range(1, len(turns)):
        turns[n] = max(turns[n], turns[n - 1] + 1)
    for n, turn in zip(order, turns, strict=True):
        shown[n] = turn
    back = max(0, *(turn - pts for turn, pts in zip(turns, shown, strict=True)), 0)
    lasts = [b - a for a, b in itertools.pairwise(turns)]
    lasts += lasts[-1:] or [_ONE_PICTURE]  # a last picture without length would not be shown
    for pts, turn, last in zip(shown, turns, lasts, strict=True):
        yield pts, turn - back, last
