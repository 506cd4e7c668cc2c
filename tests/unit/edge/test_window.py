"""What is under way, what makes room, and what is due again."""

from collections.abc import Iterable

import pytest

from edge.contract.delivery import Received, SeqRange, Stream
from edge.publish.window import PICTURE_BYTES, Key, Window

RESEND_S = 20.0


def window(in_flight: int = 4) -> Window:
    return Window(in_flight=in_flight, resend_s=RESEND_S)


def send(
    window: Window, seqs: Iterable[int], *, now: float = 0.0, stream: Stream = Stream.READ, size: int = 100
) -> None:
    """Sent, each with its number as packet id (pictures and updates: shifted, as packet ids are shared)."""
    for seq in seqs:
        window.add((stream, seq), mid=mid(seq, stream), size=size, now=now)


def mid(seq: int, stream: Stream = Stream.READ) -> int:
    return seq + 1000 * list(Stream).index(stream)


def confirm(window: Window, seqs: Iterable[int], stream: Stream = Stream.READ) -> None:
    for seq in seqs:
        window.confirmed(mid(seq, stream))


def reads(*seqs: int | SeqRange) -> dict[Stream, Received]:
    return {Stream.READ: Received().adding(seqs)}


def keys(*seqs: int) -> list[Key]:
    return [(Stream.READ, seq) for seq in seqs]


class TestRoom:
    def test_the_broker_is_handed_no_more_than_the_window(self) -> None:
        w = window(4)
        assert w.room(Stream.READ) == 4
        send(w, range(1, 4))
        assert w.room(Stream.READ) == 1
        send(w, [4])
        assert w.room(Stream.READ) == w.space() == 0

    def test_a_confirmation_makes_room_but_the_message_stays_under_way(self) -> None:
        w = window(4)
        send(w, range(1, 5))
        confirm(w, [2])
        assert w.room(Stream.READ) == 1
        assert sorted(w.numbers(Stream.READ)) == [1, 2, 3, 4]

    def test_an_acknowledgement_before_the_confirmation_makes_no_room_yet(self) -> None:
        w = window(4)
        send(w, range(1, 5))
        w.acknowledged(reads(1, 2), now=1.0)
        assert sorted(w.numbers(Stream.READ)) == [3, 4]
        assert w.space() == 0, "the broker still counts them"
        confirm(w, [1, 2])
        assert w.space() == 2

    def test_a_silent_centre_stops_the_stream_after_ten_windows(self) -> None:
        w = window(4)
        for seq in range(1, 41):
            assert w.room(Stream.READ) > 0
            send(w, [seq])
            confirm(w, [seq])
        assert w.room(Stream.READ) == 0
        assert w.space() == 4
        assert w.room(Stream.UPDATE) == 4, "another stream goes on"

    def test_pictures_go_one_at_a_time_and_in_bytes(self) -> None:
        w = window(100)
        assert w.room(Stream.CROP) == 1
        send(w, [1], stream=Stream.CROP, size=PICTURE_BYTES - 1)
        assert w.room(Stream.CROP) == 1
        send(w, [2], stream=Stream.CROP, size=1)
        assert w.room(Stream.CROP) == 0
        assert w.room(Stream.READ) == 98
        confirm(w, [1], Stream.CROP)
        assert w.room(Stream.CROP) == 1

    def test_a_picture_acknowledged_before_its_confirmation_gives_its_bytes_back_once(self) -> None:
        w = window(100)
        send(w, [1], stream=Stream.CROP, size=PICTURE_BYTES)
        w.acknowledged({Stream.CROP: Received().adding([1])}, now=1.0)
        assert w.room(Stream.CROP) == 0
        confirm(w, [1], Stream.CROP)
        confirm(w, [1], Stream.CROP)
        send(w, [2], stream=Stream.CROP, size=PICTURE_BYTES)
        assert w.room(Stream.CROP) == 0

    def test_what_is_no_message_takes_space_too(self) -> None:
        w = window(4)
        w.add_other(77, now=0.0)
        assert w.room(Stream.READ) == 3
        w.confirmed(77)
        assert w.room(Stream.READ) == 4

    def test_a_foreign_confirmation_changes_nothing(self) -> None:
        w = window(4)
        send(w, [1])
        w.confirmed(999)
        assert w.refused(999) is None
        assert w.space() == 3


class TestAcknowledged:
    @pytest.mark.parametrize(
        ("received", "left"),
        [
            ([SeqRange(first=1, last=1_000_000)], []),
            ([3], [1, 2, 4, 5]),
            ([1, 2, 5], [3, 4]),
            ([SeqRange(first=6, last=9)], [1, 2, 3, 4, 5]),
        ],
    )
    def test_exactly_what_the_centre_holds_is_no_longer_under_way(
        self, received: list[SeqRange | int], left: list[int]
    ) -> None:
        w = window(10)
        send(w, range(1, 6))
        w.acknowledged(reads(*received), now=1.0)
        assert sorted(w.numbers(Stream.READ)) == left

    def test_streams_are_apart(self) -> None:
        w = window(10)
        send(w, [1])
        send(w, [1], stream=Stream.UPDATE)
        w.acknowledged(reads(1), now=1.0)
        assert list(w.numbers(Stream.UPDATE)) == [1]


