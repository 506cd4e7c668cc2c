"""Deliveries and the stream, on SQLite and on PostgreSQL: every event once, in order, whoever commits first."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from couriers import Post
from sqlalchemy import Engine, delete, text, update
from told_alerts import (
    AT,
    AWAY,
    REFUSED,
    TAKEN,
    Interested,
    Told,
    an_alert,
    answers,
    by_alert,
    deliveries,
    happens,
    raised,
    seen_at,
)

from central.db import alert, alert_event, alert_trail, delivery, reading, to_us
from central.errors import ConfigError
from central.outbox import store
from central.outbox.channel import Channel
from central.outbox.event import Seen
from central.outbox.follow import Horizon
from central.outbox.rules import FEWEST, Answer
from central.outbox.stream import Stream
from central.types import EventKind

HOUR = timedelta(hours=1)


def states(engine: Engine) -> list[tuple[int, int, str]]:
    return [(row["alert_id"], row["number"], row["state"]) for row in deliveries(engine)]


# --- up to where the log is settled ---


def test_what_is_committed_is_settled_and_its_gaps_do_not_matter(database: Engine) -> None:
    horizon = Horizon()
    with reading(database) as connection:
        assert horizon.look(connection) == 0
    raised(database, 3)
    with database.begin() as connection:
        connection.execute(delete(alert_event).where(alert_event.c.event_id == 2))
    with reading(database) as connection:
        assert horizon.look(connection) == 3
    with database.begin() as connection:  # by order of a court
        connection.execute(delete(alert_event))
    with reading(database) as connection:
        assert horizon.look(connection) == 3, "never back"


@pytest.mark.postgres
def test_an_event_that_is_committed_after_a_later_one_is_not_passed_over(postgres: Engine) -> None:
    """Two consumers: the first has drawn its number, the second commits a higher one before it."""
    stream = Stream(postgres)
    stream.look()
    with ExitStack() as stack:
        slow = stack.enter_context(postgres.connect())
        writing = slow.begin()
        first = an_alert(slow, 1)
        happens(slow, first, EventKind.RAISED)
        (second,) = raised(postgres, first=2)
        stream.look()
        assert stream.settled == 0, "the one in between may still come"
        (third,) = raised(postgres, first=3)
        stream.look()
        assert stream.settled == 0
        writing.commit()
    stream.look()
    listening = stream.listen(0)
    assert [next(listening).alert_id for _ in range(3)] == [first, second, third]


@pytest.mark.postgres
def test_an_event_that_never_comes_holds_up_nobody_for_longer_than_its_transaction(postgres: Engine) -> None:
    stream = Stream(postgres)
    stream.look()
    with postgres.connect() as slow:
        writing = slow.begin()
        happens(slow, an_alert(slow, 1), EventKind.RAISED)
        raised(postgres, first=2)
        stream.look()
        assert stream.settled == 0
        writing.rollback()
    stream.look()
    assert stream.settled == 2
    with postgres.connect() as other:  # one that has written something else, and waits
        writing = other.begin()
        an_alert(other, 9)
        raised(postgres, first=3)
        stream.look()
        assert stream.settled == 3
        writing.rollback()


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["SHARE UPDATE EXCLUSIVE", "SHARE", "ACCESS SHARE"])
def test_who_tidies_the_table_up_holds_up_nobody(postgres: Engine, mode: str) -> None:
    """As VACUUM and ANALYZE, CREATE INDEX and questions lock it, by a server of its own accord and for long."""
    raised(postgres, first=1)
    stream = Stream(postgres)
    with postgres.connect() as tidying:
        tidying.execute(text(f"LOCK TABLE {alert_event.name} IN {mode} MODE"))
        stream.look()
    assert stream.settled == 1


@pytest.mark.postgres
def test_writers_that_never_rest_hold_up_nobody(postgres: Engine) -> None:
    """There is always one under way; each is waited for once."""
    stream = Stream(postgres)
    stream.look()
    first, second, third = (postgres.connect() for _ in range(3))
    happens(first, an_alert(first, 1), EventKind.RAISED)
    stream.look()
    happens(second, an_alert(second, 2), EventKind.RAISED)
    raised(postgres, first=4)
    first.commit()
    stream.look()
    assert stream.settled == 0, "the second was there before the newest was seen"
    happens(third, an_alert(third, 3), EventKind.RAISED)
    second.commit()
    stream.look()
    assert stream.settled == 3, "the third began later, and can have no smaller number"
    third.commit()
    stream.look()
    assert stream.settled == 4
    for connection in (first, second, third):
        connection.close()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    from central.db import open_database

    engine = open_database(postgres_url)
    yield engine
    engine.dispose()


# --- planned and tried ---


def test_who_is_new_is_told_what_happens_from_now_on(database: Engine) -> None:
    raised(database, 2)
    post = Post(database)
    (third,) = raised(database, first=3)
    assert post.turn() == 1
    assert post.told.sent == [(third, 1)]
    (notice,) = post.told.notices
    assert (notice.plate, notice.seen) == ("ABC123", Seen("edge-1", "cam-1", AT, is_confirmed=None))


def test_an_event_names_camera_and_time_of_one_read_the_raising_one_or_the_last(database: Engine) -> None:
    """Reads come in any order, and the alert itself tells of its first sighting."""
    post = Post(database, of=Interested(events=tuple(EventKind)))
    (number,) = raised(database, camera_id="cam-early", captured_us=to_us(AT - HOUR))
    with database.begin() as connection:
        seen_at(connection, number, 3, minutes=30, number=2, edge_id="edge-2")
        seen_at(connection, number, 2, minutes=-10, number=2)  # late, and of before
        happens(connection, number, EventKind.NOTED, EventKind.CONFIRMED)
    while post.turn():
        pass
    first, noted, confirmed = (notice.seen for notice in post.told.notices)
    assert first == Seen("edge-1", "cam-1", AT, is_confirmed=True)
    assert noted == confirmed == Seen("edge-2", "cam-3", AT + timedelta(minutes=30), is_confirmed=True)
    with database.begin() as connection:
        happens(connection, number, EventKind.NOTED)
        seen_at(connection, number, 4, minutes=40, number=4)
        happens(connection, number, EventKind.CLAIMED)
    while post.turn():
        pass
    assert post.told.notices[-1].seen == Seen(
        "edge-1", "cam-4", AT + timedelta(minutes=40), is_confirmed=False
    )


def test_a_sighting_that_a_better_look_refuted_is_told_only_where_there_is_no_other(database: Engine) -> None:
    post = Post(database, of=Interested(events=("confirmed", "dispatched")))
    (number,) = raised(database)
    with database.begin() as connection:
        seen_at(connection, number, 2, minutes=30, number=1, refuted=True)
        happens(connection, number, EventKind.CONFIRMED)
    while post.turn():
        pass
    assert post.told.notices[-1].seen == Seen("edge-1", "cam-1", AT, is_confirmed=True)
    with database.begin() as connection:
        connection.execute(update(alert_trail).values(refuted=True))
        happens(connection, number, EventKind.DISPATCHED)
    while post.turn():
        pass
    at = AT + timedelta(minutes=30)
    assert post.told.notices[-1].seen == Seen("edge-1", "cam-2", at, is_confirmed=False)


def test_of_a_read_that_raised_two_alerts_one_of_which_was_taken_in(database: Engine) -> None:
    """Each is told with what became of its own vehicle's alert."""
    post = Post(database, of=Interested(events=("raised",)))
    with database.begin() as connection:
        both = an_alert(connection, 1), an_alert(connection, 1, hotlist_entry_id=2)
        home = an_alert(connection, 2, hotlist_entry_id=2)
        for number in both:
            happens(connection, number, EventKind.RAISED)
        happens(connection, both[0], EventKind.CONFIRMED)
        its = alert_trail.c.alert_id == both[1]
        connection.execute(update(alert_trail).where(its).values(alert_id=home, number=4))
        connection.execute(update(alert).where(alert.c.alert_id == both[1]).values(merged_into=home))
    while post.turn():
        pass
    told = {n.happening.alert_id: n.seen and n.seen.is_confirmed for n in post.told.notices}
    assert told == {both[0]: True, both[1]: None}


