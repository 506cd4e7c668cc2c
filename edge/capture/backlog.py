"""A box that cannot decode as fast as its camera sends must not fall behind for ever: it leaves pictures out.

Over TCP nothing is lost on the way: what is not read waits, and the newest picture grows older and older, until
the camera gives the connection up. Reading without decoding is some fifty times faster, so the way back to the
present is to skip to a later key frame.
"""

_LIMIT_S = 5.0
_CAUGHT_UP_S = 0.5
_JUDGED_S = 2.0  # skipped so much, it shows whether skipping helps
_LEAK = 5e-4  # clocks drift by less


class Backlog:
    """One connection's; fed with every packet, in order."""

    def __init__(self) -> None:
        self._least_s: float | None = None
        self._media_s = 0.0
        self._skipping = False
        self._limit_s = _LIMIT_S
        self._since = (0.0, 0.0)  # media time and lateness when skipping began

    def excuse(self, for_s: float) -> None:
        """What was kept of so long is decoded now in one go: that is no falling behind, until it has caught up."""
        self._limit_s = _LIMIT_S + for_s

    def must_skip(self, *, media_s: float, read_s: float, key_frame: bool) -> bool:
        """Whether to leave this packet undecoded.

        Args:
            media_s: its presentation time, seconds from anywhere.
            read_s: when it was read, seconds from anywhere.
            key_frame: decoding may begin with it.
        """
        difference_s = read_s - media_s
        if self._least_s is None or media_s < self._media_s - _LIMIT_S:  # the camera set its time anew
            self._least_s = difference_s
        drift_s = max(0.0, media_s - self._media_s) * _LEAK
        self._least_s = min(difference_s, self._least_s + drift_s)
        self._media_s = media_s
        late_s = difference_s - self._least_s
        if late_s <= _CAUGHT_UP_S:
            self._limit_s = _LIMIT_S
        if not self._skipping:
            self._skipping = late_s > self._limit_s and not key_frame
            self._since = (media_s, late_s)
        elif key_frame:
            self._skipping = late_s > _CAUGHT_UP_S and not self._is_present(media_s, late_s)
        return self._skipping

    def _is_present(self, media_s: float, late_s: float) -> bool:
        """Whether skipping brings us no nearer: then we are in the present, and a clock was set."""
        skipped_s, gained_s = media_s - self._since[0], self._since[1] - late_s
        if skipped_s < _JUDGED_S or gained_s > skipped_s / 2:
            return False
        self._least_s = None
        return True
