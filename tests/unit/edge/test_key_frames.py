"""How often key frames come, of packets with and without times."""

import math

import av
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.key_frames import KeyFrames


def packet(*, key: bool) -> av.Packet:
    made = av.Packet(b"picture")
    made.is_keyframe = key
    return made


def told(times: list[float]) -> KeyFrames:
    keys = KeyFrames()
    for at_s in times:
        keys.note(packet(key=True), media_s=at_s)
        keys.note(packet(key=False), media_s=at_s + 0.04)
    return keys


def test_nothing_is_known_before_the_second() -> None:
    assert (told([]).newest_s, told([]).longest_s) == (None, math.inf)
    assert (told([7.0]).newest_s, told([7.0]).longest_s) == (7.0, math.inf)
    assert told([7.0, 9.0]).longest_s == 2.0


def test_one_without_a_time_says_nothing() -> None:
    keys = told([1.0, 3.0])
    keys.note(packet(key=True), media_s=None)
    assert (keys.newest_s, keys.longest_s) == (3.0, 2.0)


@given(st.lists(st.sampled_from([1.0, 2.0, 8.0]), min_size=1, max_size=12))
def test_the_longest_of_the_last_four_counts(gaps: list[float]) -> None:
    times = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    keys = told(times)
    assert keys.longest_s == max(gaps[-4:])
    assert keys.is_settled == (len(gaps) >= 4)