def test_of_a_read_that_raised_two_alerts_one_is_not_confirmed_by_the_other(database: Engine) -> None:
    post = Post(database, of=Interested(events=("raised",)))
    with database.begin() as connection:
        both = an_alert(connection, 1), an_alert(connection, 1, hotlist_entry_id=2)
        for number in both:
            happens(connection, number, EventKind.RAISED)
        happens(connection, both[1], EventKind.CONFIRMED)
    while post.turn():
        pass
    told = {n.happening.alert_id: n.seen and n.seen.is_confirmed for n in post.told.notices}
    assert told == {both[0]: None, both[1]: True}


def test_of_an_alert_that_another_took_in_it_is_told_where_it_was_raised(database: Engine) -> None:
    post = Post(database, of=Interested(events=("raised", "merged")))
    kept, other = raised(database, 2)
    with database.begin() as connection:
        connection.execute(update(alert).where(alert.c.alert_id == other).values(merged_into=kept))
        connection.execute(
            update(alert_trail).where(alert_trail.c.alert_id == other).values(alert_id=kept, number=2)
        )
        seen_at(connection, kept, 9, minutes=5, number=3)
        happens(connection, other, EventKind.MERGED, into=kept)
    while post.turn():
        pass
    told = {(n.happening.alert_id, n.happening.kind): n.camera_id for n in post.told.notices}
    assert told == {(kept, "raised"): "cam-1", (other, "raised"): "cam-1", (other, "merged"): "cam-1"}


