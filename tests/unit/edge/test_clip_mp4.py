"""A clip is what the camera sent: the same pictures, none encoded again, in a file that begins with a key frame."""

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import clip_file, drawn, number_of, write_clip
from packets import FORMAT, feed, packet, real, taken

from edge.capture.ring import Cut, Kept, PacketRing
from edge.clips.mp4 import has_parameter_sets, remux
from edge.errors import SourceError


def cut_of(path: Path, *, begin: float, end: float) -> Cut:
    """From one second to another of a transport stream, seconds after its first picture."""
    ring = PacketRing(seconds=60, max_bytes=10_000_000)
    first = None
    for each, format_, at in real(path):
        if first is None:
            ring.begin(format_)
            first = at
        ring.add(each, captured_at=at)
    assert first is not None
    moments = [first + (taken(0) - taken(0)) + (taken(int(s * 25)) - taken(0)) for s in (begin, end)]
    cut = ring.cut(moments[0], begin=moments[0], end=moments[1])
    assert cut is not None
    return cut


def shown(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("b_frames", [0, 2])
def test_every_picture_is_there_in_order_at_its_time(b_frames: int) -> None:
    cut = cut_of(clip_file(frames=100, b_frames=b_frames, suffix=".ts"), begin=1.5, end=3.2)
    data = remux(cut)
    frames = shown(data)
    numbers = [number_of(frame.to_ndarray(format="bgr24")) for frame in frames]
    assert numbers == [*range(25, 25 + len(numbers))]
    assert numbers[-1] in range(78, 83)
    assert frames[0].key_frame
    times = [frame.time for frame in frames]
    assert times == pytest.approx([n / 25 for n in range(len(times))], abs=0.001)
    with av.open(io.BytesIO(data)) as container:
        assert container.duration / 1e6 == pytest.approx(len(frames) / 25, abs=0.05)
        assert container.metadata["creation_time"].startswith("2026-03-01T12:00:0")


def test_the_bytes_of_the_pictures_are_the_cameras() -> None:
    cut = cut_of(clip_file(frames=50, suffix=".ts"), begin=0.0, end=1.0)
    data = remux(cut)
    with av.open(io.BytesIO(data)) as container:
        sizes = [p.size for p in container.demux(video=0) if p.size]
    # Start codes become lengths, parameter sets and delimiters may move to the head: nothing else changes.
    for before, after in zip([kept.packet.size for kept in cut.packets], sizes, strict=True):
        assert abs(before - after) <= 64


def test_hevc_too(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.ts", frames=50, codec="libx265")
    frames = shown(remux(cut_of(path, begin=0.2, end=1.5)))
    assert number_of(frames[0].to_ndarray(format="bgr24")) == 0
    assert len(frames) >= 36


def test_parameter_sets_that_were_only_told_beforehand_are_put_in() -> None:
    cut = cut_of(clip_file(frames=50, suffix=".ts"), begin=1.2, end=1.9)
    bare = bytes(cut.packets[0].packet)
    assert has_parameter_sets(bare, "h264")
    at = bare.index(b"\x00\x00\x01\x65")  # the picture itself
    stripped = av.Packet(bare[at:])
    stripped.is_keyframe = True
    assert not has_parameter_sets(bytes(stripped), "h264")
    packets = (replace(cut.packets[0], packet=stripped), *cut.packets[1:])
    frames = shown(remux(Cut(cut.format, packets)))
    assert number_of(frames[0].to_ndarray(format="bgr24")) == 25
    with pytest.raises(SourceError, match="no clip can be made of h264"):
        remux(Cut(replace(cut.format, extradata=b""), packets))


def test_what_cannot_be_shown_is_said() -> None:
    ring = PacketRing(seconds=9, max_bytes=10_000)
    ring.begin(FORMAT)
    feed(ring, range(10))
    cut = ring.cut(taken(5), begin=taken(0), end=taken(9))
    assert cut is not None
    with pytest.raises(SourceError, match="no clip can be made of h264"):
        remux(cut)
    with pytest.raises(SourceError, match="no clip can be made of no-such-codec"):
        remux(replace(cut, format=replace(FORMAT, codec="no-such-codec")))


def test_a_codec_without_parameter_sets_needs_none() -> None:
    assert has_parameter_sets(b"\xff\xd8", "mjpeg")


def test_a_single_picture_and_equal_times_make_a_file() -> None:
    cut = cut_of(clip_file(frames=50, suffix=".ts"), begin=0.0, end=1.0)
    assert len(shown(remux(Cut(cut.format, cut.packets[:1])))) == 1
    equal = tuple(Kept(kept.packet, cut.packets[0].pts, kept.captured_at) for kept in cut.packets[:5])
    assert len(shown(remux(Cut(cut.format, equal)))) == 5


def test_a_slow_time_base_is_understood() -> None:
    cut = cut_of(clip_file(frames=50, suffix=".ts"), begin=0.0, end=1.0)
    slow = tuple(replace(kept, pts=n * 40) for n, kept in enumerate(cut.packets))
    frames = shown(remux(Cut(replace(cut.format, time_base=Fraction(1, 1000)), slow)))
    assert frames[-1].time == pytest.approx((len(slow) - 1) * 0.04, abs=0.001)


def test_packets_of_the_ring_keep_their_times() -> None:
    cut = cut_of(clip_file(frames=50, suffix=".ts"), begin=0.0, end=1.0)
    before = [(kept.packet.pts, kept.packet.dts, kept.packet.time_base) for kept in cut.packets]
    remux(cut)
    assert [(kept.packet.pts, kept.packet.dts, kept.packet.time_base) for kept in cut.packets] == before


def test_numbers_drawn_are_read_again() -> None:
    assert number_of(drawn(517)) == 517
    assert packet(3).pts == 3 * 3_600
