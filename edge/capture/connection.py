"""One connection to a camera over RTSP: opened, read packet by packet, closed, and its faults in our words."""

import threading
import time
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from edge.errors import ConfigError, LostError, RefusedError, SourceError
from edge.secret import read_secret
from edge.settings import CameraSettings

_POLL_S = 1.0
"""Reading pauses this often while nothing comes, to see whether it was closed or has stalled."""

_CREDENTIAL_BYTES = 127
"""libav keeps user:password, percent-encoded, in a buffer of 128 bytes and cuts what is longer."""


class Connection:
    """Used once, by one thread.

    The password is read anew for every connection and lives in memory only: no message or log names it.

    Args:
        closed: set from any thread, it ends `packets` within a second.

    Attributes:
        waited_s: how long `packets` has waited for the camera in all: hardly at all where this box is the slower one.
    """

    def __init__(self, camera: CameraSettings, *, closed: threading.Event) -> None:
        self._camera = camera
        self._closed = closed
        self._container: InputContainer | None = None
        self.waited_s = 0.0

    def open(self) -> VideoStream:
        """Connect; returns the first video stream.

        Raises:
            RefusedError: wrong user or password, or the password's file cannot be read.
            LostError: unreachable, silent, or there is no such stream.
        """
        camera = self._camera
        options = {
            "rtsp_transport": camera.transport,
            "allowed_media_types": "video",
            "analyzeduration": "1",  # microseconds: the session description says all that is needed
            "buffer_size": "4000000",  # UDP: a key frame comes as one burst
        }
        address, began_s = self._address(), time.monotonic()
        try:
            container = av.open(address, options=options, timeout=(camera.timeout_s, _POLL_S))
        except (av.FFmpegError, UnicodeError) as error:
            failure = self._failure(error, waited_s=time.monotonic() - began_s)
        else:
            if container.streams.video:
                self._container = container
                return container.streams.video[0]
            container.close()
            failure = self.lost("it offers no video")
        # Outside the handler, so that libav's error, which holds the address with the password, is let go.
        raise failure

    @property
    def told_at_zero_s(self) -> float | None:
        """The camera's own time of presentation time 0, seconds since 1970, by its RTCP sender report; None before."""
        told = self._container.start_time_realtime if self._container is not None else None
        return None if told is None else told / 1e6

    def close(self) -> None:
        """End the connection, by the thread that opened it; idempotent."""
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def packets(self) -> "Iterator[Packet[VideoStream] | None]":
        """Packets as they come; None where nothing came for a while.

        Raises:
            LostError: nothing came for `timeout_s`, or the camera ended the stream.
        """
        container, heard_s = self._container, time.monotonic()
        asked_s = heard_s
        while container is not None and not self._closed.is_set():
            failure: SourceError | None = None
            try:
                for packet in container.demux(video=0):
                    heard_s = time.monotonic()
                    self.waited_s += heard_s - asked_s
                    yield packet
                    if self._closed.is_set():
                        return
                    asked_s = time.monotonic()
            except av.error.ExitError:  # our own poll
                yield None
                if time.monotonic() - heard_s >= self._camera.timeout_s:
                    failure = self.lost(f"it stalled: nothing came for {self._camera.timeout_s:g} s")
            except av.FFmpegError as error:
                failure = self._failure(error, waited_s=0.0)
            else:  # libav ends the iteration alike for an end and for a broken connection
                failure = self.lost("it ended the stream or the connection broke")
            if failure is not None:
                raise failure

    def lost(self, what: str) -> LostError:
        """A failure of this camera, for somebody to raise."""
        parts = urlsplit(self._camera.shown_url)
        return LostError(f"camera {self._camera.id} at {parts.netloc}{parts.path}: {what}")

    def _address(self) -> str:
        """The URL with user and password, for libav only.

        Raises:
            RefusedError: the password's file cannot be read, or libav could not hold what is in it.
        """
        camera = self._camera
        if camera.username is None:
            return camera.url
        try:
            password = read_secret(camera.password_file) if camera.password_file else ""
        except ConfigError as error:
            raise RefusedError(f"camera {camera.id}: {error}") from error
        credentials = f"{quote(camera.username, safe='')}:{quote(password, safe='')}"
        if len(credentials) > _CREDENTIAL_BYTES:
            raise RefusedError(
                f"camera {camera.id}: user and password are too long: {len(credentials)} characters when "
                f"percent-encoded, {_CREDENTIAL_BYTES} at most"
            )
        parts = urlsplit(camera.url)
        return urlunsplit(parts._replace(netloc=f"{credentials}@{parts.netloc}"))

    def _failure(self, error: Exception, *, waited_s: float) -> SourceError:
        """What libav's error means, in words that hold nothing of its own message but the reason."""
        camera = self._camera
        if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
            who = f"user {camera.username!r} or the password" if camera.username else "access without a user"
            return RefusedError(f"camera {camera.id} at {urlsplit(camera.url).netloc}: it refused {who}")
        if isinstance(error, av.error.HTTPNotFoundError):
            return self.lost("there is no such stream (404)")
        if isinstance(error, ConnectionRefusedError):
            return self.lost("nothing listens there (connection refused)")
        if waited_s >= camera.timeout_s * 0.9 or isinstance(error, TimeoutError):
            return self.lost(f"no answer within {camera.timeout_s:g} s")
        reason = error.strerror if isinstance(error, av.FFmpegError) else "not a usable address"
        return self.lost(f"cannot be reached: {reason}")