def test_a_dispatch_system_hears_of_an_alert_from_its_dispatch_on(database: Engine) -> None:
    kinds = ("dispatched", "outcome", "noted")
    post = Post(database, of=Interested(events=kinds, only_sent=True))
    sent, other = raised(database, 2)
    with database.begin() as connection:
        happens(connection, sent, EventKind.NOTED, EventKind.DISPATCHED, EventKind.NOTED, EventKind.OUTCOME)
        happens(connection, other, EventKind.NOTED, EventKind.OUTCOME)
    while post.turn():
        pass
    assert post.told.sent == [(sent, 3), (sent, 4), (sent, 5)]


def test_each_event_is_told_once_and_a_restart_tells_none_again(database: Engine) -> None:
    post = Post(database)
    raised(database, 3)
    assert (post.turn(), post.turn(), Post(database).turn()) == (3, 0, 0)
    assert [state for *_, state in states(database)] == ["sent"] * 3
    (row, *_) = deliveries(database)
    assert (row["tries"], row["said"], row["done_us"]) == (1, "200", to_us(AT))


def test_what_happened_while_the_centre_was_away_is_told_afterwards(database: Engine) -> None:
    Post(database)
    numbers = raised(database, 2)
    post = Post(database)
    assert post.turn() == 2
    assert [number for number, _ in post.told.sent] == numbers


def test_what_nobody_asked_for_is_not_told_and_not_looked_at_again(database: Engine) -> None:
    post = Post(database, of=Interested(events=("confirmed",), lists=("medellin",)))
    (number,) = raised(database)
    with database.begin() as connection:
        happens(connection, number, EventKind.SEEN, EventKind.CONFIRMED)
    assert post.turn() == 1
    assert post.told.sent == [(number, 3)]


def test_an_alert_s_events_wait_for_one_another_and_for_no_other_alert(database: Engine) -> None:
    told = Told(lambda notice: REFUSED if notice.happening.alert_id == 1 else TAKEN)
    post = Post(database, told=told)
    for number in raised(database, 2):
        with database.begin() as connection:
            happens(connection, number, EventKind.CONFIRMED, EventKind.DISPATCHED)
    while post.turn():
        pass
    assert by_alert(told.sent) == {1: [1], 2: [1, 2, 3]}
    told.answer = answers(TAKEN)
    post.turn(after_s=1)
    while post.turn():
        pass
    assert by_alert(told.sent) == {1: [1, 1, 2, 3], 2: [1, 2, 3]}


