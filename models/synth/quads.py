"""Finds the four corners of a plate in a real scene of which only the upright box is known.

A plate's ground is one colour, unlike what is around it. The colours inside the box are grouped; each group's
pixels, with the characters' holes filled, are a candidate. The one that fills the labelled box best, and is
itself filled best by a convex quadrilateral, is the plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.types import Bgr, Box
from models.synth.arrays import Floats, Image

_WIDE: Final = 180
"""Width at which a plate is looked at, px."""
_AROUND: Final = 0.3
"""What is looked at beyond the box, share of its longer side."""
_GROUPS: Final = (3, 4, 6)
"""Into so many colours the box is parted."""
_LEAST_FIT: Final = 0.5
"""Overlap of the quadrilateral's own box with the labelled one, which may be loose."""
_OFF_CENTRE: Final = 0.12
"""How far the two boxes' centres may lie apart, share of the labelled one's width and height."""
_LEAST_INSIDE: Final = 0.9
"""Share of the quadrilateral's own box that lies in the labelled one."""
_LEAST_FILL: Final = 0.84
"""Share of the quadrilateral that the ground, its holes filled, takes."""
_LEAST_ANGLE_DEG: Final = 48.0


@dataclass(frozen=True, slots=True)
class Quad:
    """Corners of a plate.

    Attributes:
        corners: (4, 2) float64, px of the scene: top left, top right, bottom right, bottom left.
        fit: overlap of its upright box with the labelled one, 0..1.
        fill: share of it that the plate's ground takes, 0..1.
    """

    corners: Floats
    fit: float
    fill: float

    @property
    def sides(self) -> tuple[float, float]:
        """Mean width and height along its sides, px."""
        top, right, bottom, left = (
            float(np.linalg.norm(self.corners[(k + 1) % 4] - self.corners[k])) for k in range(4)
        )
        return (top + bottom) / 2, (left + right) / 2

    @property
    def tilt_deg(self) -> float:
        """How far its upper and lower sides fall to the right, degrees."""
        along = (self.corners[1] - self.corners[0]) + (self.corners[2] - self.corners[3])
        return float(np.degrees(np.arctan2(along[1], along[0])))


def find_quad(bgr: Bgr, box: Box) -> Quad | None:
    """The corners of the plate in a box; None where no quadrilateral stands out.

    Args:
        bgr: the scene.
        box: where the plate is, px.
    """
    margin = _AROUND * max(box.width, box.height)
    x0, y0 = max(0, int(box.x - margin)), max(0, int(box.y - margin))
    window = bgr[y0 : int(box.y + box.height + margin) + 1, x0 : int(box.x + box.width + margin) + 1]
    scale = _WIDE / max(box.width, 1.6 * box.height)
    if min(window.shape[:2]) < 8 or not 0.05 < scale < 9:
        return None
    inter = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(window, None, fx=scale, fy=scale, interpolation=inter), np.uint8)
    inner = Box((box.x - x0) * scale, (box.y - y0) * scale, box.width * scale, box.height * scale)
    lab = cv2.cvtColor(cv2.bilateralFilter(small, 5, 30, 3), cv2.COLOR_BGR2LAB).astype(np.float32)
    best: Quad | None = None
    for mask in _grounds(lab, inner):
        found = _quad_of(mask, inner)
        if found is not None and (best is None or found.fit * found.fill**2 > best.fit * best.fill**2):
            best = found
    if best is None:
        return None
    return Quad(best.corners / scale + [x0, y0], best.fit, best.fill)


def _grounds(lab: Floats, box: Box) -> list[Image]:
    """Masks (h, w) of the pixels that may be the plate's ground."""
    x0, y0 = int(box.x + 0.12 * box.width), int(box.y + 0.12 * box.height)
    x1, y1 = int(box.x + 0.88 * box.width) + 1, int(box.y + 0.88 * box.height) + 1
    sample = np.ascontiguousarray(lab[y0:y1:2, x0:x1:2].reshape(-1, 3))
    masks: list[Image] = []
    if len(sample) < 40:
        return masks
    for groups in _GROUPS:
        cv2.setRNGSeed(groups)
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 1.0)
        _, labels, centres = cv2.kmeans(
            sample, groups, np.zeros((len(sample), 1), np.int32), stop, 1, cv2.KMEANS_PP_CENTERS
        )
        shares = np.bincount(labels.ravel(), minlength=groups) / len(sample)
        for number in np.argsort(-shares)[:3]:
            away = lab - centres[number]
            # Shading changes lightness more than it changes colour.
            distance = np.sqrt((0.55 * away[..., 0]) ** 2 + away[..., 1] ** 2 + away[..., 2] ** 2)
            masks.extend(
                np.asarray(distance < reach, np.uint8)
                for reach in (11.0, 18.0, 27.0)
                if shares[number] > 0.15
            )
    return masks


def _quad_of(mask: Image, box: Box) -> Quad | None:
    """The quadrilateral around the part of a mask that lies in the box; None where it is none."""
    # Characters that touch the edge, and print between them, must not part the ground.
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    x0, y0 = max(0, int(box.x)), max(0, int(box.y))
    inside = labels[y0 : int(box.y + box.height) + 1, x0 : int(box.x + box.width) + 1]
    counts = np.bincount(inside.ravel(), minlength=len(stats))
    counts[0] = 0
    number = int(counts.argmax())
    if counts[number] < 0.2 * box.area or stats[number, cv2.CC_STAT_AREA] > 1.3 * box.area:
        return None
    contours, _ = cv2.findContours(
        np.asarray(labels == number, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    contour = max(contours, key=cv2.contourArea)
    hull = cv2.convexHull(contour)
    area = float(cv2.contourArea(hull))
    if area < 0.3 * box.area:
        return None
    corners = _ordered(np.asarray(cv2.approxPolyN(hull, 4, ensure_convex=True), np.float64).reshape(-1, 2))
    if corners is None or not _is_plate_like(corners):
        return None
    low, high = corners.min(axis=0), corners.max(axis=0) + 1
    own = Box(low[0], low[1], high[0] - low[0], high[1] - low[1])
    fit = own.iou(box)
    off = np.abs(np.subtract(own.centre, box.centre)) / [box.width, box.height]
    fill = float(cv2.contourArea(contour)) / max(float(cv2.contourArea(corners.astype(np.float32))), 1.0)
    if fit < _LEAST_FIT or fill < _LEAST_FILL or own.share_in(box) < _LEAST_INSIDE or off.max() > _OFF_CENTRE:
        return None
    return Quad(corners, fit, min(fill, 1.0))


def _ordered(corners: Floats) -> Floats | None:
    """Four corners from the top left one clockwise; None where they are not four."""
    if corners.shape != (4, 2):
        return None
    middle = corners.mean(axis=0)
    turn = np.arctan2(*(corners - middle).T[::-1])
    around = corners[np.argsort(turn)]
    first = int(np.argmin(around.sum(axis=1)))
    return np.roll(around, -first, axis=0)


def _is_plate_like(corners: Floats) -> bool:
    """Whether no corner is too sharp and opposite sides are of like length."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() < 6:
        return False
    before = -np.roll(sides, 1, axis=0)
    cosines = (sides * before).sum(axis=1) / (lengths * np.roll(lengths, 1))
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    ratios = lengths[:2] / lengths[2:]
    return bool(
        angles.min() > _LEAST_ANGLE_DEG
        and angles.max() < 180 - _LEAST_ANGLE_DEG
        and ratios.max() < 1.5
        and ratios.min() > 1 / 1.5
        and lengths[0] > 0.6 * lengths[1]
    )
