"""A flat plate as a street camera and a detector hand it to the reader: small, at an angle, dark, blurred, cut."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Rng
from models.synth.freeprint import smooth


def seen(
    plate: Image,
    aspect: float,
    rng: Rng,
    *,
    behind: Image | None = None,
    characters: int = 7,
    ink: Sequence[float] = (0.0, 0.0, 1.0, 1.0),
) -> Image:
    """Photograph a plate and cut it out.

    Args:
        plate: (h, w) uint8, straight ahead, of any stretch.
        aspect: its true width by its height.
        rng: chance.
        behind: (h, w) uint8 of a street, shown around the plate; a car's paint if None.
        characters: how many stand side by side: a plate is not made so small that nobody could read it.
        ink: where they are: left, top, right, bottom, shares of the plate.

    Returns:
        (h, w) uint8, as a detector's box cuts it.
    """
    least = max(30.0, 4.8 * characters)
    wide = (
        float(np.exp(rng.uniform(np.log(least), np.log(260))))
        if rng.random() < 0.8
        else float(rng.uniform(60, 200))
    )
    high = wide / aspect * float(rng.uniform(0.85, 1.2))
    if rng.random() < 0.12:  # a crop that somebody stretched
        high *= float(rng.uniform(0.55, 1.6))
    high = float(np.clip(high, 9, 190))
    quad = _turned(wide, high, rng)
    quad -= quad.min(axis=0)
    box = quad.max(axis=0)
    before, after = _margins(rng, box, ink=ink, characters=characters)
    size = np.maximum(np.ceil(box + before + after), 8).astype(int)
    size = np.minimum(size, 420)
    corners = (quad + before).astype(np.float32)
    small = cv2.resize(
        plate, (max(8, min(plate.shape[1], round(wide * 1.4))), max(8, min(plate.shape[0], round(high * 1.4)))),
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    source = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.array(small.shape[::-1], np.float32)
    warp = cv2.getPerspectiveTransform(source, corners)
    picture = _surroundings(behind, (int(size[1]), int(size[0])), rng)
    if rng.random() < 0.25:
        _holder(picture, corners, rng)
    cv2.warpPerspective(
        small,
        warp,
        (int(size[0]), int(size[1])),
        dst=picture,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    return taken(picture, rng)


def taken(picture: Image, rng: Rng, *, strength: float = 1.0) -> Image:
    """What light, lens, sensor and compression do to a grey picture; same size."""
    high, wide = picture.shape
    lit = picture.astype(np.float32)
    if rng.random() < 0.5 * strength:
        lit *= 1 + (smooth(rng, (high, wide), int(rng.integers(1, 4))) - 0.5) * float(rng.uniform(0, 0.9))
    if rng.random() < 0.3 * strength:
        lit *= 1 - _shadow((high, wide), rng) * float(rng.uniform(0.2, 0.75))
    if rng.random() < 0.08 * strength:  # glare
        x, y, r = rng.uniform(0, wide), rng.uniform(0, high), wide * float(rng.uniform(0.08, 0.4))
        grid = ((np.arange(wide) - x) ** 2)[None] + ((np.arange(high) - y) ** 2)[:, None]
        lit += np.exp(-grid / (2 * r * r)).astype(np.float32) * float(rng.uniform(40, 170))
    if rng.random() < 0.05 * strength:  # something in the way
        x, w = rng.uniform(0, wide), wide * float(rng.uniform(0.01, 0.05))
        lit[:, int(x) : int(x + w) + 1] = float(rng.uniform(0, 200))
    lit = _blurred(lit, rng, strength)
    gain = float(np.exp(rng.normal(-0.2, 0.35 * strength)))
    lit = (
        np.asarray(
            255 * np.clip(lit / 255, 0, 1) ** float(np.exp(rng.normal(0, 0.25 * strength))), np.float32
        )
        * gain
    )
    lit += float(rng.normal(6, 12))
    if rng.random() < 0.03 * strength:  # over-exposed
        lit = lit * float(rng.uniform(1.4, 2.4)) + 30
    noise = float(rng.exponential(4.5)) * strength
    if noise > 0.5:
        grain = rng.standard_normal((high, wide), dtype=np.float32) * noise
        if rng.random() < 0.5:  # denoised or demosaiced: grain of more than one pixel
            grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * 1.8
        lit = lit + grain
    out = np.clip(lit, 0, 255).astype(np.uint8)
    if rng.random() < 0.1 * strength:
        sharp = cv2.GaussianBlur(out, (0, 0), 1.2)
        out = np.asarray(cv2.addWeighted(out, 2.0, sharp, -1.0, 0), np.uint8)
    if rng.random() < 0.75:
        quality = int(rng.integers(12, 96))
        out = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0), np.uint8
        )
    return np.asarray(out, np.uint8)


def _shadow(shape: tuple[int, int], rng: Rng) -> Floats:
    """(h, w) 0..1: the edge of a shadow, mostly of the bumper or the boot above, which falls across the characters."""
    high, wide = shape
    down = (np.arange(high, dtype=np.float32)[:, None] + 0.5) / high
    across = (np.arange(wide, dtype=np.float32)[None] + 0.5) / wide
    if rng.random() < 0.65:
        away = float(rng.uniform(0.15, 0.85)) - down - float(rng.normal(0, 0.12)) * (across - 0.5)
        if rng.random() < 0.2:
            away = -away
    else:
        away = float(rng.uniform(0.1, 0.9)) - across - float(rng.normal(0, 0.25)) * (down - 0.5)
        if rng.random() < 0.5:
            away = -away
    soft = float(np.exp(rng.uniform(np.log(0.004), np.log(0.08))))
    return np.asarray(1 / (1 + np.exp(np.clip(-away / soft, -30, 30))), np.float32)


def shaken(crop: Image, rng: Rng) -> Image:
    """A real crop anew: turned, stretched, cut and shrunk a little, taken by another camera."""
    high, wide = crop.shape
    shrink = float(rng.uniform(0.35, 1.0)) if rng.random() < 0.6 and wide > 60 else 1.0
    size = (max(20, round(wide * shrink)), max(8, round(high * shrink * float(rng.uniform(0.8, 1.25)))))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    moved = corners + (rng.normal(0, 0.025, (4, 2)) * [size[0], size[1] * 2.2]).astype(np.float32)
    moved += np.array([[0, rng.normal(0, 0.05) * size[1]]]) * np.array([[1], [-1], [-1], [1]])
    least = -0.04 if rng.random() < 0.25 else -0.015
    grown = rng.uniform(least, 0.1, 4) * [size[0], size[1], size[0], size[1]]
    moved = (moved + grown[:2]).astype(np.float32)
    out = (int(size[0] + grown[0] + grown[2]), int(size[1] + grown[1] + grown[3]))
    warp = cv2.getPerspectiveTransform(corners, moved)
    mode = cv2.BORDER_REPLICATE if rng.random() < 0.6 else cv2.BORDER_CONSTANT
    turned = cv2.warpPerspective(
        small,
        warp,
        (max(out[0], 12), max(out[1], 8)),
        flags=cv2.INTER_LINEAR,
        borderMode=mode,
        borderValue=float(rng.uniform(0, 255)),
    )
    if rng.random() < 0.04:
        turned = 255 - turned
    return taken(np.asarray(turned, np.uint8), rng, strength=float(rng.uniform(0.15, 0.8)))


def _turned(wide: float, high: float, rng: Rng) -> Floats:
    """Corners (4, 2) of a plate turned in space, from its top left, clockwise."""
    steep = rng.random() < 0.2
    yaw = np.deg2rad(np.clip(rng.normal(0, 28 if steep else 13), -52, 52))
    pitch = np.deg2rad(np.clip(rng.normal(0, 20 if steep else 10), -40, 40))
    roll = np.deg2rad(np.clip(rng.normal(0, 9 if steep else 4), -24, 24))
    flat = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * [wide, high]
    solid = np.column_stack([flat, np.zeros(4)])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turned = solid @ (about_z @ about_x @ about_y).T
    far = wide * float(rng.uniform(4, 14))
    # A camera that hangs above or beside the lane also shears what it sees.
    shear = float(rng.normal(0, 0.06)) * turned[:, :1] * [[0, 1]]
    return np.asarray(turned[:, :2] * (far / (far + turned[:, 2:])) + shear)


def _margins(rng: Rng, box: Floats, *, ink: Sequence[float], characters: int) -> tuple[Floats, Floats]:
    """What a detector's box shows beyond the plate, or cuts off: px in x and y, before and after it."""
    chance = rng.random()
    if (
        chance < 0.25
    ):  # tight boxes and plates that move out of the picture: cut at the ends, into the characters
        left, top, right, bottom = ink
        free = np.array([left, top, 1 - right, 1 - bottom])
        each = np.array([(right - left) / characters, bottom - top] * 2)
        into = rng.uniform([-0.3, -0.2] * 2, [0.42, 0.06] * 2)
        shares = -np.maximum(free + into * each, -0.1)
        return np.asarray(shares[:2] * box), np.asarray(shares[2:] * box)
    low, high = (-0.02, 0.35) if chance < 0.42 else (-0.03, 0.09)
    return np.asarray(rng.uniform(low, high, 2) * box), np.asarray(rng.uniform(low, high, 2) * box)


