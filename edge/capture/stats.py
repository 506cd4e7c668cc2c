"""What one camera's capture has counted since the worker's start."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime

from edge.capture.gate import Luma
from edge.capture.view import ViewWatch
from edge.contract.health import CameraState, TriggerHealth, TriggerState

_DETAIL_CHARACTERS = 300  # CameraHealth.detail


@dataclass(frozen=True, slots=True)
class CaptureSnapshot:
    """The counters at one moment; the fields are named as in `edge.contract.health.CameraHealth`.

    Attributes:
        detail: why, where the state is a fault; never holds a password.
        last_frame_at: capture time of the newest frame decoded, analysed or not.
        frames_received: that came, damaged ones included, decoded or not.
        frames_corrupt: damaged in transit, or drawn from a damaged one; skipped.
        frames_still: kept back because nothing moved; most of them not even decoded.
        frames_moving: taken while the camera turned, or an operator had it; dropped.
        frames_dropped: replaced by a newer frame before they were used, or not even decoded because this box
            had fallen behind.
        reconnects: times that frames came again after they had ceased.
        failures: connections that could not be made or broke.
        triggers: what woke the decoder, in order of first use.
        remark: what is odd about this connection, though it works; empty: nothing.
    """

    state: CameraState = CameraState.CONNECTING
    detail: str = ""
    last_frame_at: datetime | None = None
    frames_received: int = 0
    frames_corrupt: int = 0
    frames_still: int = 0
    frames_moving: int = 0
    frames_dropped: int = 0
    reconnects: int = 0
    failures: int = 0
    triggers: tuple[TriggerHealth, ...] = ()
    remark: str = ""


class CaptureStats:
    """The running counters: written by a camera's own thread, read by any.

    Args:
        view: is shown the pictures.
    """

    def __init__(self, view: ViewWatch | None = None) -> None:
        self._lock = threading.Lock()
        self._now = CaptureSnapshot()
        self._view = view

    def snapshot(self) -> CaptureSnapshot:
        """The counters as they stand, consistent with one another."""
        with self._lock:
            return self._now

    def received(self, at: datetime) -> None:
        """A good frame was decoded: the camera is live."""
        with self._lock:
            now = self._now
            back = now.state is not CameraState.LIVE and now.last_frame_at is not None
            self._now = replace(
                now,
                state=CameraState.LIVE,
                detail="",
                last_frame_at=at,
                frames_received=now.frames_received + 1,
                reconnects=now.reconnects + back,
            )

    def shows(self, luma: Luma, *, at: datetime, preset: str | None = None) -> None:
        """A good picture, as `ViewWatch.show` takes it."""
        if self._view is not None:
            self._view.show(luma, at=at, preset=preset)

    def corrupt(self) -> None:
        """A damaged frame was decoded and skipped: the camera lives, its link is bad."""
        with self._lock:
            now = self._now
            self._now = replace(
                now,
                state=CameraState.LIVE,
                detail="frames arrive damaged and are skipped until the next key frame",
                frames_received=now.frames_received + 1,
                frames_corrupt=now.frames_corrupt + 1,
            )

    def still(self) -> None:
        """The motion gate kept a frame back."""
        with self._lock:
            self._now = replace(self._now, frames_still=self._now.frames_still + 1)

    def dozed(self, at: datetime) -> None:
        """A frame came and was not decoded, because nothing moves: the camera is live."""
        self.received(at)
        self.still()

    def woke(self, count: int) -> None:
        """So many frames that had dozed are decoded after all, and counted as they are."""
        with self._lock:
            now = self._now
            self._now = replace(
                now,
                frames_received=now.frames_received - count,
                frames_still=now.frames_still - count,
            )

    def trigger(
        self,
        name: str,
        *,
        wakes: int = 0,
        missed: int = 0,
        false_alarms: int = 0,
        state: TriggerState | None = None,
        detail: str = "",
    ) -> None:
        """Something that wakes the decoder did so, missed, cried for nothing, or stands otherwise than before."""
        with self._lock:
            found = {each.name: each for each in self._now.triggers}
            was = found.get(name, TriggerHealth(name=name))
            found[name] = was.model_copy(
                update={
                    "wakes": was.wakes + wakes,
                    "missed": was.missed + missed,
                    "false_alarms": was.false_alarms + false_alarms,
                    **({} if state is None else {"state": state, "detail": detail[:_DETAIL_CHARACTERS]}),
                }
            )
            self._now = replace(self._now, triggers=tuple(found.values()))

    def moving(self) -> None:
        """A frame was taken while nobody may say what the camera looks at."""
        with self._lock:
            self._now = replace(self._now, frames_moving=self._now.frames_moving + 1)

    def dropped(self) -> None:
        """A frame made way for newer ones before it was used."""
        with self._lock:
            self._now = replace(self._now, frames_dropped=self._now.frames_dropped + 1)

    def remarked(self, remark: str) -> None:
        """Something is odd about this connection; holds until it ends."""
        with self._lock:
            self._now = replace(self._now, remark=remark)

    def failed(self, state: CameraState, detail: str) -> None:
        """The connection could not be made, or broke; the state lasts until frames come again."""
        with self._lock:
            self._now = replace(
                self._now,
                state=state,
                detail=detail[:_DETAIL_CHARACTERS],
                failures=self._now.failures + 1,
                remark="",
            )
