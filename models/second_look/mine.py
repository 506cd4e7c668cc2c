"""Makes samples of pictures: their plates, what the detector wrongly proposes, and what is nothing at all."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from edge.detect.nets import FirstNet
from edge.types import Bgr, Box
from models.detector.prepare import Picture
from models.second_look.samples import UNKNOWN, Sample, nothing, patches

NEAR_IOU = 0.3
"""A proposal with at least this overlap means the labelled plate."""
APART_IOU = 0.05
"""A proposal with less overlap is not that plate."""


def variants(bgr: Bgr, count: int, rng: random.Random) -> Iterator[Bgr]:
    """The picture itself, then parts of it, enlarged, mirrored, darker or lighter."""
    yield bgr
    height, width = bgr.shape[:2]
    for _ in range(count - 1):
        share = rng.uniform(0.35, 1.0)
        w, h = max(16, round(width * share)), max(16, round(height * share))
        x, y = rng.randint(0, width - w), rng.randint(0, height - h)
        part = bgr[y : y + h, x : x + w]
        if rng.random() < 0.5:
            part = part[:, ::-1]
        yield np.asarray(
            cv2.convertScaleAbs(
                np.ascontiguousarray(part), alpha=rng.uniform(0.6, 1.4), beta=rng.uniform(-30, 30)
            ),
            np.uint8,
        )


def anywhere(bgr: Bgr, count: int, rng: random.Random) -> Iterator[Box]:
    """Boxes shaped like plates at random places."""
    height, width = bgr.shape[:2]
    for _ in range(count):
        w = width * 10 ** rng.uniform(-1.9, -0.35)
        h = w / rng.uniform(1.1, 5.5)
        yield Box(rng.uniform(-0.2 * w, width - 0.8 * w), rng.uniform(0, max(1.0, height - h)), w, h)


class Miner:
    """Makes samples from pictures."""

    def __init__(self, detector: FirstNet, recipe: dict[str, Any]) -> None:
        """Mine with the detector's proposals."""
        self._detector, self._recipe = detector, recipe
        self._rng = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret

    def plates(self, picture: Picture, bgr: Bgr, vehicles: Sequence[int] | None = None) -> Iterator[Sample]:
        """The labelled plates of a picture."""
        proposals = [d.box for d in self._detector.detect(bgr)]
        for number, row in enumerate(picture.boxes):
            box, vehicle = Box(*row), vehicles[number] if vehicles else UNKNOWN
            near = max(proposals, key=box.iou, default=box)
            proposal = near if near.iou(box) >= NEAR_IOU else box
            exact = picture.set_name in self._recipe["data"]["exact"]
            fields = patches(bgr, box, proposal, self._recipe["patches"])
            name = f"{picture.path}#{number}"
            yield Sample(
                **fields, plate=True, exact=exact, vehicle=vehicle, set_name=picture.set_name, name=name
            )

    def others(self, picture: Picture, bgr: Bgr) -> Iterator[Sample]:
        """What is no plate in a picture whose every plate is labelled: proposals, and boxes anywhere."""
        rules = self._recipe["data"]
        if picture.set_name not in rules["negatives"]:
            return
        plates = [Box(*row) for row in picture.boxes]
        yield from self._apart(picture, bgr, plates, [d.box for d in self._detector.detect(bgr)])
        count = rules["random"][picture.set_name]
        yield from self._apart(picture, bgr, plates, list(anywhere(bgr, count, self._rng)))
        blank = bgr.copy()
        for box in plates:  # a plate cut in two by the part's edge must not be called none
            x, y = max(0, round(box.x - 2)), max(0, round(box.y - 2))
            blank[y : round(box.y + box.height + 2), x : round(box.x + box.width + 2)] = 114
        parts = variants(blank, rules["variants"][picture.set_name], self._rng)
        next(parts)
        for part in parts:
            yield from self._apart(picture, part, [], [d.box for d in self._detector.detect(part)])

    def street(self, picture: Picture, bgr: Bgr) -> Iterator[Sample]:
        """Boxes at places of a street where no plate is marked and the detector proposes none.

        Where plates were left unmarked its proposals may be these; a place where it sees nothing at all is none.
        """
        count = self._recipe["data"]["streets"].get(picture.set_name, 0)
        known = [Box(*row) for row in picture.boxes] + [d.box for d in self._detector.detect(bgr)]
        boxes = [
            box for box in anywhere(bgr, count, self._rng) if all(box.iou(other) == 0 for other in known)
        ]
        yield from self._apart(picture, bgr, known, boxes)

    def _apart(
        self, picture: Picture, bgr: Bgr, plates: Sequence[Box], boxes: Sequence[Box]
    ) -> Iterator[Sample]:
        for box in boxes:
            if any(box.iou(plate) >= APART_IOU or plate.share_in(box) > 0.3 for plate in plates):
                continue
            yield nothing(bgr, box, self._recipe["patches"], set_name=picture.set_name)
