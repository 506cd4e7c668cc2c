"""What a detector finds on labelled pictures: recall by source set, false boxes, time.

Detections are taken once at a low score; every threshold is then a look at the same outcomes.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

from edge.types import Bgr, Box, Detection
from models.detector.prepare import Picture, picture_of

MATCH_IOU = 0.5


class Finder(Protocol):
    """What is measured: the edge's detectors, and nets that are none yet."""

    def detect(self, bgr: Bgr, /) -> list[Detection]:
        """Plates in a whole frame of any size, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """One picture as the detector saw it.

    Attributes:
        set_name: Source set of the picture.
        truth: Labelled plates, px; empty for a negative.
        found: Detections, best first.
        seconds: Time of `detect`, wall clock.
    """

    set_name: str
    truth: tuple[Box, ...]
    found: tuple[Detection, ...]
    seconds: float

    def hits(self, least_score: float) -> int:
        """Count the labelled plates that a detection of at least that score covers; a detection covers one plate."""
        free = [d for d in self.found if d.score >= least_score]
        hits = 0
        for plate in self.truth:
            best = max(free, key=lambda d: d.box.iou(plate), default=None)
            if best is not None and best.box.iou(plate) >= MATCH_IOU:
                free.remove(best)
                hits += 1
        return hits

    def boxes(self, least_score: float) -> int:
        """Count the detections of at least that score."""
        return sum(d.score >= least_score for d in self.found)


@dataclass(frozen=True, slots=True)
class Score:
    """What a threshold gives on many pictures.

    Attributes:
        threshold: Least score of a detection.
        recall: Share of labelled plates found at IoU 0.5.
        false_boxes: Boxes a negative picture; None where there is no negative picture.
        by_set: Recall of each source set.
    """

    threshold: float
    recall: float
    false_boxes: float | None
    by_set: dict[str, float]


def look(detector: Finder, data: Path, pictures: Sequence[Picture]) -> list[Outcome]:
    """Run a detector over pictures below `data`.

    Raises:
        ValueError: a picture cannot be read.
    """
    outcomes = []
    for picture in pictures:
        bgr = picture_of(data / picture.path)
        start = time.perf_counter()
        found = detector.detect(bgr)
        seconds = time.perf_counter() - start
        truth = tuple(Box(*box) for box in picture.boxes)
        outcomes.append(Outcome(picture.set_name, truth, tuple(found), seconds))
    return outcomes


def score(outcomes: Sequence[Outcome], threshold: float) -> Score:
    """Measure outcomes at one threshold.

    Raises:
        ValueError: no picture has a labelled plate.
    """
    hits: defaultdict[str, int] = defaultdict(int)
    plates: defaultdict[str, int] = defaultdict(int)
    for outcome in outcomes:
        hits[outcome.set_name] += outcome.hits(threshold)
        plates[outcome.set_name] += len(outcome.truth)
    if not sum(plates.values()):
        raise ValueError("no picture has a labelled plate: recall has no meaning")
    return Score(
        threshold=threshold,
        recall=sum(hits.values()) / sum(plates.values()),
        false_boxes=false_boxes(outcomes, threshold),
        by_set={name: hits[name] / count for name, count in sorted(plates.items()) if count},
    )


def false_boxes(outcomes: Sequence[Outcome], threshold: float) -> float | None:
    """Count boxes a negative picture; None where there is no negative picture."""
    negatives = [outcome for outcome in outcomes if not outcome.truth]
    return sum(o.boxes(threshold) for o in negatives) / len(negatives) if negatives else None


def least_threshold(outcomes: Sequence[Outcome], *, most_false_boxes: float) -> float | None:
    """Find the lowest threshold (in hundredths, 0.05 to 0.95) that keeps false boxes a negative picture in bounds.

    Returns:
        The threshold, or None where none does.
    """
    for hundredths in range(5, 96):
        found = false_boxes(outcomes, hundredths / 100)
        if found is not None and found <= most_false_boxes:
            return hundredths / 100
    return None


def median_ms(outcomes: Sequence[Outcome]) -> float:
    """Median time of a picture, ms."""
    return 1000 * median(outcome.seconds for outcome in outcomes)
