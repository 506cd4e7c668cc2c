"""The ring: seconds and bytes are bounds, every drop is counted, and a cut is what was asked or says that it is not."""

from datetime import timedelta

import pytest
from packets import FORMAT, feed, packet, taken

from edge.capture.ring import PacketRing


@pytest.fixture
def ring() -> PacketRing:
    ring = PacketRing(seconds=4, max_bytes=1_000_000)
    ring.begin(FORMAT)
    return ring


def numbers(ring: PacketRing, *, at: int, begin: int, end: int) -> list[int] | None:
    """The numbers of the packets that a cut holds."""
    cut = ring.cut(taken(at), begin=taken(begin), end=taken(end))
    return None if cut is None else [kept.pts * 25 // 90_000 for kept in cut.packets]


def test_so_many_seconds_are_kept_and_a_key_frame_interval_at_most_more(ring: PacketRing) -> None:
    feed(ring, range(1_000))
    found = numbers(ring, at=950, begin=0, end=2_000)
    assert found == [*range(875, 1_000)]
    assert ring.held_bytes == 125 * 100
    assert ring.dropped == 0, "what has served its time is no drop"


def test_a_cut_begins_with_the_key_frame_before_and_ends_in_time(ring: PacketRing) -> None:
    feed(ring, range(100))
    assert numbers(ring, at=60, begin=40, end=70) == [*range(25, 71)]
    assert numbers(ring, at=60, begin=50, end=60) == [*range(50, 61)]
    cut = ring.cut(taken(60), begin=taken(40), end=taken(70))
    assert cut is not None
    assert (cut.began_at, cut.ended_at, cut.format) == (taken(25), taken(70), FORMAT)


def test_what_is_not_held_is_none_and_what_is_cut_short_is_there(ring: PacketRing) -> None:
    assert numbers(ring, at=0, begin=0, end=10) is None
    feed(ring, range(1_000))
    assert numbers(ring, at=800, begin=700, end=900) is None
    assert numbers(ring, at=1_100, begin=900, end=1_200) is None
    assert numbers(ring, at=880, begin=700, end=900) == [*range(875, 901)]
    assert numbers(ring, at=999, begin=990, end=1_500) == [*range(975, 1_000)]
    assert (ring.holds(taken(880)), ring.holds(taken(870))) == (True, False)
    assert [ring.reaches(taken(990), end=taken(number)) for number in (998, 999)] == [True, False]
    assert [ring.reaches(taken(700), end=taken(number)) for number in (998, 999)] == [True, False], "gone"


def test_the_bound_in_bytes_holds_and_what_goes_for_it_is_counted() -> None:
    ring = PacketRing(seconds=60, max_bytes=10_000)
    ring.begin(FORMAT)
    for number in range(500):
        feed(ring, range(number, number + 1))
        assert ring.held_bytes <= 10_000
    assert numbers(ring, at=490, begin=0, end=999) == [*range(400, 500)]
    assert ring.dropped == 400


def test_an_interval_that_does_not_fit_is_counted_whole_and_the_next_one_kept() -> None:
    ring = PacketRing(seconds=60, max_bytes=1_000)
    ring.begin(FORMAT)
    feed(ring, range(50), gop=50)
    assert (ring.held_bytes, ring.dropped) == (0, 50)
    feed(ring, range(50, 55), gop=50)
    assert (ring.held_bytes, ring.dropped) == (500, 50)


def test_what_is_pinned_stays_until_it_is_let_go(ring: PacketRing) -> None:
    feed(ring, range(100))
    ring.pin("a", since=taken(30))
    feed(ring, range(100, 500))
    assert numbers(ring, at=60, begin=30, end=80) == [*range(25, 81)]
    ring.unpin("a")
    ring.unpin("a")
    feed(ring, range(500, 501))
    assert numbers(ring, at=60, begin=30, end=80) is None
    assert ring.dropped == 0


def test_what_is_pinned_goes_where_there_is_no_room() -> None:
    ring = PacketRing(seconds=1, max_bytes=10_000)
    ring.begin(FORMAT)
    ring.pin("a", since=taken(0))
    feed(ring, range(300))
    assert ring.held_bytes <= 10_000
    assert numbers(ring, at=10, begin=0, end=20) is None
    assert ring.dropped == 200


def test_no_cut_spans_two_connections(ring: PacketRing) -> None:
    feed(ring, range(60))
    ring.begin(FORMAT)
    feed(ring, range(60, 75))  # no key frame among them: nothing could be shown
    assert numbers(ring, at=59, begin=40, end=90) == [*range(25, 60)]
    assert numbers(ring, at=70, begin=60, end=90) is None
    feed(ring, range(75, 100))
    assert numbers(ring, at=80, begin=50, end=99) == [*range(75, 100)]
    assert numbers(ring, at=59, begin=40, end=90) == [*range(25, 60)]


def test_where_the_camera_sets_its_time_anew_a_cut_ends(ring: PacketRing) -> None:
    feed(ring, range(60))
    for step, number in enumerate(range(5_000, 5_040)):
        key = number % 25 == 0
        ring.add(packet(number, key=key), captured_at=taken(60 + step))
    assert numbers(ring, at=50, begin=25, end=90) == [*range(25, 60)]
    assert numbers(ring, at=80, begin=25, end=99) == [*range(5_000, 5_040)]


def test_a_step_back_of_the_camera_s_time_ends_a_cut_as_well(ring: PacketRing) -> None:
    """Two seconds: within a cut, pictures of before and after would be shown by turns."""
    feed(ring, range(60))
    for step, number in enumerate(range(10, 60)):
        ring.add(packet(number, key=number % 25 == 0), captured_at=taken(60 + step))
    assert numbers(ring, at=50, begin=25, end=90) == [*range(25, 60)]
    assert numbers(ring, at=90, begin=25, end=109) == [*range(25, 60)], "the later ones"


def late(ring: PacketRing, numbers: range, *, by_s: float) -> None:
    """These packets, each of which is thought to have been taken so much later than it was."""
    for number in numbers:
        ring.add(packet(number, key=number % 25 == 0), captured_at=taken(number) + timedelta(seconds=by_s))


def test_a_cut_is_as_long_as_asked_by_the_camera_s_time_whatever_was_guessed_of_its_packets() -> None:
    """A machine that falls behind for a while and catches up in bursts."""
    ring = PacketRing(seconds=10, max_bytes=1_000_000)
    ring.begin(FORMAT)
    feed(ring, range(100))
    late(ring, range(100, 130), by_s=1.0)
    feed(ring, range(130, 150))
    late(ring, range(150, 200), by_s=0.6)
    for at in (90, 135, 145):
        assert numbers(ring, at=at, begin=at - 20, end=at + 30) == [*range((at - 20) // 25 * 25, at + 31)]
        assert [ring.reaches(taken(at), end=taken(number)) for number in (198, 199)] == [True, False]


def test_a_cut_is_dated_as_the_picture_is_that_was_decoded(ring: PacketRing) -> None:
    """Of a read, whose time is that of its picture; the packets came before anybody knew it so well."""
    late(ring, range(100), by_s=0.8)
    for number in range(40, 60):
        ring.decoded(packet(number).pts or 0, captured_at=taken(number))
    ring.decoded(packet(500).pts or 0, captured_at=taken(0))  # nobody has it any more
    assert numbers(ring, at=50, begin=30, end=80) == [*range(25, 81)]
    cut = ring.cut(taken(50), begin=taken(30), end=taken(80))
    assert cut is not None
    assert (cut.began_at, cut.ended_at) == (taken(25), taken(80))


def test_times_that_stand_still_end_no_cut_and_none_goes_on_for_ever(ring: PacketRing) -> None:
    """A camera is found out after a second of them (`timekeeper`); from then on its packets bear our time."""
    for number in range(26):
        still = packet(0, key=number == 0)
        ring.add(still, captured_at=taken(0))
    feed(ring, range(250, 350))
    cut = ring.cut(taken(0), begin=taken(-25), end=taken(50))
    assert cut is not None
    assert len(cut.packets) == 26
    assert numbers(ring, at=275, begin=260, end=300) == [*range(250, 301)]


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_times_that_run_slowly_or_fast_bound_a_cut_by_what_a_player_will_show(rate: float) -> None:
    """Until they are found out: the clip lasts as long as was asked, and shows the moment."""
    ring = PacketRing(seconds=20, max_bytes=1_000_000)
    ring.begin(FORMAT)
    for number in range(300):
        one = packet(number, key=number % 25 == 0)
        one.pts = one.dts = int((one.pts or 0) * rate)
        ring.add(one, captured_at=taken(number))
    cut = ring.cut(taken(150), begin=taken(125), end=taken(175))
    assert cut is not None
    shown_s = float((cut.packets[-1].pts - cut.packets[0].pts) * FORMAT.time_base)
    assert 2.0 <= shown_s <= 2.0 + rate, "and a key frame interval at most more"
    assert cut.began_at < taken(150) < cut.ended_at


def test_a_clock_that_was_set_back_leaves_no_packets_of_the_future(ring: PacketRing) -> None:
    feed(ring, range(10_000, 10_050))
    ring.begin(FORMAT)
    feed(ring, range(200))
    assert ring.held_bytes == 125 * 100


def test_the_first_packet_of_a_connection_has_no_time_and_is_kept_all_the_same(ring: PacketRing) -> None:
    first = packet(0, key=True)
    first.pts = first.dts = None
    ring.add(first, captured_at=taken(0))
    assert ring.held_bytes == 0
    feed(ring, range(1, 10))
    assert numbers(ring, at=5, begin=0, end=9) == [*range(10)]


def test_nothing_is_kept_before_a_key_frame_of_empty_packets_or_without_a_connection() -> None:
    ring = PacketRing(seconds=4, max_bytes=10_000)
    feed(ring, range(30))
    assert ring.held_bytes == 0, "of no connection"
    ring.begin(FORMAT)
    feed(ring, range(30, 50))
    assert ring.held_bytes == 0
    ring.add(packet(50, key=True, size=0), captured_at=taken(50))
    assert (ring.held_bytes, ring.dropped) == (0, 0)


def test_the_ring_holds_the_packets_themselves_and_no_copies(ring: PacketRing) -> None:
    one = packet(0, key=True)
    ring.add(one, captured_at=taken(0))
    cut = ring.cut(taken(0), begin=taken(0), end=taken(0))
    assert cut is not None
    assert cut.packets[0].packet is one
    assert cut.ended_at - cut.began_at == timedelta(0)
