"""How far a witness may be heeded: what it says is held against what the pictures show.

Two things can be wrong with it. It may keep silent while something moves: then nothing may depend on it, and a camera
that needs it to doze is decoded whole. And it may cry for nothing: then it is not heeded, for each cry costs decoding.
Both are learnt from the last few times, so that a camera whose settings are mended is believed again.
"""

from collections import deque
from typing import Final

from edge.capture.stats import CaptureStats
from edge.capture.triggers.witness import Witness
from edge.contract.health import TriggerState

_JUDGED: Final = 12  # times that are remembered
_ENOUGH: Final = 6  # motions seen before anything depends on it
_MAY_MISS: Final = 1  # of those remembered
_BEFORE_S: Final = 3.0  # it may say so before the gate, which wants to be sure
_AFTER_S: Final = 4.0  # or after it: a camera thinks, a message travels
_PENDING: Final = 32
_AGAIN: Final = 8  # of so many cries of one that is not heeded, one is


class Trigger:
    """One witness at one connection; of the camera's thread.

    Args:
        witness: whom to hear.
        stats: where to count.
    """

    def __init__(self, witness: Witness, *, stats: CaptureStats) -> None:
        self.witness = witness
        self._stats = stats
        self._heard = witness.alarms
        self._unheeded = 0
        self._fault = ""
        self._told: deque[bool] = deque(maxlen=_JUDGED)  # whether it told of a motion that was seen
        self._right: deque[bool] = deque(maxlen=_JUDGED)  # whether something moved when it woke
        self._seen: deque[float] = deque(maxlen=_PENDING)
        self._note()

    @property
    def name(self) -> str:
        """The witness's."""
        return self.witness.name

    @property
    def is_trusted(self) -> bool:
        """Whether it has told of nearly all that was seen to move."""
        missed = self._told.count(False)
        return len(self._told) >= _ENOUGH and missed <= _MAY_MISS

    @property
    def vouches(self) -> bool:
        """Whether nothing moves now, on the word of one that may be trusted."""
        return self.is_trusted and self._is_heeded and self.witness.speaks and not self.witness.moves

    @property
    def is_needed(self) -> bool:
        """Whether it must watch though the pictures themselves are looked at: to be known, and to tell in time."""
        return not self.is_trusted or bool(self._seen)

    def cries(self) -> bool:
        """Whether something has begun to move since it was last asked, on the word of one that is heeded."""
        alarms = self.witness.alarms
        new, self._heard = alarms - self._heard, alarms
        if not new or self._is_heeded:
            return new > 0
        self._unheeded += new
        if self._unheeded < _AGAIN:
            return False
        self._unheeded = 0
        return True

    def forget_cries(self) -> None:
        """What it has said so far is known."""
        self._heard = self.witness.alarms

    def saw_motion(self, at_s: float) -> None:
        """The pictures show that something began to move at this time (seconds since 1970)."""
        if self.witness.speaks:  # nobody depends on one that is known to be silent
            self._seen.append(at_s)

    def judge(self, *, now_s: float) -> None:
        """Hold what was seen against what it said, once it has had the time to say it."""
        judged = False
        while self._seen and now_s > self._seen[0] + _AFTER_S:
            at_s = self._seen.popleft()
            told = self.witness.moved(since_s=at_s - _BEFORE_S, until_s=at_s + _AFTER_S)
            self._told.append(told)
            judged = True
            if not told:
                self._stats.trigger(self.name, missed=1)
        if judged or self.witness.fault != self._fault:
            self._note()

    def woke(self) -> None:
        """It woke the decoder."""
        self._stats.trigger(self.name, wakes=1)
        self._note()

    def was_right(self, right: bool) -> None:
        """Whether something moved when it woke the decoder."""
        self._right.append(right)
        if not right:
            self._stats.trigger(self.name, false_alarms=1)
        self._note()

    @property
    def _is_heeded(self) -> bool:
        return self._right.count(False) * 2 <= max(len(self._right), _ENOUGH)

    def _note(self) -> None:
        self._fault = self.witness.fault
        if self._fault:
            self._stats.trigger(self.name, state=TriggerState.SILENT, detail=self._fault)
            return
        if not self._is_heeded:
            state, detail = TriggerState.DISTRUSTED, "it says that something moves where nothing does"
        elif self.is_trusted:
            state, detail = TriggerState.TRUSTED, ""
        elif len(self._told) >= _ENOUGH:
            state, detail = TriggerState.DISTRUSTED, "it kept silent where something moved"
        else:
            state, detail = TriggerState.LEARNING, ""
        self._stats.trigger(self.name, state=state, detail=detail)