def test_a_try_that_failed_is_made_again_later_under_the_same_key(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED, REFUSED, TAKEN)))
    raised(database)
    assert (post.turn(), post.turn(after_s=0.9), post.turn(after_s=0.1)) == (1, 0, 1)
    assert (post.turn(after_s=1.9), post.turn(after_s=0.1)) == (0, 1)
    assert len({notice.key for notice in post.told.notices}) == 1
    assert [row["tries"] for row in deliveries(database)] == [3]


def test_a_centre_killed_after_a_try_tells_it_again_under_the_same_key(database: Engine) -> None:
    class Killed(BaseException):
        pass

    def kill(_: object) -> Answer:
        raise Killed

    first = Post(database, told=Told(kill))
    raised(database)
    with pytest.raises(Killed):
        first.turn()
    again = Post(database)
    assert again.turn() == 1
    assert again.told.notices[0].key == first.told.notices[0].key


def test_where_nobody_answers_nobody_else_is_tried_meanwhile(database: Engine) -> None:
    post = Post(database, told=Told(answers(AWAY, TAKEN)))
    raised(database, 20)
    post.turn()
    assert len(post.told.sent) == 1, "the others would wait out a time-out each"
    assert post.courier.turn(database, post.told, post.going) == 0, "and for a while"
    post.turn(after_s=0.5)
    assert len(post.told.sent) == 20, "all but the one that has its own pause"
    post.turn(after_s=0.5)
    assert sorted({number for number, _ in post.told.sent}) == list(range(1, 21))


def test_what_cannot_be_put_into_words_holds_up_nothing_else(database: Engine) -> None:
    def odd(notice: Any) -> Answer:
        if notice.happening.alert_id == 1:
            raise ValueError("ABC123")
        return TAKEN

    post = Post(database, told=Told(odd))
    raised(database, 2)
    post.turn()
    assert [
        (state, row["said"]) for (*_, state), row in zip(states(database), deliveries(database), strict=True)
    ] == [
        ("waiting", "cannot be told: ValueError"),
        ("sent", "200"),
    ]


def test_what_is_refused_for_long_is_given_up_and_can_be_asked_for_again(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED)))
    (number,) = raised(database)
    with database.begin() as connection:
        happens(connection, number, EventKind.CONFIRMED)
    for _ in range(FEWEST - 1):
        assert post.turn(after_s=600) == 1
    assert states(database) == [(1, 1, "waiting"), (1, 2, "waiting")]
    post.turn(after_s=24 * 3600)
    assert states(database) == [(1, 1, "given-up"), (1, 2, "waiting")]
    post.told.answer = answers(TAKEN)
    post.turn()
    assert states(database) == [(1, 1, "given-up"), (1, 2, "sent")], "later events go on"
    with database.begin() as connection:
        now_us = to_us(post.clock())
        assert store.ask_again(connection, ["other"], number=None, now_us=now_us) == 0
        assert store.ask_again(connection, ["watch"], number=2, now_us=now_us) == 0
        assert store.ask_again(connection, ["watch"], number=1, now_us=now_us) == 1
    assert post.turn() == 1
    assert states(database) == [(1, 1, "sent"), (1, 2, "sent")]


def test_a_clock_that_jumps_forward_gives_nothing_up(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED)))
    raised(database, 3)
    post.turn()
    post.turn(after_s=365 * 24 * 3600)
    assert {state for *_, state in states(database)} == {"waiting"}


def test_a_clock_that_is_set_back_holds_nothing_up(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED, TAKEN)))
    raised(database)
    post.turn()
    assert post.turn(after_s=-3600) == 1
    assert states(database) == [(1, 1, "sent")]


def test_where_nobody_answers_for_long_all_that_is_old_is_given_up_together(database: Engine) -> None:
    post = Post(database, told=Told(answers(AWAY)))
    raised(database, 5)
    for _ in range(FEWEST):
        post.turn(after_s=600)
    (young,) = raised(database, first=6)
    with database.begin() as connection:
        its = update(alert_event).where(alert_event.c.alert_id == young)
        connection.execute(its.values(at_us=to_us(post.clock())))
    post.turn(after_s=24 * 3600 - 60)
    found = {number: state for number, _, state in states(database)}
    assert found == {
        1: "given-up",
        2: "given-up",
        3: "given-up",
        4: "given-up",
        5: "given-up",
        young: "waiting",
    }


