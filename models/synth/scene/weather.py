"""What comes between the street and the file: wind, rain, dirt and glare on the glass, the lens, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.synth.arrays import Image, Ints, Rng, stream
from models.synth.scene.texture import noise


@dataclass(frozen=True, slots=True)
class Weather:
    """Conditions; everything 0 is a clear view.

    Attributes:
        wind_px: how far leaves swing.
        rain: streaks, 0-1.
        dirt: specks and smears on the glass, 0-1.
        glare: veil from a light source beside the picture, 0-1.
        noise: standard deviation of the sensor's noise, 0-255.
        blur_px: softness of the lens.
        vignette: darkening of the corners, 0-1.
        contrast: steepness of the camera's tone curve around the middle; 1 = straight.
        grey: whether the picture has no colour.
    """

    wind_px: float = 1.6
    rain: float = 0.0
    dirt: float = 0.0
    glare: float = 0.0
    noise: float = 1.8
    blur_px: float = 0.55
    vignette: float = 0.12
    contrast: float = 1.12
    grey: bool = False


class Glass:
    """The lens and sensor of one camera: what is the same in every frame is made once."""

    _POOL = 6

    def __init__(self, weather: Weather, shape: tuple[int, int], seed: int) -> None:
        self.weather = weather
        self._shape = shape
        self._seed = seed
        rng = stream(seed, "glass")
        self._gain = _gain(weather, shape, rng)
        self._veil = _veil(weather, shape, rng)
        self._curve = _tone_curve(weather.contrast)
        self._noise = [_grain(weather, shape, rng) for _ in range(self._POOL)] if weather.noise else []

    def expose(self, frame: Image, index: int) -> Image:
        """What the sensor makes of a frame.

        Args:
            frame: (h, w, 3) uint8.
            index: number of the frame: it alone decides noise and rain.
        """
        rng = stream(self._seed, "frame", index)
        if self.weather.rain:
            frame = _rain(frame, self.weather.rain, rng)
        if self.weather.blur_px:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), self.weather.blur_px), np.uint8)
        frame = np.asarray(cv2.LUT(frame, self._curve), np.uint8)
        frame = np.asarray(cv2.multiply(frame, self._gain, scale=1 / 255.0), np.uint8)
        if self._veil is not None:
            frame = np.asarray(cv2.add(frame, self._veil), np.uint8)
        if self.weather.grey:
            grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            frame = np.asarray(cv2.merge([grey, grey, grey]), np.uint8)
        if self._noise:
            pattern = self._noise[int(rng.integers(self._POOL))]
            # A random cut-out of a larger pattern: no two frames have the same noise.
            top, left = int(rng.integers(64)), int(rng.integers(64))
            cut = pattern[top : top + self._shape[0], left : left + self._shape[1]]
            frame = np.asarray(cv2.add(frame, cut, dtype=cv2.CV_8U), np.uint8)
        return frame


def _tone_curve(contrast: float) -> Image:
    """A table of 256 values: steeper in the middle, flat towards black and white."""
    value = np.arange(256) / 255.0
    middle = 0.42
    steep = np.tanh((value - middle) * 1.6 * contrast) / np.tanh(1.6 * contrast * 0.5)
    bent = middle + 0.5 * steep
    mixed = value + (bent - value) * min(1.0, max(0.0, contrast - 1) * 5)
    return np.asarray(np.clip(mixed * 255.0, 0, 255), np.uint8)


def _gain(weather: Weather, shape: tuple[int, int], rng: Rng) -> Image:
    """Factor of every pixel, 255 = 1: darker corners and specks of dirt."""
    y, x = np.mgrid[-1.0 : 1.0 : shape[0] * 1j, -1.0 : 1.0 : shape[1] * 1j]
    gain = 1 - weather.vignette * np.clip(x * x + y * y - 0.3, 0, 2) / 1.7
    if weather.dirt:
        smears = np.clip(noise(rng, shape, shape[1] / 6, 4) - 0.25, 0, 1)
        gain *= 1 - 0.6 * weather.dirt * smears
        specks = np.zeros(shape, np.float32)
        for _ in range(int(26 * weather.dirt)):
            centre = rng.integers(0, [shape[1], shape[0]])
            cv2.circle(specks, centre.tolist(), int(rng.integers(3, 16)), float(rng.uniform(0.1, 0.5)), -1)
        gain *= 1 - cv2.GaussianBlur(specks, (0, 0), 5)
    return np.asarray(np.repeat((np.clip(gain, 0, 1) * 255)[..., None], 3, axis=2), np.uint8)


def _veil(weather: Weather, shape: tuple[int, int], rng: Rng) -> Image | None:
    if not weather.glare:
        return None
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    source = np.array([rng.uniform(-0.1, 1.1) * shape[1], -0.12 * shape[0]])
    distance = np.hypot(x - source[0], y - source[1]) / shape[1]
    veil = 170 * weather.glare * np.exp(-distance * 2.6)
    return np.asarray(np.clip(veil[..., None] * np.array([0.86, 0.95, 1.0]), 0, 255), np.uint8)


def _grain(weather: Weather, shape: tuple[int, int], rng: Rng) -> Ints:
    size = (shape[0] + 64, shape[1] + 64)
    luma = rng.normal(0, weather.noise, (*size, 1)).astype(np.float32)
    if weather.grey:
        return np.round(np.repeat(luma, 3, axis=2)).astype(np.int16)
    chroma = rng.normal(0, weather.noise * 0.45, (*size, 3)).astype(np.float32)
    return np.round(luma + chroma).astype(np.int16)


def _rain(frame: Image, strength: float, rng: Rng) -> Image:
    """Streaks of falling drops, a few of them near."""
    height, width = frame.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    for _ in range(int(420 * strength)):
        x, y = int(rng.integers(-40, width)), int(rng.integers(-60, height))
        nearness = float(rng.random()) ** 3
        length = round(16 + 60 * nearness)
        tone = int(30 + 60 * rng.random())
        cv2.line(streaks, (x, y), (x + length // 8, y + length), (tone,), 1 + int(nearness * 2), cv2.LINE_AA)
    soft = cv2.GaussianBlur(streaks, (0, 0), 0.8)
    return np.asarray(cv2.add(frame, cv2.merge([soft, soft, soft])), np.uint8)


class Wind:
    """Moves the leaves of a background, the same way again after each round of the clock."""

    _COARSE = 16

    def __init__(self, picture: Image, swaying: Image, reach_px: float, seed: int) -> None:
        self._picture = picture
        self._reach = reach_px
        rows = np.flatnonzero(swaying.max(axis=1) > 0)
        self._bottom = int(rows[-1]) + 1 if rows.size and reach_px else 0
        if not self._bottom:
            return
        size = (max(2, picture.shape[1] // self._COARSE), max(2, self._bottom // self._COARSE))
        mask = cv2.GaussianBlur(swaying[: self._bottom].astype(np.float32) / 255.0, (0, 0), 4)
        self._mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        rng = stream(seed, "wind")
        self._phase = noise(rng, (size[1], size[0]), size[0] / 7, 2) * 9.0
        self._y, self._x = np.mgrid[0 : self._bottom, 0 : picture.shape[1]].astype(np.float32)

    def at(self, time_s: float, period_s: float) -> Image:
        """The background at a time: a fresh (h, w, 3) uint8."""
        result = self._picture.copy()
        if not self._bottom:
            return result
        turn = 2 * np.pi * time_s / period_s
        swing = np.sin(9 * turn + self._phase) + 0.5 * np.sin(23 * turn + 2.3 * self._phase)
        lift = 0.5 * np.cos(13 * turn + 1.7 * self._phase)
        shape = (self._x.shape[1], self._x.shape[0])
        across = cv2.resize((swing * self._mask * self._reach).astype(np.float32), shape)
        down = cv2.resize((lift * self._mask * self._reach).astype(np.float32), shape)
        cv2.remap(
            self._picture,
            self._x + across,
            self._y + down,
            cv2.INTER_LINEAR,
            result[: self._bottom],
            cv2.BORDER_REPLICATE,
        )
        return result