def _surroundings(behind: Image | None, shape: tuple[int, int], rng: Rng) -> Image:
    if behind is not None and rng.random() < 0.75:
        y, x = (int(rng.integers(0, max(1, a - b + 1))) for a, b in zip(behind.shape, shape, strict=True))
        cut = behind[y : y + shape[0], x : x + shape[1]]
        if cut.shape != shape:
            cut = np.asarray(cv2.resize(cut, shape[::-1]), np.uint8)
        return np.ascontiguousarray(cut)
    paint = float(rng.uniform(5, 245))
    return np.asarray(
        np.clip(paint + (smooth(rng, shape, 3) - 0.5) * float(rng.uniform(0, 80)), 0, 255), np.uint8
    )


def _holder(picture: Image, corners: Floats, rng: Rng) -> None:
    """A frame around the plate, as dealers fit them."""
    middle = corners.mean(axis=0)
    grown = middle + (corners - middle) * float(rng.uniform(1.04, 1.15))
    cv2.fillPoly(picture, [np.round(grown).astype(np.int32)], float(rng.uniform(0, 255)), cv2.LINE_AA)


def _blurred(lit: Floats, rng: Rng, strength: float) -> Floats:
    high, wide = lit.shape
    if rng.random() < 0.75 * strength:
        sigma = float(rng.uniform(0.2, 0.3 + 0.006 * wide))
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), sigma), np.float32)
    if rng.random() < 0.22 * strength:
        reach = float(rng.uniform(1.5, 2.5 + 0.03 * wide))
        angle = float(rng.normal(0, 0.5)) if rng.random() < 0.7 else float(rng.uniform(0, np.pi))
        count = max(3, 2 * int(np.ceil(reach)) + 1)
        kernel = np.zeros((count, count), np.float32)
        middle = count // 2
        ends = [
            (round(middle + s * np.cos(angle) * reach / 2), round(middle + s * np.sin(angle) * reach / 2))
            for s in (-1, 1)
        ]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1)
        lit = np.asarray(cv2.filter2D(lit, -1, kernel / kernel.sum()), np.float32)
    del high
    return lit
