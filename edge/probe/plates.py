"""The plates that were seen: each passage's best picture, and what is measured in it. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.evidence import clarity, quality
from edge.passage import is_lettering
from edge.pipeline import Seen
from edge.probe.facts import PlateFacts
from edge.probe.letters import measure
from edge.read.crop import cut
from edge.types import Bgr, Box, Frame, Verdict

_MOST: Final = 300  # passages; more are counted, not kept
_EDGE_PX: Final = 2.0
_WHOLE_S: Final = 0.7  # what was in view at the very beginning or end was perhaps not seen whole
_LONG_S: Final = 3.0  # so long in view it was seen whole in any case
_LETTERS: Final = 4
_MOVES_PX_S: Final = 20.0  # boxes of what stands still jump about by less
_FAST: Final = 0.9  # near, where it is seen best, it is fastest
_STEEP: Final = 0.97
_AROUND: Final = 0.12  # of a plate's height: shown around it


@dataclass(slots=True)
class Passage:
    """One vehicle's plate while it was in view.

    Attributes:
        number: as the pictures number it.
        crop: (height, width, 3) uint8, BGR: its best picture, with what the reader sees around it.
        box: of that picture, px in its frame.
        shown: the same with a rim, for people.
        speeds: px a second from one picture to the next.
        said: whether a box would have sent it.
    """

    number: int
    first_at: datetime
    last_at: datetime
    box: Box
    crop: Bgr
    shown: Bgr
    frame_size: tuple[int, int]
    quality: float = 0.0
    pictures: int = 0
    verdict: Verdict | None = None
    said: bool = False
    speeds: list[float] = field(default_factory=list)
    _centre: tuple[float, float] | None = None

    def note(self, frame: Frame, seen: Seen) -> None:
        """It is in this frame."""
        centre = seen.box.centre
        elapsed_s = (frame.captured_at - self.last_at).total_seconds()
        if self._centre is not None and elapsed_s > 0:
            self.speeds.append(math.dist(centre, self._centre) / elapsed_s)
        self._centre, self.last_at = centre, frame.captured_at
        self.pictures += 1
        self.verdict, self.said = seen.verdict or self.verdict, self.said or seen.emitted
        height, width = frame.bgr.shape[:2]
        crop = cut(frame.bgr, seen.box)
        good = quality(crop, seen.box, frame_width_px=width, frame_height_px=height)
        if self.pictures == 1 or good > self.quality:
            self.quality, self.box, self.frame_size = good, seen.box, (width, height)
            self.crop = crop.copy()
            self.shown = cut(frame.bgr, seen.box, across=_AROUND, down=_AROUND).copy()


class Plates:
    """All passages of a look; the newest of too many are only counted."""

    def __init__(self) -> None:
        self._passages: dict[int, Passage] = {}
        self._beyond: set[int] = set()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """In order of their coming."""
        return tuple(self._passages.values())

    @property
    def not_kept(self) -> int:
        """Passages that came when there were too many."""
        return len(self._beyond)

    def note(self, frame: Frame, plates: Iterable[Seen]) -> None:
        """What the pipeline knows of the plates in this frame."""
        for seen in plates:
            if seen.passage not in self._passages:
                if len(self._passages) >= _MOST:
                    self._beyond.add(seen.passage)
                    continue
                self._passages[seen.passage] = self._begun(frame, seen)
            self._passages[seen.passage].note(frame, seen)

    def said(self, number: int, verdict: Verdict) -> None:
        """The pipeline has emitted this passage."""
        if number in self._passages:
            self._passages[number].said = True
            self._passages[number].verdict = verdict

    def number_of(self, passage: int) -> int | None:
        """The number under which a passage of the pipeline's is shown."""
        known = self._passages.get(passage)
        return known.number if known else None

    def _begun(self, frame: Frame, seen: Seen) -> Passage:
        nothing: Bgr = np.zeros((0, 0, 3), np.uint8)
        return Passage(
            number=len(self._passages) + 1,
            first_at=frame.captured_at,
            last_at=frame.captured_at,
            box=seen.box,
            crop=nothing,
            shown=nothing,
            frame_size=(0, 0),
        )


def facts(passage: Passage, *, began_at: datetime, ended_at: datetime, legible: float) -> PlateFacts:
    """Measure a passage's best picture.

    Args:
        passage: seen at least once.
        began_at: of the look.
        ended_at: of the look.
        legible: likelihood from which a plate's text is said.
    """
    crop, box = passage.crop, passage.box
    clear, letters = clarity(crop), measure(crop)
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.float32)
    verdict = passage.verdict
    is_legible = verdict is not None and (passage.said or verdict.likelihood >= legible)
    text = verdict.plate if verdict is not None and is_legible else None
    country = verdict.country.value if verdict is not None and is_legible and verdict.country else None
    moves = bool(passage.speeds) and float(np.median(passage.speeds)) >= _MOVES_PX_S
    speed_px_s = float(np.quantile(passage.speeds, _FAST)) if passage.speeds else None
    is_sign = verdict is not None and is_lettering(verdict)
    is_text = verdict is not None and not is_sign and len(verdict.plate) >= _LETTERS
    width, height = passage.frame_size
    seen_s = (passage.last_at - passage.first_at).total_seconds()
    came_and_went = _is_after(began_at, passage.first_at) and _is_after(passage.last_at, ended_at)
    return PlateFacts(
        number=passage.number,
        text=text,
        likelihood=round(verdict.likelihood, 4) if verdict is not None and is_legible else None,
        country=country,
        is_read=passage.said,
        is_whole=came_and_went or seen_s >= _LONG_S,
        is_likely=is_text or (not is_sign and moves),
        pictures=passage.pictures,
        seen_s=round(seen_s, 3),
        width_px=round(box.width, 1),
        height_px=round(box.height, 1),
        letter_height_px=round(letters.height_px, 1) if letters else None,
        letter_width_px=round(letters.width_px, 1) if letters else None,
        rotation_deg=round(letters.rotation_deg, 1) if letters else None,
        lean_deg=round(letters.lean_deg, 1) if letters else None,
        sharpness=round(clear.sharpness, 3),
        blur_across_px=round(rise_px(grey, axis=1), 1),
        blur_down_px=round(rise_px(grey, axis=0), 1),
        contrast=round(clear.contrast, 1),
        brightness=round(float(np.median(grey)), 1),
        burnt=round(clear.burnt, 4),
        is_cut=not (
            box.x >= _EDGE_PX
            and box.y >= _EDGE_PX
            and box.x + box.width <= width - _EDGE_PX
            and box.y + box.height <= height - _EDGE_PX
        ),
        speed_px_s=None if speed_px_s is None else round(speed_px_s, 1),
    )


def rise_px(grey: NDArray[np.float32], *, axis: int) -> float:
    """From dark to light, px along an axis, at the steepest edges: 1 or 2 where it is sharp, a smear's length else."""
    if grey.shape[axis] < 2:
        return 0.0
    dark, light = np.percentile(grey, (5, 95))
    steep = float(np.quantile(np.abs(np.diff(grey, axis=axis)), _STEEP))
    return float(np.clip((light - dark) / max(steep, 1e-3), 0.0, grey.shape[axis]))


def _is_after(early: datetime, late: datetime) -> bool:
    return (late - early).total_seconds() >= _WHOLE_S


def masked(text: str | None) -> str | None:
    """A plate's form alone: letters as A, digits as 9."""
    return None if text is None else "".join("9" if letter.isdigit() else "A" for letter in text)
