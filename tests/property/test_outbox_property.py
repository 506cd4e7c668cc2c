"""Whatever a receiver answers, and whenever the centre is killed: every event is taken, in order for each alert."""

from pathlib import Path

import hypothesis.strategies as st
from couriers import Post
from databases import NewDatabase
from hypothesis import HealthCheck, example, given, settings
from told_alerts import (
    AWAY,
    REFUSED,
    TAKEN,
    Interested,
    Told,
    a_happening,
    an_alert,
    by_alert,
    deliveries,
    happens,
)

from central.access.key import AuditKey
from central.outbox.event import Notice
from central.outbox.rules import FIRST_S, LONGEST_S, Answer, is_over, pause_s
from central.outbox.sign import is_genuine, sign
from central.outbox.store import delivery_key
from central.types import EventKind

EVERYTHING = Interested(events=tuple(EventKind))
ANSWERS = {"taken": TAKEN, "refused": REFUSED, "away": AWAY}
STEPS = st.one_of(
    st.just("alert"),
    st.integers(0, 3),  # something happens to one of the alerts
    st.lists(st.sampled_from([*ANSWERS, "killed before", "killed after"]), min_size=1, max_size=4),
    st.floats(0.1, 1_000.0),  # seconds pass
)


class Killed(BaseException):
    """The process ends."""


class Receiver(Told):
    """Answers as it is told; knows what it has taken, and under which key."""

    def __init__(self) -> None:
        super().__init__(self._next)
        self.script: list[str] = []
        self.taken: list[tuple[int, int]] = []
        self.keys: dict[str, tuple[int, int]] = {}

    def _next(self, notice: Notice) -> Answer:
        said = self.script.pop(0) if self.script else "taken"
        what = (notice.happening.alert_id, notice.happening.number)
        assert self.keys.setdefault(notice.key, what) == what, "a key is of one event"
        if said == "killed before":
            raise Killed
        if said in ("taken", "killed after") and what not in self.taken:
            self.taken.append(what)
        if said == "killed after":
            raise Killed
        return ANSWERS[said]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=8, max_size=25))
@example(steps=["alert", 0, 0, "alert", ["refused"], ["away"], ["killed after"], 0.6, ["killed before"]])
def test_every_event_is_taken_once_known_by_its_key_and_in_order(
    steps: list[object], new_database: NewDatabase, tmp_path: Path
) -> None:
    receiver, alerts, happened = Receiver(), 0, 0
    with new_database(tmp_path) as engine:
        post = Post(engine, of=EVERYTHING, told=receiver)
        for step in [*steps, *(2_000.0, ["taken"]) * 8]:
            if step == "alert" or (isinstance(step, int) and not alerts):
                alerts += 1
                happened += 1
                with engine.begin() as connection:
                    happens(connection, an_alert(connection, alerts), EventKind.RAISED)
            elif isinstance(step, int):
                happened += 2
                with engine.begin() as connection:
                    happens(connection, 1 + step % alerts, EventKind.CLAIMED, EventKind.RELEASED)
            elif isinstance(step, float):
                post.clock.pass_s(step)
            elif isinstance(step, list):
                receiver.script = [str(word) for word in step]
                try:
                    while post.turn():
                        pass
                except Killed:
                    clock, post = post.clock, Post(engine, of=EVERYTHING, told=receiver)
                    post.clock = clock
                    post.courier._clock = clock  # type: ignore[misc]
        assert {row["state"] for row in deliveries(engine)} <= {"sent"}
        assert len(receiver.taken) == len(set(receiver.taken)) == happened
        assert all(numbers == sorted(numbers) for numbers in by_alert(receiver.taken).values())


@given(tries=st.integers(1, 10**9), chance=st.floats(0, 1))
def test_a_pause_is_bounded_and_grows(tries: int, chance: float) -> None:
    assert FIRST_S / 2 <= pause_s(tries, chance=chance) <= LONGEST_S
    assert pause_s(tries, chance=chance) <= pause_s(tries + 1, chance=chance)


@given(
    tries=st.integers(0, 1_000),
    since_us=st.integers(0, 2**53),
    later_us=st.integers(0, 2**53),
    hours=st.floats(0.01, 720),
)
def test_what_is_given_up_stays_so_as_time_goes_on(
    tries: int, since_us: int, later_us: int, hours: float
) -> None:
    first = is_over(tries=tries, since_us=since_us, now_us=since_us + later_us, give_up_h=hours)
    assert not first or is_over(
        tries=tries + 1, since_us=since_us, now_us=since_us + 2 * later_us, give_up_h=hours
    )


@given(
    secret=st.text(min_size=1),
    body=st.binary(),
    at_s=st.integers(0, 10**11),
    other=st.binary(),
    off=st.integers(),
)
def test_only_what_was_signed_is_genuine(secret: str, body: bytes, at_s: int, other: bytes, off: int) -> None:
    secret = secret.encode(errors="replace").decode()
    header = sign(secret, body, at_s=at_s)
    assert is_genuine(header, secret, body, now_s=at_s)
    assert is_genuine(header, secret, other, now_s=at_s) is (body == other)
    assert is_genuine(header, secret, body, now_s=at_s + off) is (abs(off) <= 300)


@given(
    one=st.tuples(st.integers(1), st.integers(1), st.text()),
    other=st.tuples(st.integers(1), st.integers(1), st.text()),
)
def test_two_events_never_share_a_key(one: tuple[int, int, str], other: tuple[int, int, str]) -> None:
    key = AuditKey(b"k" * 32)
    keys = [
        delivery_key(key, name, a_happening(alert_id=alert, number=number))
        for alert, number, name in (one, other)
    ]
    assert (keys[0] == keys[1]) is (one == other)
