"""A camera over RTSP: one connection, from opening it to its end.

packets (PyAV) -> arrival times -> dozing? -> decode -> damaged? -> moves? -> due? -> BGR -> Frame
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import quote, urlsplit, urlunsplit

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from edge.capture import picture
from edge.capture.backlog import Backlog
from edge.capture.capture_clock import CaptureClock, ClockSetBackError
from edge.capture.damage import Damage
from edge.capture.doze import Doze
from edge.capture.gate import Luma, MotionGate
from edge.capture.pacer import Pacer
from edge.capture.ptz.aim import Aim, View
from edge.capture.stats import CaptureStats
from edge.errors import ConfigError, LostError, RefusedError, SourceError
from edge.settings import CameraSettings, read_secret
from edge.types import Frame

_POLL_S = 1.0
"""Reading pauses this often while nothing comes, to see whether it was closed or has stalled."""

_GATE_FPS = 13.0
"""The gate looks at every other frame of a camera's usual 25: it costs a fifth of decoding, and motion lasts."""

_CREDENTIAL_BYTES = 127
"""libav keeps user:password, percent-encoded, in a buffer of 128 bytes and cuts what is longer."""

_PARSED = frozenset({"h264", "hevc"})
"""Codecs whose pictures libav hands over only when the next one begins."""


