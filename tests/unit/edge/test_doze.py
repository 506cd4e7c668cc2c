"""Dozing: what is decoded while nothing moves, and that what moves is decoded from its first picture on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from clips import FPS, HEIGHT, WIDTH, write_clip
from hypothesis import given
from hypothesis import strategies as st

from edge.capture import picture
from edge.capture.doze import Doze, Swell
from edge.capture.gate import GateTuning, MotionGate
from edge.capture.key_frames import KeyFrames

GOP = 25
HOLD_S = GateTuning().hold_s


def street(*, moves: range = range(0)) -> Callable[[int], np.ndarray]:
    """A still road; in the pictures of `moves` a box crosses it."""
    road = np.random.default_rng(7).integers(60, 120, (HEIGHT // 6, WIDTH // 5), dtype=np.uint8)
    still = np.repeat(road.repeat(6, 0).repeat(5, 1)[:, :, None], 3, axis=2)

    def draw(number: int) -> np.ndarray:
        shown = still.copy()
        if number in moves:
            left = 20 + (number - moves.start) * 3 % (WIDTH - 80)
            shown[60:100, left : left + 50] = 235
        return shown

    return draw


@dataclass
class Watched:
    """What became of a clip's pictures."""

    decoded: list[int] = field(default_factory=list)
    moving: list[int] = field(default_factory=list)
    late: dict[int, int] = field(default_factory=dict)
    """By picture: how many packets later it was decoded."""


def watch(path: Path) -> Watched:
    """As the RTSP source does it, but as fast as it goes."""
    seen, gate = Watched(), MotionGate()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        now_s = 0.0
        keys = KeyFrames()
        doze = Doze(stream, keys=keys, moves=lambda luma: gate.glance(luma, at_s=now_s))
        was_open = is_open = True
        for newest, packet in enumerate(p for p in container.demux(stream) if p.size):
            now_s = float(packet.pts * packet.time_base)
            keys.note(packet, media_s=now_s)
            due = doze.due(packet, media_s=now_s)
            for frame in (f for p in due for f in p.decode()):
                number = round(frame.time * FPS)
                seen.decoded.append(number)
                seen.late[number] = newest - number
                is_open = gate.is_open(picture.luma(frame), at_s=frame.time)
                if is_open:
                    seen.moving.append(number)
            if due:
                if not is_open:
                    if was_open and gate.stayed_s:
                        doze.stayed(gate.stayed_s)
                    doze.rest(packet)
                was_open = is_open
    return seen


def test_of_a_still_street_only_key_frames_are_decoded_and_those_apart(tmp_path: Path) -> None:
    seen = watch(write_clip(tmp_path / "still.mp4", frames=200, gop=GOP, draw=street()))
    assert max(seen.decoded) <= (HOLD_S + 2) * FPS, "the first seconds, in which it learns the street"
    assert not [n for n in seen.moving if n > HOLD_S * FPS + 1]


@pytest.mark.parametrize("begin", [100, 101, 112, 124, 125])
def test_what_moves_is_decoded_from_its_first_picture_on(tmp_path: Path, begin: int) -> None:
    moves = range(begin, begin + 2 * GOP)
    seen = watch(write_clip(tmp_path / "box.mp4", frames=250, gop=GOP, draw=street(moves=moves)))
    assert set(moves) <= set(seen.decoded)
    # The gate wants to see a motion in three pictures before it believes in it.
    assert set(moves) - set(range(begin, begin + 3)) <= set(seen.moving)
    assert seen.decoded == sorted(set(seen.decoded)), "in order, and none twice"
    assert max(seen.late.values()) <= GOP
    assert len(seen.decoded) < 200, "and it dozed before and after"


def test_it_dozes_again_when_the_street_lies_still_again(tmp_path: Path) -> None:
    moves = range(100, 150)
    seen = watch(write_clip(tmp_path / "box.mp4", frames=400, gop=GOP, draw=street(moves=moves)))
    assert max(seen.decoded) <= moves.stop + (HOLD_S + 1) * FPS + GOP


def test_growing_packets_wake_it_before_the_next_key_frame(tmp_path: Path) -> None:
    """A constant quality, so that motion costs bytes; the key frame before has nothing of it."""
    moves = range(155, 240)
    path = write_clip(tmp_path / "box.mp4", frames=300, gop=75, draw=street(moves=moves))
    assert watch(path).late[moves.start] < 25, "the next key frame is 70 pictures away"


def test_rare_key_frames_leave_nothing_to_doze_with(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "rare.mp4", frames=400, gop=125, draw=street())
    assert watch(path).decoded == list(range(400))


