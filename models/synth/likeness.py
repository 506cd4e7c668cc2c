"""How a camera saw a plate: its light, contrast, shading, blur and grain, so that another can be seen likewise.

Everything is measured on the plate laid flat, in the scene's own pixels: brightness and darkness from the
plate's ground and characters, blur from how steep their edges are, shading from the ground alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.types import Bgr
from models.synth.arrays import Floats, Rng

_STEEPEST: Final = 1 / np.sqrt(2 * np.pi)
"""Slope of an edge of height one, blurred by a Gaussian of sigma one, per px."""
_LEAST_BLUR_PX: Final = 0.45
"""A sensor's own: its pixels' area and its colour filter."""
_MOST_CAST: Final = 0.42
"""A ground of more saturation than this is painted so and says nothing about the light's colour."""
_STROKE: Final = 0.22
"""What is wider than this share of a plate's height is ground, not a character's stroke."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a camera made of a plate.

    Attributes:
        bright: (3,) BGR 0..255 of a white surface in its place.
        dark: (3,) BGR 0..255 of a black one: veil and sensor offset.
        shading: (8, 24) float32 around one: where the plate is lit more or less.
        blur_px: Gaussian sigma along and across the plate, scene px.
        grain: standard deviation of the noise, grey levels.
    """

    bright: Floats
    dark: Floats
    shading: Floats
    blur_px: tuple[float, float]
    grain: float

    @property
    def contrast(self) -> float:
        """Grey levels between white and black."""
        return float((self.bright - self.dark).mean())


def flat(bgr: Bgr, corners: Floats, size: tuple[int, int]) -> Bgr:
    """The plate laid flat.

    Args:
        bgr: the scene.
        corners: (4, 2) px, from the top left clockwise.
        size: width and height of the result, px.
    """
    target = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.array(size, np.float32)
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    return np.asarray(
        cv2.warpPerspective(bgr, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def measure(bgr: Bgr, corners: Floats) -> Likeness:
    """How the plate at these corners was seen.

    Args:
        bgr: the scene.
        corners: (4, 2) px, from the top left clockwise.
    """
    along = np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])
    down = np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])
    size = (max(16, round(float(along) / 2)), max(8, round(float(down) / 2)))
    plate = flat(bgr, corners, size).astype(np.float32)
    inset = max(1, round(0.06 * size[1]))
    plate = plate[inset:-inset, inset:-inset]
    grey = plate.mean(axis=2)
    low, high = (float(v) for v in np.percentile(grey, (4, 93)))
    light_ground = float(np.median(grey)) > (low + high) / 2
    bright = _level(plate, grey >= np.percentile(grey, 80))
    dark = _level(plate, grey <= np.percentile(grey, 6))
    return Likeness(
        _neutral(bright) if light_ground else np.full(3, bright.max(), np.float32),
        np.minimum(dark, bright - 4),
        _shading(grey) if light_ground else np.ones((8, 24), np.float32),
        _blur(grey, low, high),
        _grain(grey),
    )


def _level(plate: Floats, where: Floats) -> Floats:
    return np.asarray(np.median(plate[where], axis=0), np.float32)


def _neutral(ground: Floats) -> Floats:
    """The light on a ground: its colour if that may be the light's, as bright a white if it is paint."""
    saturation = 1 - float(ground.min()) / max(float(ground.max()), 1.0)
    # Blue light is rare, a yellow ground is not: there the strongest channels say how bright it is.
    yellow = ground[0] < 0.8 * min(float(ground[1]), float(ground[2]))
    if saturation <= _MOST_CAST and not yellow:
        return ground
    return np.full(3, ground.max(), np.float32)


