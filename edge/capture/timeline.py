"""When the pictures of a recording were taken, from presentation times that may leap.

A recording's times are those of its pictures, not a count at a nominal rate: cameras leave out pictures in the dark,
and a phone's rate is never even. What lies between two pictures stays between them, however long. Only where time
steps back (a device that began anew in the middle of a file, files put end to end, a counter that ran over) or leaps
by more than a day, it says nothing any more: then the next picture follows the one before by one frame, and the leap
is counted.
"""

from dataclasses import dataclass, replace
from typing import Final

_JITTER_S: Final = 0.5  # a picture that is early by less is in its place, but for the clock's unsteadiness
_GAP_S: Final = 86_400.0
_LEAST_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was seen of a recording's times up to one picture.

    Attributes:
        step_s: between two pictures, nominally.
        first_s: presentation time of the first picture, in the file's own count; None before it.
        shift_s: added to presentation times since the last leap.
        last_s: time of the newest picture since the first one; None before it.
        leaps: how often time stepped back or leapt.
        longest_s: the longest time between two pictures.
    """

    step_s: float
    first_s: float | None = None
    shift_s: float = 0.0
    last_s: float | None = None
    leaps: int = 0
    longest_s: float = 0.0

    def then(self, presented_s: float | None) -> "Timeline":
        """The next picture, which is presented at this time; None: it does not say. Its `last_s` is its time."""
        if self.last_s is None:
            return replace(self, first_s=presented_s, last_s=0.0)
        if presented_s is None:
            return self._at(self.last_s + self.step_s)
        first_s = presented_s if self.first_s is None else self.first_s
        moment_s = presented_s - first_s + self.shift_s
        if -_JITTER_S < moment_s - self.last_s < _GAP_S:
            known = replace(self, first_s=first_s)
            return known._at(max(moment_s, self.last_s + _LEAST_S))  # our own
        on_s = self.last_s + self.step_s
        leapt = replace(self, first_s=first_s, shift_s=self.shift_s + on_s - moment_s, leaps=self.leaps + 1)
        return leapt._at(on_s)

    def _at(self, moment_s: float) -> "Timeline":
        passed_s = moment_s - (self.last_s or 0.0)
        return replace(self, last_s=moment_s, longest_s=max(self.longest_s, passed_s))