def test_one_key_frame_out_of_turn_does_not_make_rare_ones_frequent(tmp_path: Path) -> None:
    """A film of sixteen seconds with key frames eight seconds apart, then one of two, then the first again."""
    parts = [
        write_clip(tmp_path / f"{n}.mp4", frames=frames, gop=200, draw=street())
        for n, frames in enumerate((400, 50, 400))
    ]
    packets, begin = [], 0
    for path in parts:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            found = [p for p in container.demux(stream) if p.size]
            packets += [(p, begin + n) for n, p in enumerate(found)]
            begin += len(found)
    with av.open(str(parts[0])) as container:
        stream = container.streams.video[0]
        keys, slept = KeyFrames(), []
        doze = Doze(stream, keys=keys, moves=lambda _: False)
        for packet, number in packets:
            keys.note(packet, media_s=number / FPS)
            if not doze.due(packet, media_s=number / FPS):
                slept.append(number)
            doze.rest(packet)
    assert slept == []


def test_a_stream_that_shows_pictures_in_another_order_is_decoded_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "b.mp4", frames=200, gop=GOP, b_frames=2, draw=street())
    assert len(watch(path).decoded) >= 195, "the last ones stay in the decoder"


def test_a_camera_past_which_all_is_gone_between_two_key_frames_is_decoded_whole(tmp_path: Path) -> None:
    """Vehicles that are in view for 0.4 s while key frames come every 2 s: one in five shows on a key frame."""

    def draw(number: int) -> np.ndarray:
        begin = number // 70 * 70 + 30  # at other places between the key frames each time
        return street(moves=range(begin, begin + 10))(number)

    path = write_clip(tmp_path / "fast.mp4", frames=1400, gop=50, draw=draw)
    seen = watch(path)
    assert set(range(700, 1400)) <= set(seen.decoded)


@pytest.fixture
def packets(tmp_path: Path) -> Iterator[tuple[VideoStream, list[av.Packet]]]:
    """Of a still street."""
    path = write_clip(tmp_path / "still.mp4", frames=100, gop=GOP, draw=street())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        yield stream, [p for p in container.demux(stream) if p.size]


def dozing(stream: VideoStream, packets: list[av.Packet], *, moves: bool) -> Doze:
    """It has seen the first 60 pictures, in which nothing moved."""
    keys = KeyFrames()
    doze = Doze(stream, keys=keys, moves=lambda _: moves)
    for number, packet in enumerate(packets[:60]):
        keys.note(packet, media_s=number / FPS)
        doze.due(packet, media_s=number / FPS)
    doze.rest(packets[59])
    return doze


def test_a_key_frame_that_cannot_be_decoded_by_itself_wakes_it(
    packets: tuple[VideoStream, list[av.Packet]],
) -> None:
    stream, sent = packets
    doze = dozing(stream, sent, moves=False)
    assert doze.due(sent[60], media_s=60 / FPS) == []
    broken = av.Packet(b"\0\0\0\4nope")
    broken.is_keyframe = True
    assert doze.due(broken, media_s=61 / FPS) == [sent[60], broken]


def test_a_packet_without_a_time_keeps_its_place(packets: tuple[VideoStream, list[av.Packet]]) -> None:
    """libav gives the first one after a pause none; decoded before those that are kept it would be damaged."""
    stream, sent = packets
    doze = dozing(stream, sent, moves=True)
    assert doze.due(sent[60], media_s=60 / FPS) == []
    assert doze.due(sent[61], media_s=None) == []
    assert doze.due(sent[75], media_s=75 / FPS) == [sent[60], sent[61], sent[75]]


class TestSwell:
    @given(st.lists(st.integers(900, 1100), min_size=60, max_size=200))
    def test_usual_sizes_are_none(self, sizes: list[int]) -> None:
        swell = Swell()
        assert not any(swell.is_one(size) for size in sizes)

    @given(st.lists(st.integers(900, 1100), min_size=60, max_size=100), st.integers(2, 50))
    def test_five_packets_of_twice_the_size_are(self, sizes: list[int], times: int) -> None:
        swell = Swell()
        for size in sizes:
            swell.is_one(size)
        assert any(swell.is_one(1000 * times) for _ in range(5))

    def test_one_large_packet_is_none(self) -> None:
        swell = Swell()
        for _ in range(100):
            swell.is_one(1000)
        assert not any(swell.is_one(size) for size in [90_000, 1000, 1000, 1000, 1000, 1000])

    def test_what_stays_large_becomes_usual_where_nothing_moves(self) -> None:
        """Rain, or the night's noise: it wakes, is told each time that nothing moves, and gets used to it."""
        swell = Swell()
        for _ in range(100):
            swell.is_one(1000)
        woke = []
        for number in range(600):
            woke.append(swell.is_one(2000))
            swell.learn(2000)
            assert number < 5 or any(woke[:10])
        assert not any(woke[300:])
