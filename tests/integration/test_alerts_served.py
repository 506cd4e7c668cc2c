"""Alerts of a centre that serves: one for a vehicle across the city, routed and escalated; units over a real broker."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Broker
from central_messages import address_of, list_plates, picture_message, read_message, rows
from central_reads import a_read
from centres import Centre, Edge
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from central.db import alert, alert_event, unit

LOOK = ("--as", "ana.rojas", "--purpose", "check", "--case", "2026-117")

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def centre(mosquitto: Broker, tmp_path: Path) -> Iterator[Centre]:
    folder = tmp_path / "centre"
    more = {"stations_file": "stations.yaml", "cameras_file": "cameras.yaml", "alert": {"unseen_s": 2}}
    centre = Centre(folder, mosquitto, access={"key_file": "audit.key"}, **more)
    (folder / "stations.yaml").write_text("stations: {laureles: {cameras: [cam-1]}}")
    (folder / "cameras.yaml").write_text("cameras: {cam-2: {lat: 6.2442, lon: -75.5812}}")
    yield centre
    centre.close()


def say(broker: Broker, user: str, unit_id: str, lat: float) -> None:
    """As the device of one unit says where a unit is."""
    position = {"unit_id": unit_id, "state": "free", "lat": lat, "lon": -75.58}
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, broker.password(user))
    client.connect(broker.host, broker.port)
    client.loop_start()
    payload = json.dumps(position | {"at": datetime.now(UTC).isoformat()})
    client.publish(f"lpr/v1/units/{unit_id}/position", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def wait_until(is_so: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_one_vehicle_across_the_city(centre: Centre, mosquitto: Broker, tmp_path: Path) -> None:
    engine = centre.database()
    began = datetime.now(UTC)
    list_plates(engine, tmp_path, "ABC123,CO,,stolen,1,SIJIN,C-1,,2199-12-31", at=began - timedelta(days=1))
    centre.start()
    centre.wait_for(" subscribed ")
    reads = [
        a_read(seq, camera_id=f"cam-{seq}", captured_at=began + timedelta(seconds=seq)) for seq in (1, 2)
    ]
    edge = Edge(mosquitto, address_of(reads[0]), centre.database_url)
    edge.hand_over(*map(read_message, reads), picture_message(reads[0], 1))
    edge.start()
    edge.wait_until_through()
    edge.stop()
    say(mosquitto, "edge-2", "edge-2", 6.25)
    say(mosquitto, "edge-2", "edge-1", 6.2442)  # not its own name: the broker drops it
    wait_until(lambda: len(rows(engine, unit)) == 1)
    wait_until(lambda: "escalated" in {row["kind"] for row in rows(engine, alert_event)})
    (row,) = rows(engine, alert)
    assert (row["station"], row["state"]) == ("laureles", "raised")
    kinds = [str(row["kind"]) for row in rows(engine, alert_event)]
    assert sorted(kind for kind in kinds if kind != "escalated") == ["assigned", "noted", "raised"]

    proposed = centre.run("alerts", "units", "1", "--json", *LOOK)
    assert [each["unit_id"] for each in json.loads(proposed.stdout)["units"]] == ["edge-2"]
    for words in (("confirm", "1", "--saw", "ABC123"), ("claim", "1"), ("dispatch", "1", "--unit", "edge-2")):
        assert centre.run("alerts", *words, *LOOK).returncode == 0
    proposed = centre.run("alerts", "units", "1", "--json", *LOOK)
    assert json.loads(proposed.stdout)["units"] == [], "it is under way"
    assert centre.stop() == 0
    assert "ABC123" not in centre.log()
    engine.dispose()
