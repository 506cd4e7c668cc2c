"""Notices on real brokers: confirmed, not retained, in three shapes, and a plate only where it may be."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from brokers import Broker
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import ValidationError
from told_alerts import AT, PLATE, a_notice

from central.errors import ConfigError
from central.outbox.channel import Channel
from central.outbox.mqtt import FRIGATE, ONVIF
from central.outbox.notifier import Desk, open_channel
from central.outbox.rules import Answer, Verdict
from central.settings import CentralSettings, check_files, load

TAKEN = Answer(Verdict.TAKEN, "PUBACK")
OWN = "lpr/v1/alerts/medellin"


def settings(broker: Broker, *, user: str = "centre", protocol: str = "5", **more: Any) -> dict[str, Any]:
    told = {**broker.settings(user, protocol=protocol)}
    return {"kind": "mqtt", "name": "city", "broker": told, "timeout_s": 2.0, **more}


def channel(section: dict[str, Any]) -> Channel:
    (subscriber,) = CentralSettings.model_validate({"notify": [section]}).notify
    return open_channel(subscriber, {}, Desk(lambda: datetime.now(UTC), ZoneInfo("UTC")))


@contextmanager
def hearing(broker: Broker, *topics: str) -> Iterator[list[tuple[str, dict[str, Any], bool]]]:
    """Topic, payload and whether it was retained, of all that comes."""
    heard: list[tuple[str, dict[str, Any], bool]] = []
    granted = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("centre", broker.password("centre"))
    client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in topics])
    client.on_subscribe = lambda *_: granted.set()
    client.on_message = lambda _c, _d, m: heard.append((m.topic, json.loads(m.payload), m.retain))
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert granted.wait(10)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def until(heard: list[Any], count: int) -> None:
    for _ in range(1_000):
        if len(heard) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{len(heard)} of {count} came")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_event_is_published_without_a_plate_and_retained_nowhere(broker: Broker, protocol: str) -> None:
    with hearing(broker, "lpr/v1/alerts/+") as heard:
        assert channel(settings(broker, protocol=protocol)).send(a_notice("confirmed", saw=PLATE)) == TAKEN
        until(heard, 1)
    ((topic, body, retained),) = heard
    assert (topic, retained) == (OWN, False)
    assert (body["event"], body["alert"]["id"], body["key"]) == ("confirmed", 17, "ab" * 32)
    assert PLATE not in json.dumps(body)
    with hearing(broker, "lpr/v1/alerts/+") as later:
        threading.Event().wait(0.2)
    assert later == []


def test_other_tools_hear_of_raised_alerts_in_their_own_shapes(wheel_broker: Broker) -> None:
    section = settings(wheel_broker, plates=True, shapes=["atalaya", "onvif", "frigate"])
    with hearing(wheel_broker, "lpr/v1/alerts/+", ONVIF, FRIGATE) as heard:
        assert channel(section).send(a_notice("raised")) == TAKEN
        assert channel(section).send(a_notice("confirmed")) == TAKEN
        until(heard, 4)
    told = {topic: body for topic, body, _ in heard if body.get("event") != "confirmed"}
    assert [topic for topic, *_ in heard].count(OWN) == 2
    assert told[OWN]["alert"]["plate"] == PLATE
    assert told[ONVIF] == {
        "UtcTime": "2026-03-01T12:00:00.000000Z",
        "Source": {"VideoSource": "cam-1"},
        "Data": {"LicensePlateInfo": {"PlateNumber": {"@Likelihood": 0.97, "#text": PLATE}}},
    }
    assert told[FRIGATE] == {
        "type": "lpr",
        "id": "atalaya-17",
        "name": "medellin",
        "plate": PLATE,
        "score": 0.97,
        "camera": "cam-1",
        "timestamp": AT.timestamp(),
        "plate_box": None,
    }


@pytest.mark.mosquitto
def test_what_the_broker_does_not_allow_is_refused(mosquitto: Broker) -> None:
    assert channel(settings(mosquitto, user="edge-1")).send(a_notice()) == Answer(
        Verdict.REFUSED, "Not authorized"
    )


def test_a_wrong_password_or_no_broker_is_away(wheel_broker: Broker) -> None:
    section = settings(wheel_broker)
    section["broker"]["password_file"] = wheel_broker.password_file("edge-1")
    assert channel(section).send(a_notice()).verdict is Verdict.AWAY
    wheel_broker.stop()
    assert channel(settings(wheel_broker)).send(a_notice()) == Answer(
        Verdict.AWAY, "ConnectionRefusedError: Connection refused"
    )
    wheel_broker.start()
    assert channel(settings(wheel_broker)).send(a_notice()) == TAKEN


def test_shapes_that_are_plates_need_leave_and_a_broker_elsewhere_needs_tls() -> None:
    own = {"kind": "mqtt", "name": "city"}
    assert CentralSettings.model_validate({"notify": [own]}).notify[0].plates is False
    with pytest.raises(ValidationError, match="they need plates: true"):
        CentralSettings.model_validate({"notify": [{**own, "shapes": ["onvif"]}]})
    with pytest.raises(ValidationError, match="tls is compulsory"):
        CentralSettings.model_validate({"notify": [{**own, "broker": {"host": "broker.example"}}]})


def test_a_password_that_is_not_there_is_found_before_the_centre_starts(tmp_path: Path) -> None:
    path = tmp_path / "central.yaml"
    broker = {"username": "u", "password_file": "hush"}
    path.write_text(
        json.dumps({"notify": [{"kind": "mqtt", "name": "city", "broker": broker}]}), encoding="utf-8"
    )
    settings = load(path)
    with pytest.raises(ConfigError, match="notify: city: password_file: .*hush: no such file"):
        check_files(path, settings)