def _shading(grey: Floats) -> Floats:
    """Brightness of the ground, characters bridged, over its mean."""
    reach = max(3, round(_STROKE * grey.shape[0]) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    ground = cv2.morphologyEx(grey.astype(np.float32), cv2.MORPH_CLOSE, kernel)
    ground = cv2.GaussianBlur(ground, (0, 0), max(1.0, 0.12 * grey.shape[0]), borderType=cv2.BORDER_REPLICATE)
    coarse = np.asarray(cv2.resize(ground, (24, 8), interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(np.clip(coarse / max(float(np.median(coarse)), 1.0), 0.35, 1.5), np.float32)


def _blur(grey: Floats, low: float, high: float) -> tuple[float, float]:
    """Sigma along and across, px: an edge of known height is the less steep the more it is blurred."""
    height = max(high - low, 8.0)
    sigmas = []
    for axis in (1, 0):
        steep = float(np.percentile(np.abs(np.diff(grey, axis=axis)), 98.5))
        sigma = height * _STEEPEST / max(steep, 0.5)
        sigmas.append(float(np.clip(sigma, _LEAST_BLUR_PX, 0.14 * grey.shape[0] + 1)))
    return sigmas[0], sigmas[1]


def _grain(grey: Floats) -> float:
    """Noise of the flattest third of the plate, grey levels."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(grey.astype(np.float32), -1, kernel))
    slope = np.abs(cv2.Sobel(grey.astype(np.float32), cv2.CV_32F, 1, 0)) + np.abs(
        cv2.Sobel(grey.astype(np.float32), cv2.CV_32F, 0, 1)
    )
    calm = rough[slope <= np.percentile(slope, 35)]
    return float(np.clip(calm.mean() * np.sqrt(np.pi / 2) / 6, 0, 14))


def painted(bgr: Bgr, corners: Floats, plate: Bgr, like: Likeness, rng: Rng) -> Bgr:
    """Paint a plate into a scene as that scene's camera would have seen it; a new picture.

    Args:
        bgr: the scene.
        corners: (4, 2) px where the plate goes, from the top left clockwise.
        plate: (h, w, 3) uint8, straight ahead and well lit, 255 the brightest paint.
        like: how the old plate was seen.
        rng: chance, for the grain.
    """
    reach = 3 + 3 * max(like.blur_px)
    x0, y0 = (max(0, int(v - reach)) for v in corners.min(axis=0))
    x1, y1 = (int(v + reach) + 1 for v in corners.max(axis=0))
    window = bgr[y0:y1, x0:x1].astype(np.float32)
    colour, alpha = _layer(plate, corners - [x0, y0], window.shape[:2], like)
    grain = rng.standard_normal(window.shape[:2], dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6) * (1.75 * like.grain)
    seen = window * (1 - alpha) + (colour + grain[..., None]) * alpha
    scene = bgr.copy()
    scene[y0:y1, x0:x1] = np.clip(np.round(seen), 0, 255).astype(np.uint8)
    return scene


def _layer(plate: Bgr, corners: Floats, shape: tuple[int, int], like: Likeness) -> tuple[Floats, Floats]:
    """The lit and blurred plate, and its cover (h, w, 1), on a window of the scene."""
    over = 3
    size = (shape[1] * over, shape[0] * over)
    high, wide = plate.shape[:2]
    # Already half as fine as the sensor's grid oversampled, so that nothing shimmers.
    fine = max(float(np.ptp(corners[:, 0])), 1.0) * over * 1.5 / wide
    if fine < 1:
        plate = np.asarray(cv2.resize(plate, None, fx=fine, fy=fine, interpolation=cv2.INTER_AREA), np.uint8)
        high, wide = plate.shape[:2]
    along = float(np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    lit = _lit(plate, like, sigma_px=like.blur_px[0] * wide / max(along, 1.0))
    source = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.array([wide, high], np.float32)
    warp = cv2.getPerspectiveTransform(source, (corners * over).astype(np.float32))
    colour = cv2.warpPerspective(lit, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(_rounded(high, wide), warp, size, flags=cv2.INTER_LINEAR)
    seen = [
        cv2.resize(
            _smeared(np.asarray(picture, np.float32), corners, like, over),
            shape[::-1],
            interpolation=cv2.INTER_AREA,
        )
        for picture in (colour, cover)
    ]
    return np.asarray(seen[0], np.float32), np.asarray(seen[1], np.float32)[..., None]


def _lit(plate: Bgr, like: Likeness, *, sigma_px: float) -> Floats:
    """Paint under the scene's light: white becomes its bright level, black its dark one.

    The dark level was measured on characters that blur had already made paler, and the new ones will be made
    paler by the same blur (`sigma_px` of the plate's own pixels): so they are drawn as much darker.
    """
    high, wide = plate.shape[:2]
    grey = plate.astype(np.float32).mean(axis=2)
    blurred = cv2.GaussianBlur(grey, (0, 0), max(0.3, sigma_px))
    sharp, soft = (float(np.subtract(*np.percentile(g, (93, 4)))) for g in (grey, blurred))
    dark = like.bright - (like.bright - like.dark) / float(np.clip(soft / max(sharp, 1.0), 0.6, 1.0))
    reflectance = np.clip((plate.astype(np.float32) - 24.0) / (238.0 - 24.0), 0, 1.05)
    shade = cv2.resize(like.shading, (wide, high), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(dark + (like.bright - dark) * reflectance * shade, np.float32)


def _rounded(high: int, wide: int) -> Floats:
    """Cover of a plate with rounded corners, (h, w) float32 0..1."""
    radius = max(1, round(0.06 * high))
    cover = np.zeros((high, wide), np.float32)
    cv2.rectangle(cover, (radius, 0), (wide - 1 - radius, high - 1), 1.0, -1)
    cv2.rectangle(cover, (0, radius), (wide - 1, high - 1 - radius), 1.0, -1)
    for x in (radius, wide - 1 - radius):
        for y in (radius, high - 1 - radius):
            cv2.circle(cover, (x, y), radius, 1.0, -1, cv2.LINE_AA)
    return cover


def _smeared(picture: Floats, corners: Floats, like: Likeness, over: int) -> Floats:
    """Blurred as the old plate was, along and across its own sides."""
    # What resampling onto the sensor's grid blurs by itself is not added again.
    along, across = (over * float(np.sqrt(max(sigma**2 - _LEAST_BLUR_PX**2, 0.02))) for sigma in like.blur_px)
    side = (corners[1] - corners[0]) + (corners[2] - corners[3])
    tilt = float(np.degrees(np.arctan2(side[1], side[0])))
    if abs(along - across) < 0.15 * max(along, across) or abs(tilt) < 8:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigmaX=along, sigmaY=across), np.float32)
    return np.asarray(cv2.filter2D(picture, -1, _oval(along, across, tilt)), np.float32)


def _oval(along: float, across: float, tilt_deg: float) -> Floats:
    """A Gaussian kernel with its long side turned by an angle."""
    reach = int(np.ceil(3 * max(along, across)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    turn = np.radians(tilt_deg)
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    kernel = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    return np.asarray(kernel / kernel.sum(), np.float32)
