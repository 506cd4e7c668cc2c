"""Trees, bushes, hills and clouds."""

from __future__ import annotations

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Rng
from models.synth.scene.texture import noise, to_image, with_alpha


def tree(rng: Rng, *, width_px: int = 420, height_px: int = 560, trunk: float = 0.34) -> Image:
    """A tree seen from the side, (h, w, 4) uint8, lit from above left.

    Args:
        rng: chance.
        width_px: of the picture.
        height_px: of the picture.
        trunk: share of the height below the crown.
    """
    bgr = np.zeros((height_px, width_px, 3), np.uint8)
    alpha = np.zeros((height_px, width_px), np.uint8)
    bgr[:] = (30, 52, 40)
    middle = width_px // 2
    root, fork = height_px - 1, round(height_px * (1 - trunk) - height_px * 0.08)
    thick = max(4, width_px // 26)
    _branch(bgr, alpha, (middle, root), (middle + int(rng.integers(-12, 12)), fork), thick)
    for _ in range(6):
        end = (
            middle + int(rng.integers(-width_px // 3, width_px // 3)),
            round(height_px * float(rng.uniform(0.15, 0.5))),
        )
        _branch(bgr, alpha, (middle, fork + thick), end, max(2, thick // 3))
    hue = np.array([float(rng.uniform(34, 52)), float(rng.uniform(98, 122)), float(rng.uniform(76, 98))])
    picture = np.ascontiguousarray(with_alpha(bgr, alpha))
    _crown(picture, rng, hue, (1 - trunk) * height_px)
    return picture


def _branch(bgr: Image, alpha: Image, start: tuple[int, int], end: tuple[int, int], width: int) -> None:
    cv2.line(bgr, start, end, (52, 66, 78), width, cv2.LINE_AA)
    cv2.line(
        bgr,
        (start[0] + width // 3, start[1]),
        (end[0] + width // 3, end[1]),
        (34, 44, 52),
        max(1, width // 2),
        cv2.LINE_AA,
    )
    cv2.line(alpha, start, end, 255, width, cv2.LINE_AA)


def _crown(picture: Image, rng: Rng, hue: Floats, crown_px: float) -> None:
    """Clumps of leaves, the far and shaded ones first."""
    width = picture.shape[1]
    clumps = []
    for _ in range(64):
        angle, radius = float(rng.uniform(0, 2 * np.pi)), float(np.sqrt(rng.random()))
        x = width / 2 + radius * 0.40 * width * np.cos(angle)
        y = crown_px * 0.5 + radius * 0.38 * crown_px * np.sin(angle)
        clumps.append((float(rng.random()), float(x), float(y), float(rng.uniform(0.09, 0.17)) * width))
    for nearness, x, y, size in sorted(clumps):
        leaves = 90 + int(1.6 * size)
        spread = rng.normal(0, 0.42, (leaves, 2)) * size
        spread = spread[np.argsort(spread[:, 1])[::-1]]
        light = 0.40 + 0.26 * nearness + 0.42 * np.clip(-(spread[:, 0] * 0.5 + spread[:, 1]) / size, -1, 1)
        light += 0.18 * (1 - y / crown_px) + rng.normal(0, 0.10, leaves)
        shades = np.column_stack([hue * np.clip(light, 0.22, 1.35)[:, None], np.full(leaves, 255.0)]).tolist()
        places = np.round(spread + np.array([x, y])).astype(int).tolist()
        axes = np.maximum(
            (rng.integers([2, 1], [5, 3], (leaves, 2)) * width / 460).astype(int), [2, 1]
        ).tolist()
        turns = rng.uniform(0, 180, leaves).tolist()
        for place, axis, turn, shade in zip(places, axes, turns, shades, strict=True):
            cv2.ellipse(picture, place, axis, turn, 0, 360, shade, -1, cv2.LINE_AA)


def hills(rng: Rng, width_px: int = 1600, height_px: int = 240) -> Image:
    """The valley's slope with its red roofs, (h, w, 4) uint8."""
    x = np.arange(width_px)
    ridge = height_px * (
        0.34 + 0.24 * cv2.resize(noise(rng, (2, width_px), width_px / 3, 4), (width_px, 2))[0]
    )
    rows = np.arange(height_px)[:, None]
    slope = noise(rng, (height_px, width_px), 60, 4)[..., None]
    bgr = np.array([104, 122, 100], np.float32) * (1 + 0.16 * slope)
    picture = to_image(bgr)
    for _ in range(900):
        column = int(rng.integers(0, width_px))
        row = int(rng.uniform(ridge[column] + height_px * 0.22, height_px))
        size = int(rng.integers(2, 6))
        tone = float(rng.uniform(0.85, 1.1))
        wall = (118 * tone, 138 * tone, 168 * tone)
        cv2.rectangle(picture, (column, row), (column + size + 2, row + size), wall, -1)
        cv2.rectangle(picture, (column, row - 1), (column + size + 2, row), (100, 112, 160), -1)
    alpha = np.where(rows > ridge[x][None, :], 255, 0).astype(np.uint8)
    return with_alpha(picture, np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.2), np.uint8))


def sky(
    rng: Rng,
    shape: tuple[int, int],
    zenith: tuple[int, int, int],
    horizon: tuple[int, int, int],
    clouds: float,
) -> Floats:
    """The sky, top row first, (h, w, 3) float32."""
    height, width = shape
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    blue = np.array(zenith, np.float32) * (1 - share) + np.array(horizon, np.float32) * share
    cloud = noise(rng, shape, width / 5, 5) * 1.4 + clouds * 1.6 - 0.8
    cover = np.clip(cloud, 0, 1)[..., None]
    white = (
        np.array([238, 238, 236], np.float32) - 30 * np.clip(noise(rng, shape, width / 9, 3), 0, 1)[..., None]
    )
    return np.asarray(np.broadcast_to(blue, (height, width, 3)) * (1 - cover) + white * cover, np.float32)
