"""Notices on a broker where others listen: in our own form, and in those that ONVIF and Frigate tools know.

A connection a notice, under a name of its own: the consumer's session is the consumer's alone. Taken is what the broker
has confirmed; a broker of MQTT 3.1.1 confirms what its access list then throws away, so use 5 where it can be.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import BaseModel

from central.errors import ConfigError
from central.outbox.channel import away
from central.outbox.event import Notice
from central.outbox.rules import Answer, Verdict
from central.sections import read_secret
from central.subscribers import MqttNoticeSettings
from edge.contract.topics import ROOT

ONVIF: Final = "onvif-ej/RuleEngine/Recognition/LicensePlate"
FRIGATE: Final = "frigate/tracked_object_update"
_RAISED: Final = "raised"

Message = tuple[str, str]
"""Topic and payload."""


class MqttNotices:
    """The channel of a broker."""

    def __init__(self, settings: MqttNoticeSettings, *, body_of: Callable[[Notice], BaseModel]) -> None:
        """Prepare, without connecting.

        Args:
            settings: which broker, in which shapes.
            body_of: what is said in our own form.

        Raises:
            ConfigError: the password cannot be read.
        """
        self._settings: Final = settings
        self._body_of: Final = body_of
        file = settings.broker.password_file
        self._password: Final = None if file is None else read_secret(file)

    def send(self, notice: Notice) -> Answer:
        """Publish it once in each shape, not retained; taken where the broker has confirmed all.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        settings, session = self._settings, _Session()
        client = self._client(session)
        until_s = time.monotonic() + settings.timeout_s
        try:
            client.connect(settings.broker.host, settings.broker.port, settings.broker.keepalive_s)
            client.loop_start()
            if not session.answered.wait(settings.timeout_s):
                return _silent(settings.timeout_s)
            if session.refusal:
                return Answer(Verdict.AWAY, f"connection refused: {session.refusal}")
            for topic, payload in messages(notice, settings, self._body_of):
                told = client.publish(topic, payload, qos=1)
                told.wait_for_publish(max(0.0, until_s - time.monotonic()))
                if not told.is_published():
                    return _silent(settings.timeout_s)
                if refusal := session.refused.get(told.mid):
                    return Answer(Verdict.REFUSED, refusal)
        except (
            OSError,
            RuntimeError,
        ) as error:  # RuntimeError: paho's, of a message that was lost with its connection
            return away(error, within_s=settings.timeout_s)
        finally:
            client.disconnect()
            client.loop_stop()
        return Answer(Verdict.TAKEN, "PUBACK")

    def close(self) -> None:
        """Nothing is held between two notices."""

    def _client(self, session: "_Session") -> Client:
        broker = self._settings.broker
        five = broker.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = self._settings.timeout_s
        if broker.username is not None:
            client.username_pw_set(broker.username, self._password)
        if broker.tls is not None:
            ca, cert, key = (
                None if file is None else str(file)
                for file in (broker.tls.ca_file, broker.tls.cert_file, broker.tls.key_file)
            )
            try:
                client.tls_set(ca_certs=ca, certfile=cert, keyfile=key)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise ConfigError(f"TLS files of {self._settings.name} cannot be used: {error}") from error
        client.on_connect = session.on_connect
        client.on_publish = session.on_publish
        return client


class _Session:
    """What a broker says, on paho's thread.

    Attributes:
        answered: it has accepted or refused us.
        refusal: why it did; empty where it did not.
        refused: why it takes a message not, by the message's number.
    """

    def __init__(self) -> None:
        self.answered: Final = threading.Event()
        self.refusal = ""
        self.refused: Final[dict[int, str]] = {}

    def on_connect(self, _c: Client, _data: object, _f: ConnectFlags, reason: ReasonCode, _p: object) -> None:
        self.refusal = str(reason) if reason.is_failure else ""
        self.answered.set()

    def on_publish(self, _c: Client, _data: object, mid: int, reason: ReasonCode, _p: object) -> None:
        if reason.is_failure:
            self.refused[mid] = str(reason)


def messages(
    notice: Notice, settings: MqttNoticeSettings, body_of: Callable[[Notice], BaseModel]
) -> list[Message]:
    """What is published; in the shapes of others, which know plates and no alerts, of raised ones alone (pure)."""
    found: list[Message] = []
    if "atalaya" in settings.shapes:
        level = re.sub(r"[^\w.-]", "_", notice.subject.list_name, flags=re.ASCII)
        found.append((f"{ROOT}/alerts/{level}", body_of(notice).model_dump_json()))
    if notice.happening.kind == _RAISED and settings.plates:
        shapes = {"onvif": (ONVIF, _onvif), "frigate": (FRIGATE, _frigate)}
        others = [shapes[name] for name in settings.shapes if name in shapes]
        found += [(topic, json.dumps(shape(notice), ensure_ascii=False)) for topic, shape in others]
    return found


def _onvif(notice: Notice) -> dict[str, Any]:
    """As the event broker of ONVIF writes it: attributes as `@Name`, text as `#text`."""
    at = notice.happening.at if notice.seen is None else notice.seen.at
    plate = {"@Likelihood": round(notice.likelihood, 4), "#text": notice.plate}
    return {
        "UtcTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "Source": {"VideoSource": notice.camera_id},
        "Data": {"LicensePlateInfo": {"PlateNumber": plate}},
    }


def _frigate(notice: Notice) -> dict[str, Any]:
    at = notice.happening.at if notice.seen is None else notice.seen.at
    return {
        "type": "lpr",
        "id": f"atalaya-{notice.happening.alert_id}",
        "name": notice.subject.list_name,
        "plate": notice.plate,
        "score": round(notice.likelihood, 4),
        "camera": notice.camera_id,
        "timestamp": at.timestamp(),
        "plate_box": None,
    }


def _silent(seconds: float) -> Answer:
    return Answer(Verdict.AWAY, f"no whole answer in {seconds:g} s")