def test_of_an_alert_that_was_erased_nobody_is_told_any_more(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED, TAKEN)))
    raised(database, 2)
    post.turn()
    with database.begin() as connection:
        connection.execute(delete(alert_event).where(alert_event.c.alert_id == 1))
    post.turn(after_s=5)
    assert post.told.sent == [(1, 1), (2, 1)]
    assert states(database) == [(2, 1, "sent")]


def forgotten(engine: Engine, now_us: int) -> int:
    with reading(engine) as connection:
        old = store.long_over(connection, now_us=now_us)
    with engine.begin() as connection:
        return store.forget(connection, old, now_us=now_us)


def test_what_is_over_is_forgotten_after_a_quarter_and_what_waits_is_not(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED, TAKEN)))
    raised(database, 2)
    post.turn()
    assert forgotten(database, to_us(AT + timedelta(days=89))) == 0
    assert forgotten(database, to_us(AT + timedelta(days=91))) == 1
    assert states(database) == [(1, 1, "waiting")]


def test_what_was_asked_for_again_meanwhile_is_not_forgotten(database: Engine) -> None:
    post = Post(database)
    raised(database, 2)
    post.turn()
    later_us = to_us(AT + timedelta(days=91))
    with reading(database) as connection:
        old = store.long_over(connection, now_us=later_us)
    with database.begin() as connection:
        first = delivery.c.alert_id == 1
        connection.execute(update(delivery).where(first).values(state="waiting", done_us=None))
        assert store.forget(connection, old, now_us=later_us) == 1
    assert states(database) == [(1, 1, "waiting")]


