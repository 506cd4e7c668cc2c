"""Which passages a new track may turn out to be part of: those that its camera saw a moment ago, or the lens beside it.

A device of several lenses looks all around from one pole; its lenses stand in a ring, in the order of the
configuration. A vehicle that leaves one picture comes into the next one within seconds, and a parked one may stand in
both. A camera by itself is a device of one lens. One thread's.

Two tracks are of one vehicle where both say the same string, and by all that their votes hold likely probably mean
the same. Likeness of letters does not count: plates of one fleet differ by a digit, and two that are read with
certainty stay two. Nor does a string count that was said once and has been taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np

from edge.passage import SAME_PLACE_IOU, SAME_PLACE_S, Passage
from edge.track import Track

AGREED: Final = 0.5
"""Least probability that a track means the same string as a passage that its camera saw a moment ago."""
BOUND: Final = 0.25
"""The same where their motion binds them, or the lens beside it."""
_MOST: Final = 512  # passages that are remembered: those of two minutes are far fewer
_TOGETHER: Final = 3  # frames that show both plates, to bind them
_APART: Final = 2  # the same to part them
_MOVED_W: Final = 1.0  # plate widths: what stands beside something that stands is not bound to it
_FARTHEST_W: Final = 14.0  # from the plate in front to that on the side of a long vehicle
_SLACK_W: Final = 0.4  # by which two plates of one vehicle may move apart, and
_SLACK: Final = 0.15  # the same as a share of their distance: the vehicle turns


class How(StrEnum):
    """Why a track belongs to a passage that was known; named as `Counts` counts it."""

    AGAIN = "rejoined"
    PAIR = "paired"
    LENS = "handed_over"


@dataclass(frozen=True, slots=True)
class Match:
    """The passage that a track is part of, and why.

    Attributes:
        may_part: whether it is so only as long as the two are not seen to drive apart.
    """

    passage: Passage
    how: How
    may_part: bool = False


class Device:
    """What the lenses of one device have seen and said.

    Args:
        lenses: ids of its cameras, in order around it; the last one stands beside the first.
    """

    def __init__(self, lenses: Sequence[str]) -> None:
        self._lenses = tuple(lenses)
        self._known: list[Passage] = []
        self.watched_s = dict.fromkeys(self._lenses, 0.0)

    @property
    def known(self) -> tuple[Passage, ...]:
        """Those of which something was said, oldest first."""
        return tuple(self._known)

    def beside(self, camera_id: str) -> frozenset[str]:
        """The lenses next to a lens."""
        place, count = self._lenses.index(camera_id), len(self._lenses)
        ring = {self._lenses[(place + step) % count] for step in (-1, 1)}
        return frozenset(ring - {camera_id})

    def remember(self, passage: Passage) -> None:
        """Something was said of it."""
        if passage not in self._known:
            self._known.append(passage)
            del self._known[:-_MOST]

    def leave(self, camera_id: str) -> None:
        """This camera shows another scene: what it saw before is no more to be met there."""
        for passage in self._known:
            passage.traces.pop(camera_id, None)
        self._known = [p for p in self._known if p.traces]

    def forget(self) -> None:
        """Drop the passages that no track may join any more."""
        self._known = [
            p
            for p in self._known
            if p.is_live
            or any(self.watched_s[c] - trace.watched_s <= SAME_PLACE_S for c, trace in p.traces.items())
        ]

    def find(self, passage: Passage, *, camera_id: str, anywhere: bool = False) -> Match | None:
        """The passage that this one, of which nothing has been said yet, turns out to be part of.

        Args:
            passage: legible, and as well read as it will be: what is joined is not asked again.
            camera_id: whose it is.
            anywhere: see `Passage.is_same_as`.
        """
        for known in reversed(self._known):
            if known is passage or not known.says_as(passage):
                continue
            match = self._match(known, passage, camera_id=camera_id, anywhere=anywhere)
            if match is not None:
                return match
        return None

    def _match(self, known: Passage, passage: Passage, *, camera_id: str, anywhere: bool) -> Match | None:
        """Why a passage that says the same is part of the known one; None: it is not."""
        track, trace = passage.traces[camera_id].track, known.traces.get(camera_id)
        agreed = known.agrees(passage)
        if trace is not None:
            is_pair = _are_of_one(known, passage, one=trace.track, other=track)
            if is_pair is not None:
                is_bound = move_together(trace.track, track) is not None
                pair = Match(known, How.PAIR, may_part=not is_bound)
                return pair if is_pair and agreed >= BOUND else None
            watched_s = self.watched_s[camera_id]
            is_same = known.is_same_as(track, trace=trace, watched_s=watched_s, anywhere=anywhere)
            if is_same and agreed >= AGREED:
                return Match(known, How.AGAIN)
        is_next = known.is_next_to(track, lenses=self.beside(camera_id))
        return Match(known, How.LENS) if is_next and agreed >= BOUND else None


def _are_of_one(known: Passage, passage: Passage, *, one: Track, other: Track) -> bool | None:
    """Whether two plates in one picture are on one vehicle; None where no picture shows both.

    What drives apart is not, whatever it says, and what nothing binds is not unless both are read with certainty.
    """
    if not _frames_of_both(one, other):
        return None
    are_together = move_together(one, other)
    if are_together is None:
        lie_together = one.stands and one.box.iou(other.box) >= SAME_PLACE_IOU
        return lie_together or (known.is_certain and passage.is_certain)
    return are_together


def move_together(one: Track, other: Track) -> bool | None:
    """Whether two plates move as if they were on one vehicle: they keep their distance, in sizes of their own.

    None where they were seen together too shortly, or have moved too little, to tell; that they drive apart two
    frames tell.
    """
    both = _frames_of_both(one, other)
    if len(both) < _APART:
        return None
    first, second = dict(one.path), dict(other.path)
    middles = np.array([(first[at].centre, second[at].centre) for at in both])
    widths = np.array([np.sqrt(first[at].width * second[at].width) for at in both])
    moved = np.linalg.norm(middles[-1] - middles[0], axis=1) / widths[-1]
    if moved.max() < _MOVED_W:
        return None
    apart = (middles[:, 1] - middles[:, 0]) / widths[:, None]
    usual = np.median(apart, axis=0)
    distance = float(np.linalg.norm(usual))
    spread = float(np.max(np.linalg.norm(apart - usual, axis=1)))
    slack = _SLACK_W + _SLACK * distance
    if distance > _FARTHEST_W or spread > slack:
        return False
    # Those that drive apart from far away have not done so by more than is forgiven, until each has come a longer way.
    is_bound = len(both) >= _TOGETHER and moved.min() >= max(_MOVED_W, 2 * slack)
    return True if is_bound else None


def _frames_of_both(one: Track, other: Track) -> list[datetime]:
    """Capture times of the frames that show both, ascending."""
    seen = {at for at, _ in other.path}
    return [at for at, _ in one.path if at in seen]
