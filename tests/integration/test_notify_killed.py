"""A real centre that tells a real server of alerts, killed at any moment: nothing is lost, and order and keys hold."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from brokers import Broker
from central_messages import address_of, list_plates, read_message, rows
from central_reads import a_read
from centres import Centre, Edge
from listeners import Listener, answering, hangs_up, listening
from told_alerts import by_alert, happens

from central.db import alert_event, delivery
from central.types import EventKind

LISTED = [f"ABC{number:03}" for number in range(100, 200)]
STEPS = (EventKind.SEEN, EventKind.CONFIRMED, EventKind.DISPATCHED, EventKind.OUTCOME)


def wait_until(is_so: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def a_centre(folder: Path, broker: Broker, listener: Listener) -> Centre:
    folder.mkdir()
    (folder / "secret").write_text("s3cret\n", encoding="utf-8")
    watch = {"kind": "webhook", "name": "watch", "url": listener.url, "secret_file": "secret", "timeout_s": 1}
    told = [{**watch, "events": [str(kind) for kind in EventKind]}, {**watch, "kind": "cad", "name": "cad"}]
    return Centre(folder, broker, notify=told, access={"key_file": "audit.key"})


def told(listener: Listener) -> list[tuple[int, int]]:
    """What the first subscriber was told: alert and event, each once, in the order in which it first came."""
    posts = [post.told for post in listener.posts]
    return list(dict.fromkeys((post["alert"]["id"], post["sequence"]) for post in posts if "event" in post))


def a_massacre(
    centre: Centre, edge: Edge, listener: Listener, *, rounds: int, alerts: int, seed: int
) -> None:
    """Kill -9 amid deliveries, round after round; the server fails and hangs up now and then; people go on."""
    chance, engine = random.Random(seed), centre.database()
    edge.start()
    for turn in range(rounds):
        ready = centre.log().count(" subscribed ")
        centre.start()
        centre.wait_for(" subscribed ", times=ready + 1)
        before = len(listener.posts)
        listener.behaviours.extend(
            chance.choice([answering(200), answering(500), hangs_up]) for _ in range(alerts)
        )
        numbers = range(turn * alerts + 1, (turn + 1) * alerts + 1)
        edge.hand_over(
            *(read_message(a_read(n, plate=LISTED[n], captured_at=datetime.now(UTC))) for n in numbers)
        )
        edge.wait_until_through()
        for row in rows(engine, alert_event):
            if row["kind"] == "raised" and int(str(row["alert_id"])) in numbers:
                with engine.begin() as connection:
                    happens(connection, int(str(row["alert_id"])), *STEPS)
        wait_until(lambda before=before: len(listener.posts) > before)
        time.sleep(chance.uniform(0.0, 0.3))
        centre.kill9()
    engine.dispose()
    edge.stop()


def check(centre: Centre, listener: Listener, *, alerts: int) -> None:
    engine = centre.database()
    listener.behaviours.clear()
    ready = centre.log().count(" subscribed ")
    centre.start()
    centre.wait_for(" subscribed ", times=ready + 1)
    wait_until(lambda: {row["state"] for row in rows(engine, delivery)} == {"sent"})
    assert centre.stop() == 0
    happened = [(int(str(r["alert_id"])), int(str(r["number"]))) for r in rows(engine, alert_event)]
    engine.dispose()
    assert len(happened) == alerts * (1 + len(STEPS))
    assert sorted(told(listener)) == sorted(happened), "all, and nothing else"
    assert set(map(tuple, by_alert(told(listener)).values())) == {(1, 2, 3, 4, 5)}, "in order for each alert"
    keys: dict[str, set[tuple[object, ...]]] = {}
    for post in listener.posts:
        said = post.told
        what = (said.get("event", "cad"), said["alert"]["id"], said["sequence"])
        keys.setdefault(post.headers["Idempotency-Key"], set()).add(what)
    assert {len(whats) for whats in keys.values()} == {1}
    assert len(keys) == len(happened) + 2 * alerts, "and two of each for the dispatch system"
    assert not any("ABC" in line for line in centre.log().splitlines())


@pytest.mark.parametrize(
    ("rounds", "alerts"), [(3, 4), pytest.param(30, 3, marks=pytest.mark.proof)], ids=["short", "proof"]
)
def test_killed_amid_deliveries_none_is_lost_and_keys_and_order_hold(
    wheel_broker: Broker, tmp_path: Path, rounds: int, alerts: int
) -> None:
    with listening() as listener:
        centre = a_centre(tmp_path / "centre", wheel_broker, listener)
        engine = centre.database()
        list_plates(engine, tmp_path, *(f"{plate},CO,,stolen,1,SIJIN,C-1,,2036-12-31" for plate in LISTED))
        engine.dispose()
        edge = Edge(wheel_broker, address_of(a_read(1)), centre.database_url)
        try:
            a_massacre(centre, edge, listener, rounds=rounds, alerts=alerts, seed=rounds)
            check(centre, listener, alerts=rounds * alerts)
        finally:
            centre.close()
