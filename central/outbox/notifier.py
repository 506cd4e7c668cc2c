"""The outbox of a running centre: the stream, and a courier for each subscriber of the settings."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import Engine

from central.access.key import open_key
from central.db import Clock
from central.outbox.channel import Channel
from central.outbox.courier import Courier, Stopping
from central.outbox.event import Notice
from central.outbox.mail import Mail
from central.outbox.mqtt import MqttNotices
from central.outbox.payload import dispatch, told
from central.outbox.stream import Stream
from central.outbox.webhook import Webhook
from central.query.cameras import CameraPlace, load_cameras
from central.settings import CentralSettings
from central.subscribers import CadSettings, MqttNoticeSettings, SmtpSettings, SubscriberSettings


@dataclass(frozen=True, slots=True)
class Desk:
    """What every channel is opened with.

    Attributes:
        zone: in which people are told times.
    """

    clock: Clock
    zone: ZoneInfo


class Notifier:
    """Threads that tell others of alerts; none where there is nobody to tell.

    Attributes:
        stream: of what happens, for whoever follows in this process. It asks the database twenty times a second, so
            it is run here only where there is a subscriber: who serves it where there is none runs `stream.run` too.
    """

    def __init__(self, settings: CentralSettings, engine: Engine, *, clock: Clock) -> None:
        """Prepare.

        Args:
            settings: the whole file.
            engine: the database.
            clock: now, UTC-aware.

        Raises:
            ConfigError: the file of cameras is wrong.
            AccessError: the key cannot be used.
        """
        self.stream: Final = Stream(engine)
        self._threads: Final[list[threading.Thread]] = []
        self._couriers: Final[list[Courier]] = []
        if not settings.notify:
            return
        desk = Desk(clock, ZoneInfo(settings.site_timezone))
        cameras, key = load_cameras(settings.cameras_file), open_key(settings.access.key_file)
        for each in settings.notify:
            opened = partial(open_channel, each, cameras, desk)
            self._couriers.append(Courier(engine, self.stream, each, channel=opened, key=key, clock=clock))

    def start(self, stopping: Stopping) -> None:
        """Begin; until `stopping` says that it is over."""
        if not self._couriers:
            return
        works: list[tuple[str, Callable[[], None]]] = [("follower", partial(self.stream.run, stopping.wait))]
        works += [(f"courier {n}", partial(each.run, stopping)) for n, each in enumerate(self._couriers)]
        self._threads.extend(threading.Thread(target=work, name=name) for name, work in works)
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until a try that is under way has its answer."""
        for thread in self._threads:
            thread.join()


def open_channel(subscriber: SubscriberSettings, cameras: Mapping[str, CameraPlace], desk: Desk) -> Channel:
    """The way to a subscriber.

    Raises:
        ConfigError: a file that its settings name cannot be used.
    """
    if isinstance(subscriber, SmtpSettings):
        return Mail(subscriber, place_of=cameras.get, zone=desk.zone)
    body = dispatch if isinstance(subscriber, CadSettings) else told

    def body_of(notice: Notice) -> BaseModel:
        return body(notice, plates=subscriber.plates, place=cameras.get(notice.camera_id))

    if isinstance(subscriber, MqttNoticeSettings):
        return MqttNotices(subscriber, body_of=body_of)
    return Webhook(subscriber, body_of=body_of, clock=desk.clock)
