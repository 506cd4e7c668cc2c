"""The camera's side of a look: one connection, every packet weighed, every picture decoded, the due ones passed on.

Unlike a box, it keeps nothing back while nothing moves: a parked car is as good to judge a camera by.
"""

import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Final

import av
from av.packet import Packet
from av.video.stream import VideoStream

from edge.capture import picture
from edge.capture.arrivals import Arrivals
from edge.capture.capture_clock import CaptureClock, ClockSetBackError
from edge.capture.connection import Connection
from edge.capture.damage import Damage
from edge.capture.doze import MOST_INTERVAL_S, Doze
from edge.capture.gate import GATE_FPS, MotionGate
from edge.capture.hub import FrameHub
from edge.capture.key_frames import KeyFrames
from edge.capture.pacer import Pacer
from edge.errors import LostError, SourceError
from edge.probe.facts import StreamFacts
from edge.probe.stream import StreamWatch
from edge.settings import CameraSettings
from edge.types import Frame

_PARSED: Final = frozenset({"h264", "hevc"})  # libav hands their pictures over when the next one begins
_SURE_S: Final = 2 * MOST_INTERVAL_S  # key frames that come often enough are seen by then
_VEHICLE: Final = (
    0.01  # of the picture's area: what moves and is larger may be a vehicle with a legible plate
)


