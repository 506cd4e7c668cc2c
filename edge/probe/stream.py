"""The stream's own facts, from its packets and pictures as they come. Pure.

Times of arrival are those at which a packet began to come: libav hands an H.264 picture over when the next one begins.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BURST_S: Final = 1.0  # some cameras send what they have kept at once; rates are told from later on
_GAP: Final = 1.5  # steps between two pictures that leave room for one more
_JUMP_S: Final = 5.0  # of the camera's times, against ours: set anew, and nothing is missing
_SPLIT: Final = 0.95


class StreamWatch:
    """Told of every packet and picture, in order."""

    def __init__(self) -> None:
        self._came_s: list[float] = []
        self._media_s: list[float] = []
        self._bytes: list[int] = []
        self._keys_s: list[float] = []
        self._is_key_due = False
        self._waited_s = 0.0
        self.pause_s = 0.0
        self.pictures = 0
        self.damaged = 0
        self.clock_off_s: float | None = None

    def waited(self, seconds: float) -> None:
        """This machine had nothing to do for so long, until a packet came."""
        self._waited_s += seconds
        self.pause_s = max(self.pause_s, seconds)

    @property
    def idle(self) -> float:
        """Share of the time in which this machine waited for the camera; near 0: it could not keep up."""
        return min(1.0, self._waited_s / self.watched_s) if self.watched_s else 1.0

    def packet(
        self,
        size: int,
        *,
        came_s: float | None,
        media_s: float | None,
        key_frame: bool,
        told_at_zero_s: float | None,
    ) -> None:
        """A packet.

        Args:
            size: bytes.
            came_s: when it began to come, seconds since 1970; None where nobody knows.
            media_s: its presentation time, seconds from anywhere; None where it has none.
            key_frame: whether decoding may begin with it.
            told_at_zero_s: the camera's own time of presentation time 0, where it has told it by now.
        """
        if came_s is None or media_s is None:
            self._is_key_due |= (
                key_frame  # libav gives the first one no time: it is the next one's, but for a step
            )
            return
        self._came_s.append(came_s)
        self._media_s.append(media_s)
        self._bytes.append(size)
        if key_frame or self._is_key_due:
            self._keys_s.append(media_s)
            self._is_key_due = False
        if told_at_zero_s is not None:
            off_s = told_at_zero_s + media_s - came_s
            # A packet comes late, never early: the greatest difference has the least delay in it.
            self.clock_off_s = off_s if self.clock_off_s is None else max(self.clock_off_s, off_s)

    def picture(self, *, damaged: bool) -> None:
        """A decoded picture, or one that could not be decoded."""
        self.pictures += 1
        self.damaged += damaged

    @property
    def watched_s(self) -> float:
        """From the first packet to the last one."""
        return self._came_s[-1] - self._came_s[0] if self._came_s else 0.0

    @property
    def fps(self) -> float | None:
        """Pictures a second that came; None: too few to tell."""
        came = self._settled(self._came_s)
        return None if len(came) < 3 else (len(came) - 1) / max(came[-1] - came[0], 1e-3)

    @property
    def kbit_s(self) -> float | None:
        """1000 bits a second; None: too few to tell."""
        came, sizes = self._settled(self._came_s), self._settled(self._bytes)
        if len(came) < 3:
            return None
        return 8e-3 * float(sum(sizes[1:])) / max(float(came[-1] - came[0]), 1e-3)

    @property
    def key_frame_s(self) -> float | None:
        """The usual time between two key frames; None: fewer than two came."""
        return float(np.median(np.abs(np.diff(self._keys_s)))) if len(self._keys_s) > 1 else None

    @property
    def missing(self) -> int:
        """Pictures that the times of the others leave room for."""
        steps = np.diff(np.sort(np.array(self._media_s)))
        steps = steps[steps > 0]
        if len(steps) < 3:
            return 0
        usual = float(np.median(steps))
        gaps = steps[(steps > _GAP * usual) & (steps < _JUMP_S)]
        return int(np.sum(np.round(gaps / usual) - 1))

    @property
    def jitter_ms(self) -> float | None:
        """By how much 1 in 20 pictures comes later than the soonest ones; None: too few to tell."""
        late = np.array(self._settled(self._came_s)) - np.array(self._settled(self._media_s))
        if len(late) < 3:
            return None
        within = late[np.abs(late - np.median(late)) < _JUMP_S]
        return 1000.0 * float(np.quantile(within, _SPLIT) - within.min()) if len(within) else None

    def _settled(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Of the packets after the first second; of all, where there are few."""
        came = np.array(self._came_s)
        later = came > came[0] + _BURST_S if len(came) else np.zeros(0, bool)
        return np.array(values, np.float64)[later if later.sum() > 2 else slice(None)]