class TestDue:
    def test_nothing_before_its_time(self) -> None:
        w = window()
        send(w, [1])
        confirm(w, [1])
        assert w.due(now=RESEND_S - 0.1, limit=9) == []
        assert w.next_due() == RESEND_S

    def test_what_the_centre_left_out_is_due_again(self) -> None:
        w = window()
        send(w, [1, 2, 3])
        confirm(w, [1, 2, 3])
        w.acknowledged(reads(2), now=5.0)
        assert w.due(now=RESEND_S, limit=9) == keys(1, 3)

    def test_sent_again_it_waits_again(self) -> None:
        w = window()
        send(w, [1])
        confirm(w, [1])
        w.acknowledged({}, now=5.0)
        assert w.due(now=20.0, limit=9) == keys(1)
        w.add((Stream.READ, 1), mid=50, size=100, now=20.0)
        w.confirmed(50)
        w.acknowledged({}, now=30.0)
        assert w.due(now=39.0, limit=9) == []
        assert w.due(now=40.0, limit=9) == keys(1)

    def test_what_the_broker_has_not_confirmed_is_not_sent_again(self) -> None:
        w = window()
        send(w, [1])
        w.acknowledged({}, now=5.0)
        assert w.due(now=RESEND_S, limit=9) == []
        confirm(w, [1])
        assert w.due(now=2 * RESEND_S, limit=9) == keys(1)

    def test_while_the_centre_is_silent_one_probe_at_a_time(self) -> None:
        w = window(50)
        send(w, range(1, 31))
        confirm(w, range(1, 31))
        sent, mids = [], iter(range(500, 600))
        for now in range(20, 121):
            for key in w.due(now=now, limit=99):
                sent.append((now, key))
                number = next(mids)
                w.add(key, mid=number, size=100, now=now)
                w.confirmed(number)
        assert [now for now, _ in sent] == [20, 40, 60, 80, 100, 120]

    def test_the_first_word_after_a_silence_brings_back_what_was_lost(self) -> None:
        w = window(50)
        send(w, range(1, 31))
        confirm(w, range(1, 31))
        assert w.due(now=20.0, limit=99) == keys(1)
        w.add((Stream.READ, 1), mid=500, size=100, now=20.0)
        w.confirmed(500)
        w.acknowledged(reads(1, 7), now=21.0)
        due = w.due(now=40.0, limit=99)
        assert due == keys(*(seq for seq in range(2, 31) if seq != 7))

    def test_reads_are_probed_before_pictures(self) -> None:
        w = window(50)
        send(w, [1], stream=Stream.CROP)
        send(w, [1])
        confirm(w, [1])
        confirm(w, [1], Stream.CROP)
        assert w.due(now=20.0, limit=9) == keys(1)

    def test_what_was_acknowledged_or_left_the_spool_is_never_due(self) -> None:
        w = window()
        send(w, [1, 2, 3])
        confirm(w, [1, 2, 3])
        w.acknowledged(reads(1), now=1.0)
        w.forget((Stream.READ, 2))
        w.forget((Stream.READ, 99))
        assert w.due(now=100.0, limit=9) == keys(3)

    def test_no_more_than_asked_and_than_there_is_space(self) -> None:
        w = window(4)
        for seq in range(1, 9):
            send(w, [seq])
            confirm(w, [seq])
        w.acknowledged({}, now=1.0)
        assert w.due(now=20.0, limit=3) == keys(1, 2, 3)
        send(w, [20, 21, 22], now=20.0)
        assert len(w.due(now=20.0, limit=9)) == 1

    def test_what_the_broker_refused_is_no_longer_under_way(self) -> None:
        w = window()
        send(w, [1, 2])
        assert w.refused(mid(1)) == (Stream.READ, 1)
        confirm(w, [2])
        w.acknowledged({}, now=1.0)
        assert list(w.numbers(Stream.READ)) == [2]
        assert w.due(now=20.0, limit=9) == keys(2)

    def test_a_late_confirmation_of_the_first_sending_says_nothing_of_the_second(self) -> None:
        w = window()
        send(w, [1])
        w.add((Stream.READ, 1), mid=50, size=100, now=1.0)
        confirm(w, [1])
        w.acknowledged({}, now=2.0)
        assert w.due(now=21.0, limit=9) == [], "the second is still on the wire"

    def test_nothing_under_way_is_never_due(self) -> None:
        assert window().next_due() == float("inf")


class TestStalled:
    def test_a_broker_that_stops_confirming_is_ailing(self) -> None:
        w = window()
        send(w, [1])
        assert not w.stalled(now=2 * RESEND_S)
        assert w.stalled(now=2 * RESEND_S + 0.1)
        confirm(w, [1])
        assert not w.stalled(now=1000.0)
