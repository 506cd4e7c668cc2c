"""Is it still the picture that this camera used to give, or is it bumped, out of focus, covered, in the dark?

    luma, every 5 s -> edges of 320x180, evened out -> mean of a minute -> where does it lie on the reference?
                                                                          (Fourier correlation: shift and certainty)
         every 20 s -> how steep its strongest edges are, by bright and by dim light, against what is usual
                    -> how much light there is at all

The reference follows what is seen slowly, so that a day may become a night. It is a map of edges, which light changes
less than anything else, and what moves does not last in a mean of a minute. A turning camera has one a preset.

Measured on rendered 1080p streets (tests/integration/test_faults_view.py): the peak of the correlation stands 21 to 45
deviations high for the same street by day, at dusk, under clouds, under an infrared lamp and shifted by up to 200 px,
and 9 for another street of the same kind. One look costs 4 ms of one core, that at the edges 10 ms: 0.05 ms a frame.
"""

import math
import statistics
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import cv2
import numpy as np

from edge.capture import likeness
from edge.capture.gate import Luma
from edge.capture.likeness import SIZE, Map

_SOFTEST: Final = 0.2  # what is left of the steepness when nothing is sharp
_NOTHING: Final = _SOFTEST
_BRIGHT: Final = 60.0  # mean level, by day or under good lamps; a lens focuses otherwise by infrared


@dataclass(frozen=True, slots=True)
class ViewTuning:
    """What counts as a change.

    Attributes:
        every_s: between two looks.
        mean: looks that the present is averaged over, at most.
        learn: looks that make a first reference.
        sure: looks in a row that must agree before anything is said, and before it is taken back.
        follow: share by which the reference follows at each look.
        shift_px: the least shift that is told, px of the map (6 px of a 1080p picture each).
        peak: the least height of the correlation's peak, standard deviations.
        steep_every: looks from one at the steepness of edges to the next.
        blurred: edges less steep than this share of what is usual; 0.55 is a blur of 2 px (1080p).
        dark: no brighter picture (99th percentile, levels) shows a plate that has no lamp of its own.
        adopt: looks after which a changed view is the usual one.
    """

    every_s: float = 5.0
    mean: int = 12
    learn: int = 24
    sure: int = 12
    follow: float = 1 / 720
    shift_px: float = 1.5
    peak: float = 12.0
    steep_every: int = 4
    blurred: float = 0.55
    dark: float = 40.0
    adopt: int = 17_280


@dataclass(slots=True)
class Memory:
    """What one preset usually shows.

    Attributes:
        reference: (180, 320) float32, edges 0..4; None before the first look.
        looks: that made it.
        steep: how steep edges usually are, by dim and by bright light; 0: not known.
        steep_looks: looks that made each.
    """

    reference: Map | None = None
    looks: int = 0
    steep: list[float] = field(default_factory=lambda: [0.0, 0.0])
    steep_looks: list[int] = field(default_factory=lambda: [0, 0])


@dataclass(frozen=True, slots=True)
class Finding:
    """How the picture is.

    Attributes:
        preset: at which it was found; empty: at none.
        brightness: mean, 0..1; None before the first look.
        sharpness: steepness of edges as a share of what is usual in such light; None while that is being learnt.
        shift: by how much the scene has moved in the picture, right and down, in shares of its width; None where it
            is not known.
        is_dark, is_blurred, is_moved: for so long that it is no accident.
        is_strange: nothing of what was there is found: the camera is turned away, or covered.
    """

    preset: str = ""
    brightness: float | None = None
    sharpness: float | None = None
    shift: tuple[float, float] | None = None
    is_dark: bool = False
    is_blurred: bool = False
    is_moved: bool = False
    is_strange: bool = False

    @property
    def is_well(self) -> bool:
        """Whether nothing ails the picture."""
        return not (self.is_dark or self.is_blurred or self.is_moved or self.is_strange)


class _Lasting:
    """Whether something has been so for some looks in a row; it ends after as many without."""

    def __init__(self, sure: int) -> None:
        self._sure = sure
        self._count = 0
        self.holds = False

    def note(self, now: bool) -> bool:
        self._count = self._count + 1 if now is not self.holds else 0
        if self._count >= self._sure:
            self.holds, self._count = now, 0
        return self.holds


