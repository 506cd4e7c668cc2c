"""What the detector's two nets give together on views that prepare.py cut: the edge's own arithmetic on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.detect.second_look import MOST, Manifest, judged, without_doubles
from edge.types import Box, Detection
from models.detector.measure import Outcome

Look = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
"""From near (n, 60, 96) and far (n, 64, 64) views to answers (n, 9)."""


@dataclass(frozen=True, slots=True)
class Views:
    """The detector's proposals on pictures.

    Attributes:
        near, far: views, uint8, a row a proposal.
        picture: (n,) number of the proposal's picture.
        box: (n, 4) float32 x y w h, px of the picture.
        score: (n,) float32, by the detector.
        truth: for each picture its plates.
        frames: for each picture its height and width, px.
        sets: for each picture its source set.
        paths: for each picture its path below the data folder.
    """

    near: NDArray[np.uint8]
    far: NDArray[np.uint8]
    picture: NDArray[np.int64]
    box: NDArray[np.float32]
    score: NDArray[np.float32]
    truth: tuple[tuple[Box, ...], ...]
    frames: tuple[tuple[int, int], ...]
    sets: tuple[str, ...]
    paths: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> "Views":
        """Read what prepare.py wrote."""
        content = np.load(path)
        frames = [(int(h), int(w)) for h, w in content["frames"]]
        plates: list[list[Box]] = [[] for _ in frames]
        for row in content["truth"]:
            plates[int(row[0])].append(Box(*(float(v) for v in row[1:5])))
        return cls(
            content["near"],
            content["far"],
            content["picture"],
            content["box"],
            content["score"],
            tuple(tuple(boxes) for boxes in plates),
            tuple(frames),
            tuple(str(name) for name in content["set_name"]),
            tuple(str(path) for path in content["paths"]),
        )

    def proposals(self, least: float) -> list[list[int]]:
        """For each picture the proposals that are looked at, best first."""
        rows: list[list[int]] = [[] for _ in self.frames]
        for index in np.argsort(-self.score, kind="stable"):
            if self.score[index] >= least and len(rows[self.picture[index]]) < MOST:
                rows[self.picture[index]].append(int(index))
        return rows

    def detection(self, index: int) -> Detection:
        """A proposal as the detector gave it."""
        return Detection(Box(*(float(v) for v in self.box[index])), float(self.score[index]))


def found(views: Views, answers: NDArray[np.float32], manifest: Manifest) -> list[list[Detection]]:
    """For each picture the detections of any score, best first, as the edge would give them."""
    result = []
    for number, rows in enumerate(views.proposals(manifest.proposal)):
        looked = [
            judged(views.detection(row), answers[row], manifest=manifest, frame=views.frames[number])
            for row in rows
        ]
        result.append(without_doubles([d for d in looked if d], most_overlap=manifest.overlap))
    return result


def outcomes(views: Views, detections: Sequence[Sequence[Detection]]) -> list[Outcome]:
    """Detections beside what the pictures show."""
    return [
        Outcome(name, truth, tuple(each), 0.0)
        for name, truth, each in zip(views.sets, views.truth, detections, strict=True)
    ]


def best_iou(views: Views, answers: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    """The overlap of each moved box with the plate that it fits best; 0 where its picture has none."""
    overlaps = np.zeros(len(views.score), np.float32)
    for index, number in enumerate(views.picture):
        moved = judged(
            views.detection(index), answers[index], manifest=manifest, frame=views.frames[int(number)]
        )
        if moved is not None:
            overlaps[index] = max((moved.box.iou(b) for b in views.truth[int(number)]), default=0.0)
    return overlaps
