"""Surfaces made by chance: clouds of noise, plaster, brick, tiles."""

from __future__ import annotations

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Rng

Colour = tuple[int, int, int]


def noise(rng: Rng, shape: tuple[int, int], cell_px: float, octaves: int = 3) -> Floats:
    """Cloudy noise.

    Args:
        rng: chance.
        shape: rows and columns.
        cell_px: size of the largest blobs.
        octaves: how many finer layers are added, each half as strong.

    Returns:
        ``shape`` float32 with mean 0, about -1 to 1.
    """
    total = np.zeros(shape, np.float32)
    strength, reach = 1.0, 0.0
    for octave in range(octaves):
        cell = max(1.0, cell_px / 2**octave)
        rows, columns = max(2, round(shape[0] / cell)), max(2, round(shape[1] / cell))
        layer = rng.random((rows, columns), dtype=np.float32) * 2 - 1
        total += strength * cv2.resize(layer, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        reach += strength
        strength *= 0.5
    return np.asarray(total / reach, np.float32)


def plain(shape: tuple[int, int], colour: Colour) -> Floats:
    """A surface (rows, columns, 3) float32 in one colour."""
    return np.broadcast_to(np.array(colour, np.float32), (*shape, 3)).copy()


def plaster(rng: Rng, shape: tuple[int, int], colour: Colour, px_per_m: float) -> Floats:
    """A painted wall, stained from below and along the eaves."""
    wall = plain(shape, colour)
    wall *= 1 + 0.05 * noise(rng, shape, px_per_m * 1.2, 4)[..., None]
    streaks = cv2.resize(noise(rng, (4, shape[1]), 6, 2), (shape[1], shape[0]))
    fall = np.linspace(1, 0.1, shape[0], dtype=np.float32)[:, None]
    wall *= 1 - 0.09 * np.clip(streaks * fall, 0, 1)[..., None]
    foot = np.exp(-(shape[0] - np.arange(shape[0], dtype=np.float32)) / (0.35 * px_per_m))[:, None]
    wall *= 1 - 0.35 * (foot * (0.8 + 0.4 * noise(rng, shape, px_per_m * 0.5)))[..., None]
    return wall


def brick(rng: Rng, shape: tuple[int, int], px_per_m: float) -> Floats:
    """A wall of bare brick, as most of the valley is built."""
    high, long = 0.09 * px_per_m, 0.24 * px_per_m
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    columns = np.arange(shape[1], dtype=np.float32)[None, :]
    course = np.floor(rows / high)
    shifted = columns + (course % 2) * long / 2
    number = (course * 57 + np.floor(shifted / long)).astype(np.int64)
    shades = rng.random(997, dtype=np.float32)
    tone = shades[number % 997]
    base = np.array([62, 92, 150], np.float32) * (0.84 + 0.26 * tone[..., None])
    base += np.array([6, 4, 14], np.float32) * shades[(number * 31) % 997][..., None]
    joint = ((rows % high) < max(1.0, 0.016 * px_per_m)) | ((shifted % long) < max(1.0, 0.016 * px_per_m))
    base = np.where(joint[..., None], np.array([112, 122, 134], np.float32), base)
    return np.asarray(base * (1 + 0.07 * noise(rng, shape, px_per_m)[..., None]), np.float32)


def to_image(surface: Floats) -> Image:
    """Float surface to uint8."""
    return np.asarray(np.clip(surface, 0, 255), np.uint8)


def with_alpha(bgr: Image, alpha: Image) -> Image:
    """(h, w, 4) uint8."""
    return np.dstack([bgr, alpha])
