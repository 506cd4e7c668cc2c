"""What the centre is held against: a consumer of the same broker that acknowledges and does nothing else."""

import time
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from central.bench.broker import HOST, USER
from central.sections import MqttSettings
from edge.contract.topics import subscriptions

_RECEIVE_MAXIMUM: Final = MqttSettings.model_fields["receive_maximum"].default
_SILENT_S: Final = 60.0
_LOOK_S: Final = 0.1


def acknowledge(port: int, password: str, reads: int, ready: Any) -> tuple[float, float]:  # noqa: ANN401  # multiprocessing's event
    """Take so many messages, or what comes until none has come for a minute.

    Returns:
        The monotonic time of the last one, and the processor time that they took, seconds.
    """
    last_s, taken, cpu_s = time.monotonic(), 0, time.process_time()

    def take(client: Client, _data: object, message: MQTTMessage) -> None:
        nonlocal last_s, taken
        client.ack(message.mid, message.qos)
        last_s, taken = time.monotonic(), taken + 1

    client = Client(
        CallbackAPIVersion.VERSION2, "bench", protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
    )
    client.username_pw_set(USER, password)
    client.on_message = take
    client.on_subscribe = lambda *_: ready.set()
    client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in subscriptions()])
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
    properties.SessionExpiryInterval, properties.ReceiveMaximum = 3600, _RECEIVE_MAXIMUM
    client.connect(HOST, port, clean_start=False, properties=properties)
    client.loop_start()
    # Not woken by each message: that would be a third of what it takes.
    while taken < reads and time.monotonic() < last_s + _SILENT_S:
        time.sleep(_LOOK_S)
    client.disconnect()
    client.loop_stop()
    return last_s, time.process_time() - cpu_s
