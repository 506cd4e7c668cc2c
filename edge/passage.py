"""One vehicle's passage: its votes, its pictures, what has been said of it, and whether more is worth saying."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from edge.evidence import Gallery, Shot
from edge.settings import VoteSettings
from edge.track import Track
from edge.types import Box, Detection, Observation, Position, Reading, Verdict
from edge.vote import Vote

SAME_PLATE: Final = timedelta(seconds=10)
"""A track whose plate was seen here less than this ago is the same passage, found again."""
SAME_PLACE: Final = timedelta(seconds=120)
"""The same where the plate still stands in its old place: a parked car behind passing ones."""

_SAME_PLACE_IOU: Final = 0.3
_TURNED: Final = 1.3  # a receding plate that is so many times as wide when found again has driven round
_GROWN: Final = 1.5  # a plate so many times as wide is worth another look, and another picture
_KEEN_READS: Final = 12  # after so many reads without certainty only better pictures are read, or
_BETTER: Final = 1.1
_DULL_S: Final = 1.0  # one a second
_ROSE: Final = 0.1  # of likelihood: worth an update
_MOST_UPDATES: Final = 3


class Passage:
    """One vehicle passing; a pipeline feeds it.

    Attributes:
        track: its newest track, where several joined.
        track_id: number of its first, which names it to the outside.
        first_at: capture time of its first frame.
        preset, position: where the camera rested.
        gallery: the best shots.
        verdict: what its votes say by now.
        legible_at: capture time at which the verdict first became legible.
        updates: emissions after the first.
        reads, read_at, read_width_px: how many crops were read, and the newest one's time and box width.
        best_quality: of the crops read, 0..1.
    """

    def __init__(
        self,
        track: Track,
        *,
        vote: Vote,
        settings: VoteSettings,
        preset: str | None,
        position: Position | None = None,
    ) -> None:
        self.track = track
        self.track_id, self.first_at = track.id, track.first_at
        self.preset, self.position = preset, position
        self.gallery = Gallery()
        self.verdict: Verdict | None = None
        self.legible_at: datetime | None = None
        self._said: Verdict | None = None
        self._shown: Shot | None = None
        self.updates = 0
        self.reads = 0
        self.read_at = track.first_at
        self.read_width_px = 0.0
        self.best_quality = 0.0
        self._vote, self._settings = vote, settings

    @property
    def is_certain(self) -> bool:
        """Whether the string is known; one frame alone may be wrong however sure it is."""
        verdict = self.verdict
        return verdict is not None and self.reads > 1 and verdict.likelihood >= self._settings.certain

    @property
    def is_legible(self) -> bool:
        """Whether the verdict is fit to be said; that of one frame alone only if it is sure."""
        least = self._settings.legible if self.reads > 1 else self._settings.certain
        verdict = self.verdict
        return verdict is not None and verdict.likelihood >= least and not _is_lettering(verdict)

    def wants(self, box: Box, *, at: datetime, quality: float) -> bool:
        """Whether reading this picture may tell something new."""
        if self.is_certain:
            return box.width >= _GROWN * self.read_width_px
        if self.reads < _KEEN_READS:
            return True
        return quality > _BETTER * self.best_quality or (at - self.read_at).total_seconds() >= _DULL_S

    def read(self, shot: Shot, *, detection: Detection, reading: Reading) -> None:
        """Take a reading into the vote and its picture into the gallery."""
        self.gallery.add(shot)
        self.reads += 1
        self.read_at, self.read_width_px = shot.captured_at, shot.box.width
        self.best_quality = max(self.best_quality, shot.quality)
        self._vote.add(Observation(shot.captured_at, detection, reading, shot.quality))
        self.verdict = self._vote.verdict()
        if self.legible_at is None and self.is_legible:
            self.legible_at = shot.captured_at

    @property
    def has_news(self) -> bool:
        """Whether the verdict says more than what was emitted, or something else that is fit to be said."""
        if self.verdict is None or self._said is None:
            return self.verdict is not None
        if self.updates >= _MOST_UPDATES:
            return False
        if self.verdict.plate != self._said.plate:
            return self.is_legible  # also where it is less sure: more frames know better than the few before
        return self.verdict.likelihood - self._said.likelihood >= _ROSE

    @property
    def has_better_picture(self) -> bool:
        """Whether the plate was emitted from a picture much smaller than the best there is now."""
        if self.verdict is None or self._shown is None or self.updates >= _MOST_UPDATES:
            return False
        if not self.gallery:  # nothing was read since it came to rest
            return False
        shot = self.gallery.best(self.verdict.plate)
        return shot.quality > self._shown.quality and shot.box.width >= _GROWN * self._shown.box.width

    @property
    def is_emitted(self) -> bool:
        """Whether anything has been said of it."""
        return self._said is not None

    def say(self) -> tuple[Verdict, Shot]:
        """What there is to emit, which is hereby emitted.

        Raises:
            LookupError: it was never read.
        """
        if self.verdict is None:
            raise LookupError(f"track {self.track_id} was never read")
        self.updates += self.is_emitted
        self._said, self._shown = self.verdict, self.gallery.best(self.verdict.plate)
        return self._said, self._shown

    def rest(self) -> None:
        """Let go of the pictures: no track of it is left, and it is only kept for one that may join."""
        self.gallery = Gallery()
        if self._shown is not None:
            nothing = np.zeros((0, 0, 3), dtype=np.uint8)
            self._shown = replace(self._shown, crop=nothing, overview=nothing)

    def is_same_as(self, track: Track, *, anywhere: bool = False) -> bool:
        """Whether a track of an equal plate is this very passage.

        Args:
            track: of an equal plate.
            anywhere: the camera itself moves: where in the picture it is found again, and how large, tells nothing.
        """
        away = track.last_at - self.track.last_at
        if anywhere:
            return away <= SAME_PLACE
        if self.track.stands and self.track.box.iou(track.box) >= _SAME_PLACE_IOU:
            return away <= SAME_PLACE
        zoom = track.box.width / self.track.box.width
        came_back = zoom > _TURNED if self.track.direction == "receding" else zoom < 1 / _TURNED
        return away <= SAME_PLATE and not (self.track.direction and came_back)


def _is_lettering(verdict: Verdict) -> bool:
    """Whether it is a sign, a slogan or a telephone number: a string unknown to every grammar and of one kind only."""
    return verdict.country is None and (verdict.plate.isalpha() or verdict.plate.isdecimal())