class Capture:
    """A thread that watches one camera for a while; used once.

    Args:
        seconds: from the first picture on.
        clock: the UTC time.

    Attributes:
        hub: where the frames to analyse are left.
        fault: why it ended before the time was over; None: it did not.
        motion_s: for how long something as large as a vehicle moved.
        left_out: frames that made way for newer ones before they were analysed.
        crash: a fault of ours; empty: none.
    """

    def __init__(self, camera: CameraSettings, *, seconds: float, clock: Callable[[], datetime]) -> None:
        self.hub = FrameHub()
        self.fault: SourceError | None = None
        self.crash = ""
        self.motion_s = 0.0
        self.left_out = 0
        self._camera, self._seconds, self._clock = camera, seconds, clock
        self._closed, self._ended = threading.Event(), threading.Event()
        self._connection = Connection(camera, closed=self._closed)
        self._watch = StreamWatch()
        self._damage, self._gate = Damage(), MotionGate(region=camera.region)
        self._gate_pacer, self._pacer = Pacer(GATE_FPS), Pacer(camera.analyse_fps)
        self._keys = KeyFrames()
        self._doze: Doze | None = None
        self._facts: dict[str, object] = {}
        self._began_s = self._connect_s = 0.0
        self._first_s: float | None = None
        self._was_open = False
        self._thread = threading.Thread(target=self._run, name="probe-capture", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self) -> None:
        """End it and wait for that; idempotent."""
        self._closed.set()
        self._thread.join()

    @property
    def has_ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._ended.is_set()

    @property
    def watched_s(self) -> float:
        """Since the first picture."""
        return 0.0 if self._first_s is None else time.monotonic() - self._first_s

    def facts(self, *, analysed: int) -> StreamFacts:
        """What was measured; once it has ended and at least one picture came.

        Raises:
            LostError: no picture came.
        """
        watch = self._watch
        if not self._facts or self._first_s is None:
            raise self._connection.lost("no whole picture came")
        return StreamFacts.model_validate(
            {
                **self._facts,
                "transport": self._camera.transport,
                "fps": _rounded(watch.fps, 2),
                "key_frame_s": _rounded(watch.key_frame_s, 2),
                "kbit_s": _rounded(watch.kbit_s, 0),
                "pictures": watch.pictures,
                "damaged": watch.damaged,
                "missing": watch.missing,
                "jitter_ms": _rounded(watch.jitter_ms, 1),
                "pause_s": round(watch.pause_s, 3),
                "idle": round(watch.idle, 3),
                "connect_s": round(self._connect_s, 3),
                "first_picture_s": round(self._first_s - self._began_s, 3),
                "watched_s": round(watch.watched_s, 3),
                "broke": str(self.fault or ""),
                "analysed": analysed,
                "left_out": self.left_out,
            }
        )

    @property
    def clock_off_s(self) -> float | None:
        """The camera's clock less ours, by its sender reports; None where it sends none, or its timestamps lie."""
        return None if self._facts.get("time_rate") is not None else self._watch.clock_off_s

    def _run(self) -> None:
        try:
            self._look()
        except SourceError as error:
            self.fault = error
        except Exception as error:  # noqa: BLE001  # the thread's top; told by whoever waits
            # Neither the message nor local variables: libav's hold the address with the password.
            where = "".join(traceback.format_tb(error.__traceback__))
            self.crash = f"{type(error).__name__} at\n{where}"
        finally:
            self._connection.close()
            self._ended.set()

    def _look(self) -> None:
        self._began_s = time.monotonic()
        stream = self._connection.open()
        self._connect_s = time.monotonic() - self._began_s
        stream.codec_context.thread_count = 1
        whole_late = stream.codec_context.name in _PARSED
        self._doze = Doze(stream, keys=self._keys, moves=lambda _: True)
        arrivals = Arrivals(stream.codec_context.name, clock=self._clock, remark=lambda _: None)
        came_at: datetime | None = None
        idle_since_s = time.monotonic()
        try:
            for packet in self._connection.packets():
                if packet is None:  # nothing came for a while
                    arrivals.note(None, waited_s=self._connection.waited_s)
                    came_at = None
                    continue
                now = self._clock()
                if self._first_s is not None:
                    self._watch.waited(time.monotonic() - idle_since_s)
                begun_at, came_at = (came_at if whole_late else now), now
                self._weigh(packet, begun_at, arrivals)
                for frame in self._decode(packet):
                    self._consider(frame, arrivals.clock)
                if self.watched_s >= self._seconds:
                    return
                idle_since_s = time.monotonic()
        finally:
            self._sum_up(stream, arrivals)

    def _weigh(self, packet: "Packet[VideoStream]", begun_at: datetime | None, arrivals: Arrivals) -> None:
        media_s = arrivals.note(packet, waited_s=self._connection.waited_s)
        self._keys.note(packet, media_s=media_s)
        if self._doze is not None:
            self._doze.due(packet, media_s=media_s)
        is_true = arrivals.lying_rate is None
        self._watch.packet(
            packet.size,
            came_s=None if begun_at is None else begun_at.timestamp(),
            media_s=media_s,
            key_frame=packet.is_keyframe,
            told_at_zero_s=self._connection.told_at_zero_s if is_true else None,
        )

    def _decode(self, packet: "Packet[VideoStream]") -> list[av.VideoFrame]:
        try:
            return packet.decode()
        except av.error.InvalidDataError:
            self._damage.is_spoilt(marked=True, key_frame=False, media_s=None)
            self._watch.picture(damaged=True)
            return []

    def _consider(self, frame: av.VideoFrame, clock: CaptureClock) -> None:
        media_s = None if frame.pts is None else frame.time
        spoilt = self._damage.is_spoilt(marked=frame.is_corrupt, key_frame=frame.key_frame, media_s=media_s)
        self._watch.picture(damaged=spoilt)
        if spoilt:
            return
        if self._first_s is None:
            self._first_s = time.monotonic()
        try:
            captured_at = clock.captured(media_s)
        except ClockSetBackError:
            raise LostError("this machine's clock was set back; look again") from None
        self._follow(frame, captured_at.timestamp())
        if self._pacer.is_due(captured_at.timestamp()):
            self.left_out += self.hub.put(Frame(self._camera.id, captured_at, picture.bgr(frame)))

    def _follow(self, frame: av.VideoFrame, at_s: float) -> None:
        """What moves, for how long, and whether it is as large as a vehicle."""
        if not self._gate_pacer.is_due(at_s):
            return
        is_open = self._gate.is_open(picture.luma(frame), at_s=at_s)
        if is_open:
            boxes = self._gate.moving(width=frame.width, height=frame.height)
            if any(box.area >= _VEHICLE * frame.width * frame.height for box in boxes):
                self.motion_s += 1 / GATE_FPS
        if self._was_open and not is_open and self._gate.stayed_s and self._doze is not None:
            self._doze.stayed(self._gate.stayed_s)
        self._was_open = is_open

    def _hindrance(self) -> str | None:
        """Why a box does not decode on demand only here; None: it does."""
        if self._camera.ptz is not None:
            return "turns"
        if not self._camera.motion_gate:
            return "gate_off"
        found, key_frame_s = self._doze.hindrance if self._doze else None, self._watch.key_frame_s
        if found == "interval":  # so it is until two key frames have come with a time
            if key_frame_s is None and self._watch.watched_s < _SURE_S:
                return "unknown"
            if key_frame_s is not None and key_frame_s <= MOST_INTERVAL_S:
                return None
        vouched = self._camera.substream is not None or self._camera.motion_events is not None
        return "triggers" if found in ("interval", "stays") and vouched else found

    def _sum_up(self, stream: VideoStream, arrivals: Arrivals) -> None:
        """What the decoder knows, while there is one."""
        context = stream.codec_context
        told = stream.guessed_rate or stream.average_rate
        self._facts = {
            "codec": context.name,
            "profile": context.profile,
            "width_px": context.width,
            "height_px": context.height,
            "fps_told": round(float(told), 2) if told else None,
            "b_frames": bool(context.has_b_frames),
            "time_rate": _rounded(arrivals.lying_rate, 3),
            "dozes_not": self._hindrance(),
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