def test_what_is_over_is_forgotten_portion_by_portion(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nobody else writes while rows are removed."""
    monkeypatch.setattr(store, "PORTION", 2)
    post = Post(database)
    raised(database, 5)
    post.turn()
    post.clock.pass_s(91 * 24 * 3600)
    left = []
    for _ in range(4):
        post.courier._wait(database)
        left.append(len(states(database)))
    assert left == [3, 1, 0, 0]


def test_what_happened_first_is_sent_first_once_somebody_answers_again(database: Engine) -> None:
    post = Post(database, told=Told(answers(AWAY, AWAY, TAKEN)))
    raised(database, 3)
    post.turn()
    post.turn(after_s=600)
    post.turn(after_s=600)
    assert post.told.sent == [(1, 1), (1, 1), (1, 1), (2, 1), (3, 1)]


def test_what_waited_for_the_centre_is_as_old_as_it_is(database: Engine) -> None:
    post = Post(database, told=Told(answers(REFUSED)))
    raised(database)
    post.turn(after_s=25 * 3600)  # such as after an outage of the centre
    (row,) = deliveries(database)
    assert row["since_us"] == to_us(AT + timedelta(seconds=1))
    for _ in range(FEWEST - 1):
        post.turn(after_s=600)
    assert states(database) == [(1, 1, "given-up")]


def test_an_idle_courier_waits_for_the_first_that_is_free_to_go(database: Engine) -> None:
    """The second event of an alert is due, and behind the first: to wait for it would be to spin."""
    post = Post(database, told=Told(answers(REFUSED)))
    (number,) = raised(database)
    with database.begin() as connection:
        happens(connection, number, EventKind.CONFIRMED)
    post.turn()
    with reading(database) as connection:
        assert store.next_us(connection, "watch") == to_us(AT + timedelta(seconds=1))
        assert store.next_us(connection, "other") is None


# --- a courier's whole life ---


@contextmanager
def living(post: Post) -> Iterator[None]:
    """Its stream and its courier at work."""
    works = ((post.stream.run, post.going.wait), (post.courier.run, post.going))
    threads = [threading.Thread(target=work, args=(of,), daemon=True) for work, of in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        post.going.stop()
        for thread in threads:
            thread.join(20)


def wait_until(is_so: Any, *, within_s: float = 20) -> None:
    over = threading.Event()
    for _ in range(round(within_s / 0.01)):
        if is_so():
            return
        over.wait(0.01)
    raise AssertionError("waited in vain")


def test_of_two_centres_one_is_the_courier_and_the_other_follows_it(database: Engine) -> None:
    first, second = Post(database), Post(database)
    with ExitStack() as stack:
        with living(first):
            raised(database)
            wait_until(lambda: first.told.sent)
            stack.enter_context(living(second))
            raised(database, first=2)
            wait_until(lambda: len(first.told.sent) == 2)
            assert second.told.sent == []
        assert first.told.is_closed
        raised(database, first=3)
        wait_until(lambda: second.told.sent)
        assert second.told.sent == [(3, 1)]


def test_a_secret_that_cannot_be_read_is_waited_for(database: Engine) -> None:
    post, faults = Post(database), [ConfigError("secret cannot be read"), ConfigError("still not")]

    def opened() -> Channel:
        if faults:
            raise faults.pop()
        return post.told

    post.courier._open = opened  # type: ignore[misc]
    raised(database)
    with living(post):
        wait_until(lambda: post.told.sent)


# --- the stream ---


def test_a_listener_is_told_each_event_once_in_order_from_where_it_was(database: Engine) -> None:
    raised(database, 3)
    stream = Stream(database, kept=4)
    stream.look()
    before, now = stream.listen(1), stream.listen()
    assert [next(before).event_id for _ in range(2)] == [2, 3]
    raised(database, 2, first=4)
    stream.look()
    assert [next(now).event_id for _ in range(2)] == [4, 5]
    assert [next(before).event_id for _ in range(2)] == [4, 5]
    assert [event.event_id for event in islice(stream.listen(0), 5)] == [1, 2, 3, 4, 5]


def test_a_listener_that_is_slow_is_dropped_counted_and_comes_back(database: Engine) -> None:
    stream = Stream(database, kept=3)
    stream.look()
    raised(database)
    slow = stream.listen(0)
    stream.look()
    event = next(slow)
    assert event is not None
    raised(database, 6, first=2)
    stream.look()
    assert list(slow) == []
    assert stream.dropped == 1
    assert [each.event_id for each in islice(stream.listen(event.event_id), 6)] == [2, 3, 4, 5, 6, 7]


def test_a_listener_that_is_not_far_behind_is_not_dropped(database: Engine) -> None:
    stream = Stream(database, kept=3)
    stream.look()
    listening = stream.listen()
    raised(database)
    stream.look()
    assert next(listening).event_id == 1
    raised(database, 3, first=2)
    stream.look()
    assert [event.event_id for event in islice(listening, 3)] == [2, 3, 4]
    assert stream.dropped == 0


def test_a_number_of_before_a_restore_is_no_number_to_wait_for(database: Engine) -> None:
    stream = Stream(database)
    stream.look()
    post = Post(database)
    post.stream = stream
    with living(post):
        listening = stream.listen(1_000)
        raised(database)
        assert next(listening).event_id == 1


def test_what_passes_through_the_stream_bears_no_plate(database: Engine) -> None:
    stream = Stream(database)
    stream.look()
    (number,) = raised(database)
    with database.begin() as connection:
        happens(connection, number, EventKind.REJECTED, saw="ABC128", note="not ABC123")
        connection.execute(update(delivery).values(said=""))
    stream.look()
    assert [
        word for event in islice(stream.listen(0), 2) for word in ("ABC123", "ABC128") if word in repr(event)
    ] == []


def test_a_look_wakes_whoever_waits(database: Engine) -> None:
    stream, heard = Stream(database), []
    stream.look()
    waiting = threading.Thread(target=lambda: heard.append(stream.wait(0, 20)))
    waiting.start()
    raised(database)
    stream.look()
    waiting.join(20)
    assert heard == [True]
    assert not stream.wait(1, 0.01)
