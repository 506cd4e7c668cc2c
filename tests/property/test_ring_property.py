"""Whatever a camera sends: the ring keeps its bounds, loses nothing that it should keep, and cuts what can be shown."""

from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packets import FORMAT, packet, taken

from edge.capture.ring import PacketRing

KEEP_S, ROOM = 2.0, 20_000

steps = st.lists(
    st.tuples(
        st.sampled_from(["packet"] * 30 + ["connect", "leap", "pin", "unpin"]),
        st.booleans(),
        st.integers(1, 6_000),
        st.integers(0, 100),
    ),
    max_size=200,
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_bounds_hold_and_a_cut_begins_with_a_key_frame_and_shows_its_moment(
    walk: list[tuple[str, bool, int, int]],
) -> None:
    ring = PacketRing(seconds=KEEP_S, max_bytes=ROOM)
    ring.begin(FORMAT)
    number = offset = 0
    for act, key, size, back in walk:
        now = taken(number)
        if act == "connect":
            ring.begin(FORMAT)
        elif act == "leap":
            offset += 10_000
        elif act == "pin":
            ring.pin("x", since=now)
        elif act == "unpin":
            ring.unpin("x")
        else:
            before = ring.dropped
            ring.add(packet(number + offset, key=key, size=size), captured_at=now)
            assert ring.dropped >= before
            number += 1
        assert 0 <= ring.held_bytes <= ROOM
        at = taken(max(number - back, 0))
        cut = ring.cut(at, begin=at - timedelta(seconds=1), end=at + timedelta(seconds=1))
        if cut is None:
            continue
        assert cut.packets[0].packet.is_keyframe
        assert cut.began_at <= at
        assert cut.ended_at <= max(at + timedelta(seconds=1), cut.packets[0].captured_at)
        times = [kept.captured_at for kept in cut.packets]
        assert times == sorted(times)
        assert sum(kept.packet.size for kept in cut.packets) <= ring.held_bytes


@settings(max_examples=200, deadline=None)
@given(
    late_s=st.lists(st.floats(0.0, 1.5), min_size=60, max_size=200),
    gop=st.integers(1, 40),
    at=st.integers(0, 199),
    ticks=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_however_late_packets_come_a_cut_is_no_longer_than_asked_and_a_key_frame_interval(
    late_s: list[float], gop: int, at: int, ticks: tuple[int, int]
) -> None:
    at %= len(late_s)
    # A moment before the first packet of all, as far as anybody knows, is not kept.
    assume(at == 0 or taken(0) + timedelta(seconds=late_s[0]) <= taken(at))
    ring = PacketRing(seconds=60, max_bytes=1_000_000)
    ring.begin(FORMAT)
    for number, by_s in enumerate(late_s):
        each = packet(number, key=number % gop == 0)
        ring.add(each, captured_at=taken(number) + timedelta(seconds=by_s))
        if number == at:
            ring.decoded(each.pts or 0, captured_at=taken(number))
    before, after = ticks
    cut = ring.cut(taken(at), begin=taken(at - before), end=taken(at + after))
    assert cut is not None
    shown = [kept.pts * 25 // 90_000 for kept in cut.packets]
    assert shown == [*range(max(at - before, 0) // gop * gop, min(at + after + 1, len(late_s)))]
    assert [kept.captured_at for kept in cut.packets] == [taken(number) for number in shown]


@settings(max_examples=100, deadline=None)
@given(gop=st.integers(1, 60), count=st.integers(1, 300), size=st.integers(1, 50))
def test_what_has_room_is_kept_for_its_seconds_and_none_of_it_counts_as_dropped(
    gop: int, count: int, size: int
) -> None:
    ring = PacketRing(seconds=KEEP_S, max_bytes=ROOM)
    ring.begin(FORMAT)
    for number in range(count):
        ring.add(packet(number, key=number % gop == 0, size=size), captured_at=taken(number))
    oldest = max(count - 1 - int(KEEP_S * 25), 0)
    assert ring.dropped == 0
    assert all(ring.holds(taken(number)) for number in range(oldest, count))
    assert ring.held_bytes <= (int(KEEP_S * 25) + gop + 1) * size
