"""What is left out of decoding, when, and that every picture comes all the same."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from clips import FPS, clip_file, drawn, number_of, write_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.decoder import Decoder
from edge.capture.key_frames import KeyFrames

_LEARNT = 4  # key frame intervals


def packets(path: Path) -> Iterator[tuple[VideoStream, "Packet[VideoStream]"]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        yield from ((stream, packet) for packet in container.demux(stream) if packet.size)


class Fed:
    """A decoder, told of every packet as the RTSP source does it."""

    def __init__(self, stream: VideoStream) -> None:
        self._keys = KeyFrames()
        self._decoder = Decoder(stream, keys=self._keys)

    @property
    def is_thorough(self) -> bool:
        return self._decoder.is_thorough

    def dozes(self, packet: "Packet[VideoStream]") -> None:
        self._keys.note(packet, media_s=float(packet.pts * packet.time_base))

    def decode(self, packet: "Packet[VideoStream]") -> list[av.VideoFrame]:
        self.dozes(packet)
        return self._decoder.decode(packet)


def decoded(
    path: Path, *, takes: Callable[[int], bool] = lambda _: True
) -> list[tuple[int, np.ndarray, bool]]:
    """By picture: its number by its time, its luma, and whether it was decoded thoroughly."""
    decoder, found = None, []
    for position, (stream, packet) in enumerate(packets(path)):
        decoder = decoder or Fed(stream)
        if not takes(position):
            decoder.dozes(packet)
        else:
            frames = decoder.decode(packet)
            found += [(round(f.time * FPS), f.to_ndarray(format="gray"), decoder.is_thorough) for f in frames]
    return found


def thorough(path: Path) -> dict[int, np.ndarray]:
    with av.open(str(path)) as container:
        return {round(f.time * FPS): f.to_ndarray(format="gray") for f in container.decode(video=0)}


def noisy(number: int) -> np.ndarray:
    """Cheaply coded noise shows every block."""
    noise = np.random.default_rng(number).normal(0, 12, (180, 320, 1))
    return np.clip(drawn(number) + noise, 0, 255).astype(np.uint8)


def write_coarse(path: Path, *, gop: int, frames: int) -> Path:
    """So coarsely coded that the loop filter has something to smooth."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.options = {"g": str(gop), "bf": "0", "crf": "36", "sc_threshold": "0", "preset": "veryfast"}
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy(number), format="bgr24")))
        container.mux(stream.encode())
    return path


def test_once_key_frames_have_come_often_enough_the_filter_is_left_out() -> None:
    found = decoded(clip_file(frames=250, gop=25))
    assert [thoroughly for _, _, thoroughly in found] == [True] * 25 * _LEARNT + [False] * (
        250 - 25 * _LEARNT
    )


def test_what_is_left_out_is_the_filter_of_all_but_key_frames(tmp_path: Path) -> None:
    path = write_coarse(tmp_path / "coarse.mp4", gop=25, frames=200)
    wanted, off = thorough(path), {}
    for number, luma, _ in decoded(path):
        off[number] = float(np.abs(luma.astype(int) - wanted[number]).mean())
    assert all(off[n] == 0 for n in range(25 * _LEARNT + 1)), "thorough, and the first key frame after"
    assert all(off[n] == 0 for n in range(25 * _LEARNT, 200, 25)), "every key frame begins anew"
    strayed = [off[n] for n in range(25 * _LEARNT, 200) if n % 25]
    assert min(strayed) > 0, "it was left out"
    assert max(strayed) < 4, "levels of 255"


def test_where_key_frames_are_rare_nothing_is_left_out() -> None:
    assert all(thoroughly for _, _, thoroughly in decoded(clip_file(frames=700, gop=125)))


@pytest.mark.parametrize(
    ("codec", "b_frames"), [("libx264", 0), ("libx264", 3), ("libx265", 0), ("libx265", 3)]
)
def test_every_picture_comes_once_in_order_and_at_its_time(tmp_path: Path, codec: str, b_frames: int) -> None:
    path = write_clip(tmp_path / "clip.mkv", frames=200, gop=25, codec=codec, b_frames=b_frames)
    decoder, frames = None, []
    for stream, packet in packets(path):
        decoder = decoder or Fed(stream)
        frames += decoder.decode(packet)
    assert decoder is not None
    assert not decoder.is_thorough
    numbers = [number_of(f.to_ndarray(format="bgr24")) for f in frames]
    assert numbers == list(range(len(numbers)))
    assert [round(f.time * FPS) for f in frames] == numbers
    assert len(numbers) >= 200 - b_frames - 1, "the decoder holds the last ones, for more may come between"


