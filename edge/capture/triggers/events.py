"""The camera's own motion events as a witness: subscribes, asks again and again, renews, and survives a loss."""

import contextlib
import http.client
import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from edge.capture.triggers import pullpoint
from edge.capture.triggers.pullpoint import Login, Said, Subscription
from edge.capture.triggers.witness import Witness
from edge.errors import ConfigError, LostError, RefusedError
from edge.secret import read_secret
from edge.settings import CameraSettings, MotionEventSettings
from edge.soap import UnreadableError, node, parse, qname, text_at

_DEVICE: Final = "/onvif/device_service"
_MOST_BYTES: Final = 1_000_000
_REFUSALS: Final = frozenset({401, 403})
_UNREFUSED: Final = 10  # empty answers given at once: it does not wait, and must not be asked without a pause
_PAUSE_S: Final = 0.5
_GRACE_S: Final = 1.0  # beyond the time that an answer may take, its last word holds
_SOURCES: Final = 64  # of which it is remembered that they move; a camera names them, and may invent more


class EventWatch:
    """Hears one device's motion events.

    The password is read anew for every connection. All calls go to the configured address, whatever addresses the
    device gives.

    Args:
        camera: whose events.
        settings: where and as whom to ask.
        clock: now, UTC.
    """

    def __init__(
        self, camera: CameraSettings, settings: MotionEventSettings, *, clock: Callable[[], datetime]
    ) -> None:
        self.witness = Witness("events", clock=clock, lasts_s=pullpoint.PULL_S + _GRACE_S)
        self._camera = camera
        self._settings = settings
        self._clock = clock
        self._host = settings.host or urlsplit(camera.url).hostname or ""
        self._closed = threading.Event()
        self._link: http.client.HTTPConnection | None = None
        self._ahead = timedelta(0)  # the device's clock minus ours
        self._login: Login | None = None
        self._moving: dict[str, None] = {}  # the newest last

    def run(self) -> None:
        """One subscription, until it is lost or `close`.

        Raises:
            RefusedError: wrong user or password, or the password's file cannot be read.
            LostError: unreachable, silent, it has no events, or it says what nobody understands.
        """
        self._login, self._moving, self._ahead = self._read_login(), {}, timedelta(0)
        try:
            subscribed = self._subscribe()
            try:
                self._hear(subscribed)
            finally:
                with contextlib.suppress(LostError, RefusedError):
                    self._tell(pullpoint.unsubscribe(), subscribed)
        finally:
            self._hang_up()

    def close(self) -> None:
        """End `run` soon; idempotent."""
        self._closed.set()

    def _read_login(self) -> Login | None:
        username, password_file = self._settings.username, self._settings.password_file
        if username is None:
            username, password_file = self._camera.username, self._camera.password_file
        if username is None:
            return None
        try:
            return Login(username, read_secret(password_file) if password_file else "")
        except ConfigError as error:
            raise RefusedError(f"camera {self._camera.id}: events: {error}") from error

    def _subscribe(self) -> Subscription:
        answer = self._ask(node("tds:GetSystemDateAndTime"), _DEVICE, is_open_to_all=True)
        there = pullpoint.device_time(answer)
        if there is not None:
            self._ahead = there - self._clock()
        asked = node("tds:GetCapabilities", node("tds:Category", "Events"))
        service = pullpoint.event_service(self._ask(asked, _DEVICE))
        if not service:
            raise self._lost("it has no events")
        made = pullpoint.subscription(self._ask(pullpoint.create(), service))
        if made is None:
            raise self._lost("its subscription has no address")
        return made

    def _hear(self, subscribed: Subscription) -> None:
        renew_s = time.monotonic() + subscribed.lasts_s / 2
        at_once = 0
        while not self._closed.is_set():
            if time.monotonic() >= renew_s:
                lasts_s = pullpoint.lasts_s(self._tell(pullpoint.renew(), subscribed))
                renew_s = time.monotonic() + lasts_s / 2
            asked_s = time.monotonic()
            said = list(pullpoint.told(self._tell(pullpoint.pull(), subscribed)))
            self._take(said)
            at_once = at_once + 1 if not said and time.monotonic() - asked_s < _PAUSE_S else 0
            if at_once >= _UNREFUSED:
                self._closed.wait(_PAUSE_S)

    def _take(self, said: list[Said]) -> None:
        """Put together what several detectors say: something moves while one of them says so."""
        wanted = self._settings.source
        for each in said:
            if wanted is not None and wanted not in each.sources:
                continue
            self._moving.pop(each.about, None)
            if each.moves:
                self._moving[each.about] = None
                if len(self._moving) > _SOURCES:
                    del self._moving[next(iter(self._moving))]
            self.witness.says(moves=bool(self._moving))
        self.witness.says(moves=bool(self._moving))

    def _tell(self, request: ET.Element, subscribed: Subscription) -> ET.Element:
        return self._ask(request, subscribed.address, parameters=subscribed.parameters)

    def _ask(
        self,
        request: ET.Element,
        address: str,
        *,
        parameters: tuple[ET.Element, ...] = (),
        is_open_to_all: bool = False,
    ) -> ET.Element:
        """One call; the body of its answer.

        Raises:
            RefusedError, LostError: as `run`.
        """
        login = None if is_open_to_all else self._login
        sent = pullpoint.message(
            request, to=address, login=login, at=self._clock() + self._ahead, parameters=parameters
        )
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        status, raw = self._post(path, sent)
        if status in _REFUSALS:
            raise self._refused()
        try:
            answer = parse(raw)
        except UnreadableError as error:
            raise self._lost(f"its answer cannot be read: {error}") from None
        fault = answer.find(f".//{qname('s:Fault')}")
        if fault is not None:
            codes = " ".join(value.text or "" for value in fault.iter(qname("s:Value")))
            if "NotAuthorized" in codes or "FailedAuthentication" in codes:
                raise self._refused()
            raise self._lost(text_at(fault, "s:Reason/s:Text")[:200] or "it refuses without a reason")
        return answer

    def _post(self, path: str, sent: bytes) -> tuple[int, bytes]:
        patience_s = self._settings.timeout_s + pullpoint.PULL_S
        try:
            if self._link is None:
                self._link = http.client.HTTPConnection(self._host, self._settings.port, timeout=patience_s)
            kind = {"Content-Type": "application/soap+xml; charset=utf-8"}
            self._link.request("POST", path, body=sent, headers=kind)
            answer = self._link.getresponse()
            return answer.status, answer.read(_MOST_BYTES)
        except TimeoutError:
            failure = self._lost(f"no answer within {patience_s:g} s")
        except socket.gaierror:
            failure = self._lost("no such host")
        except ConnectionRefusedError:
            failure = self._lost("nothing listens there (connection refused)")
        except (OSError, http.client.HTTPException):
            failure = self._lost("the connection broke")
        self._hang_up()
        raise failure

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _refused(self) -> RefusedError:
        who = f"user {self._login.username!r} or the password" if self._login else "access without a user"
        return RefusedError(f"camera {self._camera.id}, events at {self._place}: it refused {who}")

    def _lost(self, what: str) -> LostError:
        return LostError(f"camera {self._camera.id}, events at {self._place}: {what}")

    @property
    def _place(self) -> str:
        return f"{self._host}:{self._settings.port}"
