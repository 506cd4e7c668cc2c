"""A camera over RTSP: one connection, from opening it to its end.

packets (PyAV) -> arrival times -> dozing? -> decode -> damaged? -> moves? -> due? -> BGR -> Frame
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import av
from av.packet import Packet
from av.video.stream import VideoStream

from edge.capture import picture
from edge.capture.arrivals import Arrivals
from edge.capture.capture_clock import CaptureClock, ClockSetBackError
from edge.capture.connection import Connection
from edge.capture.damage import Damage
from edge.capture.decoder import Decoder
from edge.capture.doze import Doze
from edge.capture.gate import GATE_FPS, Luma, MotionGate
from edge.capture.key_frames import KeyFrames
from edge.capture.pacer import Pacer
from edge.capture.ptz.aim import Aim, View
from edge.capture.ring import Format, PacketRing
from edge.capture.stats import CaptureStats
from edge.capture.triggers.trigger import Trigger
from edge.capture.triggers.watches import Watches
from edge.settings import CameraSettings
from edge.types import Frame

_BARREN_S = 10.0
"""Packets that give no picture for so long are of another codec than was told, and only a new connection tells."""

_FIRST_PICTURE_S = 60.0
"""The same before the first picture: some cameras send no key frame on request."""


class RtspSource:
    """Frames of one camera in which something moves, at most `analyse_fps` a second; used once.

    Damaged frames, and those drawn from them, are skipped and counted. Capture times are those of `capture_clock`.

    Args:
        clock: the UTC time.
        stats: where to count.
        aim: of a camera that turns: which frames may be read, and as whose.
        ring: keeps the camera's last packets for clips, over its connections.
    """

    def __init__(
        self,
        camera: CameraSettings,
        *,
        clock: Callable[[], datetime],
        stats: CaptureStats | None = None,
        aim: Aim | None = None,
        ring: PacketRing | None = None,
    ) -> None:
        self._camera = camera
        self._clock = clock
        self._stats = stats or CaptureStats()
        self._closed = threading.Event()
        self._connection = Connection(camera, closed=self._closed)
        self._ring = ring
        self._gate = MotionGate(region=camera.region) if camera.motion_gate else None
        self._gate_pacer = Pacer(GATE_FPS)
        self._pacer = Pacer(camera.analyse_fps)
        self._damage = Damage()
        self._aim, self._view = aim, View(None, None, 0)
        self._is_open = self._was_open = True
        self._moves_since_s: float | None = None
        self._watches = Watches(camera, clock=clock)
        self._barren_since_s: float | None = None
        self._seen_any = False

    def frames(self) -> Iterator[Frame]:
        """Connect and yield frames in time order until `close`.

        Raises:
            RefusedError: wrong user or password, or the password's file cannot be read.
            LostError: unreachable, no such stream, stalled, broken off or ended.
        """
        try:
            yield from self._watch(self._connection.open())
        finally:
            self._watches.stop()
            self._connection.close()

    def close(self) -> None:
        """End `frames` within a second (within twice `timeout_s` while it connects), from any thread."""
        self._closed.set()
        self._watches.stop()

    def _watch(self, stream: VideoStream) -> Iterator[Frame]:
        keys = KeyFrames()
        decoder = Decoder(stream, keys=keys)
        arrivals = Arrivals(stream.codec_context.name, clock=self._clock, remark=self._stats.remarked)
        doze = self._new_doze(stream, keys)
        if self._ring is not None:
            self._ring.begin(Format.of(stream))
        for packet in self._connection.packets():
            media_s = arrivals.note(packet, waited_s=self._connection.waited_s)
            if packet is None:
                continue
            keys.note(packet, media_s=media_s)
            if self._ring is not None:
                taken_at = self._clock() if media_s is None else arrivals.clock.estimate(media_s)
                self._ring.add(packet, captured_at=taken_at)
            if arrivals.is_late:
                self._stats.dropped()
                continue
            due = [packet] if doze is None else self._due(doze, packet, media_s, arrivals)
            for one in due:
                for frame in self._decode(one, decoder):
                    taken = self._consider(frame, arrivals.clock)
                    if taken is not None:
                        yield taken
            if doze is not None:
                self._settle(doze, packet, decoded=bool(due))

    def _new_doze(self, stream: VideoStream, keys: KeyFrames) -> Doze | None:
        """None of a camera that turns: what was kept may show where it looked before."""
        if self._gate is None or self._aim is not None:
            return None
        triggers = [Trigger(witness, stats=self._stats) for witness in self._watches.start()]
        return Doze(stream, keys=keys, moves=self._moves_ahead, triggers=triggers, stats=self._stats)

    def _due(
        self, doze: Doze, packet: "Packet[VideoStream]", media_s: float | None, arrivals: Arrivals
    ) -> "list[Packet[VideoStream]]":
        """What is to be decoded now; what dozing lets go counts as still, and the camera as live."""
        due = doze.due(packet, media_s=media_s)
        if not due:
            self._barren_since_s = None
            self._stats.dozed(self._clock())
        elif len(due) > 1:
            self._stats.woke(len(due) - 1)
            arrivals.excuse(due)
        return due

    def _settle(self, doze: Doze, packet: "Packet[VideoStream]", *, decoded: bool) -> None:
        """After a packet and its pictures: doze where nothing moves."""
        doze.watch(still=not self._is_open, now_s=self._clock().timestamp())
        if not decoded:
            return
        moves_since_s = None if self._gate is None else self._gate.moves_since_s
        if moves_since_s is not None and moves_since_s != self._moves_since_s:
            self._moves_since_s = moves_since_s
            doze.moved(moves_since_s)
        if not self._is_open:
            if self._was_open and self._gate is not None and self._gate.stayed_s:
                doze.stayed(self._gate.stayed_s)
            doze.rest(packet)
        self._was_open = self._is_open

    def _moves_ahead(self, luma: Luma) -> bool:
        self._stats.shows(luma, at=self._clock())
        return self._gate is None or self._gate.glance(luma, at_s=self._clock().timestamp())

    def _decode(self, packet: "Packet[VideoStream]", decoder: Decoder) -> list[av.VideoFrame]:
        """A packet's pictures.

        Raises:
            LostError: there have been none for too long.
        """
        try:
            frames = decoder.decode(packet)
        except av.error.InvalidDataError:
            self._damage.is_spoilt(marked=True, key_frame=False, media_s=None)
            self._stats.corrupt()
            frames = []
        now_s = time.monotonic()
        self._seen_any |= bool(frames)
        if frames or self._barren_since_s is None:
            self._barren_since_s = None if frames else now_s
        elif now_s - self._barren_since_s > (_BARREN_S if self._seen_any else _FIRST_PICTURE_S):
            raise self._connection.lost("what it sends can no longer be decoded")
        return frames

    def _consider(self, frame: av.VideoFrame, clock: CaptureClock) -> Frame | None:
        media_s = None if frame.pts is None else frame.time
        if self._damage.is_spoilt(marked=frame.is_corrupt, key_frame=frame.key_frame, media_s=media_s):
            self._stats.corrupt()
            return None
        try:
            captured_at = clock.captured(media_s)
        except ClockSetBackError:
            raise self._connection.lost("this machine's clock was set back; starting anew") from None
        if self._ring is not None and frame.pts is not None:
            self._ring.decoded(frame.pts, captured_at=captured_at)
        self._stats.received(captured_at)
        at_s = captured_at.timestamp()
        if self._aim is not None and not self._takes(self._aim.look(picture.luma(frame), at=captured_at)):
            self._is_open = True  # no dozing meanwhile
            self._stats.moving()
            return None
        self._stats.shows(picture.luma(frame), at=captured_at, preset=self._view.preset)
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
        pixels = picture.Decoded(frame)
        return Frame(
            self._camera.id,
            captured_at,
            pixels,
            preset=seen.preset,
            position=seen.position,
            stay=seen.stay,
            moving=moving,
            came_at=self._clock(),
        )

    def _takes(self, view: View | None) -> bool:
        """Whether a camera that turns may be read now; where it looks elsewhere than before, the gate learns anew."""
        if view is None:
            return False
        if self._gate is not None and view.stay != self._view.stay:
            self._gate = MotionGate(region=self._camera.region_at(view.preset))
        self._view = view
        return True