def encoded(frames: int, **options: str) -> list["Packet[VideoStream]"]:
    """Raw packets, as a camera sends them that says nothing of them beforehand."""
    encoder = cast(av.VideoCodecContext, av.CodecContext.create("libx264", "w"))
    encoder.width, encoder.height, encoder.pix_fmt = 320, 180, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {"g": "25", "bf": "0", "sc_threshold": "0", "preset": "ultrafast", **options}
    found = []
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(drawn(number), format="bgr24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        found += encoder.encode(frame)
    return [*found, *encoder.encode(None)]


@dataclass
class Bare:
    """All of a stream that the decoder asks for; without parameters sent beforehand."""

    codec_context: av.VideoCodecContext


def bare() -> VideoStream:
    return cast(VideoStream, Bare(cast(av.VideoCodecContext, av.CodecContext.create("h264", "r"))))


def test_a_camera_that_sends_its_parameters_once_only_is_decoded_on() -> None:
    decoder, numbers = Fed(bare()), []
    for position, packet in enumerate(encoded(200)):
        sent = Packet(bytes(packet) if position == 0 else _without_parameters(bytes(packet)))
        sent.pts = sent.dts = packet.pts
        sent.time_base, sent.is_keyframe = Fraction(1, FPS), packet.is_keyframe
        numbers += [number_of(f.to_ndarray(format="bgr24")) for f in decoder.decode(sent)]
    assert numbers == list(range(200))
    assert decoder.is_thorough


def _without_parameters(packet: bytes) -> bytes:
    units = [unit for unit in re.split(b"\x00\x00\x00?\x01", packet) if unit]
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units if unit[0] & 31 not in (6, 7, 8))


def test_a_camera_that_refreshes_its_picture_little_by_little_loses_none(tmp_path: Path) -> None:
    """Every refresh that begins is called a key frame, and a decoder that begins there shows nothing for a while."""
    raw = tmp_path / "raw.h264"
    raw.write_bytes(b"".join(map(bytes, encoded(200, **{"x264-params": "intra-refresh=1"}))))
    found, keys, decoder = 0, 0, None
    for number, (stream, packet) in enumerate(packets(raw)):
        decoder = decoder or Fed(stream)
        packet.pts = packet.dts = number
        packet.time_base = Fraction(1, FPS)
        keys += packet.is_keyframe
        found += len(decoder.decode(packet))
    assert keys > _LEARNT + 1
    assert found == 200


def test_what_was_dozed_through_is_no_rare_key_frame() -> None:
    """Two minutes asleep; the camera's key frames came once a second all the while."""
    found = decoded(clip_file(frames=500, gop=25), takes=lambda position: not 150 <= position < 400)
    assert [number for number, _, _ in found] == [*range(150), *range(400, 500)]
    assert not any(thoroughly for number, _, thoroughly in found if number >= 25 * _LEARNT)


@settings(max_examples=15, deadline=None)
@given(intervals=st.lists(st.sampled_from([25, 50, 125]), min_size=5, max_size=9))
def test_rare_key_frames_bring_the_filter_back_and_lose_no_picture(intervals: list[int]) -> None:
    path = _of_intervals(tuple(intervals))
    found = decoded(path)
    assert [number for number, _, _ in found] == list(range(sum(intervals)))
    by_number = {number: thoroughly for number, _, thoroughly in found}
    keys = np.cumsum([0, *intervals[:-1]])
    for position, key in enumerate(keys):
        before = intervals[max(0, position - _LEARNT) : position]
        assert by_number[int(key)] == (len(before) < _LEARNT or max(before) > 4 * FPS)


def _of_intervals(intervals: tuple[int, ...]) -> Path:
    """A clip whose key frames come after so many pictures."""
    path = clip_file().parent / f"keys-{'-'.join(map(str, intervals))}.mp4"
    if path.exists():
        return path
    keys = {int(n) for n in np.cumsum([0, *intervals])}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.options = {"g": "1000", "bf": "0", "sc_threshold": "0", "preset": "ultrafast"}
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(sum(intervals)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 200, np.uint8), format="bgr24")
            frame.pict_type = av.video.frame.PictureType.I if number in keys else frame.pict_type
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
