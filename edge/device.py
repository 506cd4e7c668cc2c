"""Which passages a new track may turn out to be part of: those that its camera saw a moment ago, or the lens beside it.

A device of several lenses looks all around from one pole; its lenses stand in a ring, in the order of the
configuration. A vehicle that leaves one picture comes into the next one within seconds, and a parked one may stand in
both. A camera by itself is a device of one lens. One thread's.

Two tracks are of one vehicle where both say the same string: each track's votes hold several strings likely, and
what counts is the probability that both mean the same. Likeness of letters does not count: plates of one fleet differ
by a digit, and two that are read with certainty stay two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np

from edge.passage import SAME_PLACE_S, Passage
from edge.track import Track

AGREED: Final = 0.25
"""Least probability that two tracks say the same string, where their motion or their time binds them anyhow."""
_MOST: Final = 512  # passages that are remembered: those of two minutes are far fewer
_TOGETHER: Final = 3  # frames that show both plates
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
    """The passage that a track is part of, and why."""

    passage: Passage
    how: How


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
            passage: legible.
            camera_id: whose it is.
            anywhere: see `Passage.is_same_as`.
        """
        track, beside = passage.traces[camera_id].track, self.beside(camera_id)
        for known in reversed(self._known):
            if known is passage:
                continue
            if self._is_again(known, passage, camera_id=camera_id, anywhere=anywhere):
                both = _frames_of_both(known.traces[camera_id].track, track)
                return Match(known, How.PAIR if both else How.AGAIN)
            trace = known.traces.get(camera_id)
            if trace and trace.live and move_together(trace.track, track) and _agree(known, passage):
                return Match(known, How.PAIR)
            if known.is_next_to(track, lenses=beside) and _agree(known, passage):
                return Match(known, How.LENS)
        return None

    def _is_again(self, known: Passage, passage: Passage, *, camera_id: str, anywhere: bool) -> bool:
        trace, verdict = known.traces.get(camera_id), passage.verdict
        if trace is None or verdict is None or verdict.plate not in known.plates:
            return False
        track, watched_s = passage.traces[camera_id].track, self.watched_s[camera_id]
        return known.is_same_as(track, trace=trace, watched_s=watched_s, anywhere=anywhere)


def move_together(one: Track, other: Track) -> bool:
    """Whether two plates move as if they were on one vehicle: they keep their distance, in sizes of their own."""
    both = _frames_of_both(one, other)
    if len(both) < _TOGETHER:
        return False
    first, second = dict(one.path), dict(other.path)
    middles = np.array([(first[at].centre, second[at].centre) for at in both])
    widths = np.array([np.sqrt(first[at].width * second[at].width) for at in both])
    moved = np.linalg.norm(middles[-1, 0] - middles[0, 0]) / widths[-1]
    if moved < _MOVED_W:
        return False
    apart = (middles[:, 1] - middles[:, 0]) / widths[:, None]
    usual = np.median(apart, axis=0)
    distance = float(np.linalg.norm(usual))
    spread = float(np.max(np.linalg.norm(apart - usual, axis=1)))
    return distance <= _FARTHEST_W and spread <= _SLACK_W + _SLACK * distance


def _frames_of_both(one: Track, other: Track) -> list[datetime]:
    """Capture times of the frames that show both, ascending."""
    seen = {at for at, _ in other.path}
    return [at for at, _ in one.path if at in seen]


def _agree(known: Passage, passage: Passage) -> bool:
    return known.agrees(passage) >= AGREED