class RtspSource:
    """Frames of one camera in which something moves, at most `analyse_fps` a second; used once.

    The password is read anew for every connection and lives in memory only: no message or log names it.
    Damaged frames, and those drawn from them, are skipped and counted. Capture times are those of `capture_clock`.

    Args:
        clock: the UTC time.
        stats: where to count.
        aim: of a camera that turns: which frames may be read, and as whose.
    """

    def __init__(
        self,
        camera: CameraSettings,
        *,
        clock: Callable[[], datetime],
        stats: CaptureStats | None = None,
        aim: Aim | None = None,
    ) -> None:
        self._camera = camera
        self._clock = clock
        self._stats = stats or CaptureStats()
        self._closed = threading.Event()
        self._gate = MotionGate(region=camera.region) if camera.motion_gate else None
        self._gate_pacer = Pacer(_GATE_FPS)
        self._pacer = Pacer(camera.analyse_fps)
        self._damage = Damage()
        self._aim, self._view = aim, View(None, None, 0)
        self._is_open = self._was_open = True

    def frames(self) -> Iterator[Frame]:
        """Connect and yield frames in time order until `close`.

        Raises:
            RefusedError: wrong user or password, or the password's file cannot be read.
            LostError: unreachable, no such stream, stalled, broken off or ended.
        """
        container = self._open()
        try:
            yield from self._watch(container)
        finally:
            container.close()

    def close(self) -> None:
        """End `frames` within a second (within twice `timeout_s` while it connects), from any thread."""
        self._closed.set()

    def _open(self) -> InputContainer:
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
                return container
            container.close()
            failure = self._lost("it offers no video")
        # Outside the handler, so that libav's error, which holds the address with the password, is let go.
        raise failure

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

    def _watch(self, container: InputContainer) -> Iterator[Frame]:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # threads would each hold frames back
        whole_late = stream.codec_context.name in _PARSED
        clock, backlog = CaptureClock(self._clock), Backlog()
        # Of a camera that turns, what was kept may show where it looked before.
        dozes = self._gate is not None and self._aim is None
        doze = Doze(stream, moves=self._moves_ahead) if dozes else None
        late = False
        came_at: datetime | None = None
        for packet in self._packets(container):
            now = self._clock()
            begun_at = came_at if whole_late else now
            if packet is None:  # nothing came for a while: what came before says nothing about the next
                came_at = None
                continue
            came_at = now
            media_s = None if packet.pts is None else float(packet.pts * packet.time_base)
            if media_s is not None:
                clock.arrived(media_s, at=begun_at or now)
                late = backlog.must_skip(
                    media_s=media_s, read_s=time.monotonic(), key_frame=packet.is_keyframe
                )
            if late:
                self._stats.dropped()
                continue
            due = [packet] if doze is None else self._due(doze, packet, media_s)
            for one in due:
                for frame in self._decode(one):
                    taken = self._consider(frame, clock)
                    if taken is not None:
                        yield taken
            if due and doze is not None:
                self._settle(doze, packet)

    def _due(
        self, doze: Doze, packet: "Packet[VideoStream]", media_s: float | None
    ) -> "list[Packet[VideoStream]]":
        """What is to be decoded now; what dozing lets go counts as still, and the camera as live."""
        due = doze.due(packet, media_s=media_s)
        if not due:
            self._stats.dozed(self._clock())
        elif len(due) > 1:
            self._stats.woke(len(due) - 1)
        return due

    def _settle(self, doze: Doze, packet: "Packet[VideoStream]") -> None:
        """After a packet's pictures: doze where nothing moves."""
        if not self._is_open:
            if self._was_open and self._gate is not None and self._gate.stayed_s:
                doze.stayed(self._gate.stayed_s)
            doze.rest(packet)
        self._was_open = self._is_open

    def _moves_ahead(self, luma: Luma) -> bool:
        return self._gate is None or self._gate.glance(luma, at_s=self._clock().timestamp())

    def _packets(self, container: InputContainer) -> "Iterator[Packet[VideoStream] | None]":
        """Packets as they come; None where nothing came for a while.

        Raises:
            LostError: nothing came for `timeout_s`, or the camera ended the stream.
        """
        heard_s = time.monotonic()
        while not self._closed.is_set():
            failure: SourceError | None = None
            try:
                for packet in container.demux(video=0):
                    heard_s = time.monotonic()
                    yield packet
                    if self._closed.is_set():
                        return
            except av.error.ExitError:  # our own poll
                yield None
                if time.monotonic() - heard_s >= self._camera.timeout_s:
                    failure = self._lost(f"it stalled: nothing came for {self._camera.timeout_s:g} s")
            except av.FFmpegError as error:
                failure = self._failure(error, waited_s=0.0)
            else:  # libav ends the iteration alike for an end and for a broken connection
                failure = self._lost("it ended the stream or the connection broke")
            if failure is not None:
                raise failure

    def _decode(self, packet: "Packet[VideoStream]") -> list[av.VideoFrame]:
        try:
            return packet.decode()
        except av.error.InvalidDataError:
            self._damage.is_spoilt(marked=True, key_frame=False, media_s=None)
            self._stats.corrupt()
            return []

    def _consider(self, frame: av.VideoFrame, clock: CaptureClock) -> Frame | None:
        media_s = None if frame.pts is None else frame.time
        if self._damage.is_spoilt(marked=frame.is_corrupt, key_frame=frame.key_frame, media_s=media_s):
            self._stats.corrupt()
            return None
        try:
            captured_at = clock.captured(media_s)
        except ClockSetBackError:
            raise self._lost("this machine's clock was set back; starting anew") from None
        self._stats.received(captured_at)
        at_s = captured_at.timestamp()
        if self._aim is not None and not self._takes(self._aim.look(picture.luma(frame), at=captured_at)):
            self._is_open = True  # no dozing meanwhile
            self._stats.moving()
            return None
        if self._gate is None:
            self._is_open = True
        elif self._gate_pacer.is_due(at_s):
            self._is_open = self._gate.is_open(picture.luma(frame), at_s=at_s)
        if not self._is_open:
            self._stats.still()
            return None
        if not self._pacer.is_due(at_s):
            return None
        seen, moving = self._view, None
        if self._gate is not None:
            moving = self._gate.moving(width=frame.width, height=frame.height)
        bgr = picture.bgr(frame)
        return Frame(self._camera.id, captured_at, bgr, seen.preset, seen.position, seen.stay, moving)

    def _takes(self, view: View | None) -> bool:
        """Whether a camera that turns may be read now; where it looks elsewhere than before, the gate learns anew."""
        if view is None:
            return False
        if self._gate is not None and view.stay != self._view.stay:
            self._gate = MotionGate(region=self._camera.region_at(view.preset))
        self._view = view
        return True

    def _lost(self, what: str) -> LostError:
        parts = urlsplit(self._camera.shown_url)
        return LostError(f"camera {self._camera.id} at {parts.netloc}{parts.path}: {what}")

    def _failure(self, error: Exception, *, waited_s: float) -> SourceError:
        """What libav's error means, in words that hold nothing of its own message but the reason."""
        camera = self._camera
        if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
            who = f"user {camera.username!r} or the password" if camera.username else "access without a user"
            return RefusedError(f"camera {camera.id} at {urlsplit(camera.url).netloc}: it refused {who}")
        if isinstance(error, av.error.HTTPNotFoundError):
            return self._lost("there is no such stream (404)")
        if isinstance(error, ConnectionRefusedError):
            return self._lost("nothing listens there (connection refused)")
        if waited_s >= camera.timeout_s * 0.9 or isinstance(error, TimeoutError):
            return self._lost(f"no answer within {camera.timeout_s:g} s")
        reason = error.strerror if isinstance(error, av.FFmpegError) else "not a usable address"
        return self._lost(f"cannot be reached: {reason}")
