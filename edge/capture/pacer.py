"""Fewer frames a second."""

_EARLY_S = 0.001


class Pacer:
    """Lets through `fps` frames a second of media time on average, the first one at once.

    Args:
        fps: None lets every frame through.
        due_s: nothing before this time.
    """

    def __init__(self, fps: float | None, *, due_s: float = float("-inf")) -> None:
        self._interval_s = 1.0 / fps if fps else 0.0
        self._due_s = due_s

    @property
    def due_s(self) -> float:
        """The next frame goes through from this time on."""
        return self._due_s

    def is_due(self, at_s: float) -> bool:
        """Whether to take the frame of this time (seconds from anywhere, ascending)."""
        if at_s < self._due_s - _EARLY_S:
            return False
        self._due_s += self._interval_s
        if self._due_s <= at_s:  # the first frame, or after a pause: what was missed is not caught up
            self._due_s = at_s + self._interval_s
        return True