class _Place:
    """One preset's."""

    def __init__(self, name: str, memory: Memory, tuning: ViewTuning) -> None:
        self.memory = memory
        self._name = name
        self._tuning = tuning
        self._now: Map | None = None
        self._looks = self._changed = 0
        self._steep: deque[float] = deque(maxlen=tuning.sure)
        self._sharpness: float | None = None
        self._dark, self._moved, self._strange = (_Lasting(tuning.sure) for _ in range(3))
        self._blurred = False
        self.finding = Finding(name)

    def look(self, luma: Luma) -> None:
        tuning = self._tuning
        small = np.asarray(cv2.resize(luma, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
        brightness, top = float(small.mean()), float(np.percentile(small, 99))
        is_dark = self._dark.note(top < tuning.dark)
        if top >= tuning.dark and self._looks % tuning.steep_every == 0:
            self._judge_sharpness(luma, is_bright=brightness > _BRIGHT)
        self._looks += 1
        edges, share = likeness.edges(small), np.float32(1 / min(self._looks, tuning.mean))
        self._now = edges if self._now is None else self._now + share * (edges - self._now)
        shift = self._register(self._now) if top >= tuning.dark else None
        is_moved = self._moved.note(shift is not None and math.hypot(*shift) >= tuning.shift_px)
        is_lost = shift is None and self.memory.looks >= tuning.learn and top >= tuning.dark
        is_strange = self._strange.note(is_lost)
        self.finding = Finding(
            preset=self._name,
            brightness=brightness / 255,
            sharpness=self._sharpness,
            shift=None if shift is None else (shift[0] / SIZE[0], shift[1] / SIZE[0]),
            is_dark=is_dark,
            is_blurred=self._blurred,
            is_moved=is_moved,
            is_strange=is_strange,
        )
        self._adopt(is_changed=is_moved or is_strange)

    def _judge_sharpness(self, luma: Luma, *, is_bright: bool) -> None:
        """Against what is usual in such light, which is learnt on the way."""
        tuning, memory = self._tuning, self.memory
        steep = likeness.steepness(luma)
        self._steep.append(_NOTHING if steep is None else steep)
        now = statistics.median(self._steep)
        usual, looks = memory.steep[is_bright], memory.steep_looks[is_bright]
        if looks >= tuning.learn:
            self._sharpness = max(0.0, now - _SOFTEST) / max(usual - _SOFTEST, 1e-3)
            self._blurred = len(self._steep) == tuning.sure and self._sharpness < tuning.blurred
        if steep is not None and not self._blurred:
            memory.steep[is_bright] += (steep - usual) * max(1 / (looks + 1), tuning.follow)
            memory.steep_looks[is_bright] = looks + 1

    def _register(self, now: Map) -> tuple[float, float] | None:
        """How far the present lies from the reference, px of the map, right and down; None: it is not found there."""
        memory, tuning = self.memory, self._tuning
        if memory.reference is None or memory.looks < tuning.learn:
            memory.looks += 1
            was = now if memory.reference is None else memory.reference
            memory.reference = was + (now - was) * np.float32(1 / memory.looks)
            return 0.0, 0.0
        if self._looks < tuning.mean:
            return 0.0, 0.0  # too little of the present is known
        x, y, peak = likeness.correlated(memory.reference, now)
        if peak < tuning.peak:
            return None
        if math.hypot(x, y) < tuning.shift_px:
            memory.reference += (now - memory.reference) * np.float32(tuning.follow)
            memory.looks += 1
        return x, y

    def _adopt(self, *, is_changed: bool) -> None:
        """What lasts for a day was meant."""
        self._changed = self._changed + 1 if is_changed else 0
        if self._changed >= self._tuning.adopt:
            self.memory = Memory()
            self._looks = self._changed = 0
            self._now = None
            self._moved, self._strange = _Lasting(self._tuning.sure), _Lasting(self._tuning.sure)


class ViewWatch:
    """One camera's, over all its connections: its thread shows pictures, any thread asks.

    Args:
        memories: what each preset usually shows, from an earlier life; "" is the preset of a camera without any.
        tuning: what counts as a change.
    """

    PRESETS: Final = 64

    def __init__(
        self, memories: dict[str, Memory] | None = None, *, tuning: ViewTuning | None = None
    ) -> None:
        self._tuning = tuning or ViewTuning()
        self._places = {name: _Place(name, memory, self._tuning) for name, memory in (memories or {}).items()}
        self._lock = threading.Lock()
        self._looked_s = -math.inf
        self._newest = ""

    @property
    def finding(self) -> Finding:
        """What the last look at a preset found at which something is wrong; at the newest one, where nothing is."""
        with self._lock:
            found = [place.finding for place in self._places.values()]
            newest = self._places.get(self._newest)
        return next((f for f in found if not f.is_well), newest.finding if newest else Finding())

    def show(self, luma: Luma, *, at: datetime, preset: str | None = None) -> None:
        """A picture; most are passed over.

        Args:
            luma: (height, width) uint8.
            at: when it was taken.
            preset: at which the camera rests.
        """
        at_s = at.timestamp()
        if 0 <= at_s - self._looked_s < self._tuning.every_s:
            return
        self._looked_s = at_s
        name = preset or ""
        with self._lock:
            if name not in self._places and len(self._places) >= self.PRESETS:
                return
            place = self._places.setdefault(name, _Place(name, Memory(), self._tuning))
            place.look(luma)
            self._newest = name

    def memories(self) -> dict[str, Memory]:
        """What each preset usually shows; the caller only reads."""
        with self._lock:
            return {name: place.memory for name, place in self._places.items()}
