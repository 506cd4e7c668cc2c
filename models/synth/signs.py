"""Lettering that is no plate: names on boots, taxis' doors, telephone numbers, stickers, and cameras' own print.

A detector now and then takes such lettering for a plate, and a reader that has only seen plates reads it. Here
it is drawn on the paint of vehicles, on real windows of train scenes where there are any, or on a drawn wall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from models.synth.arrays import Floats, Image, Rng, pick
from models.synth.freeprint import smooth
from models.synth.words import MODELS, PAINTED, ROUTES, STICKERS, TRIMS, WALLS, digits, telephone, time_stamp


@dataclass(frozen=True, slots=True)
class Sign:
    """A picture of lettering.

    Attributes:
        bgr: (h, w, 3) uint8, as a detector's box would cut it.
        says: what is written.
        kind: "name", "painted", "sticker", "board", "wall" or "overlay".
    """

    bgr: Image
    says: str
    kind: str


def ink(text: str, face: str, height_px: int, *, slant: float = 0.0, spread: float = 0.0) -> Image:
    """Lettering as a mask.

    Args:
        text: what to write.
        face: file of a typeface, or "" for OpenCV's own.
        height_px: of a capital.
        slant: how far the tops lean to the right, share of the height.
        spread: additional room between characters, share of the height.

    Returns:
        (h, w) uint8, 255 = ink, with a little room around.
    """
    room = max(2, height_px // 6)
    if face:
        font = ImageFont.truetype(face, max(6, round(height_px * 1.38)))
        wide = sum(font.getlength(c) + spread * height_px for c in text)
        sheet = Pillow.new("L", (int(wide) + 4 * room, round(height_px * 2.2)))
        brush = ImageDraw.Draw(sheet)
        x = 2.0 * room
        for character in text:
            brush.text((x, round(height_px * 1.5)), character, font=font, fill=255, anchor="ls")
            x += font.getlength(character) + spread * height_px
        mask = np.asarray(sheet, np.uint8)
    else:
        mask = np.zeros(
            (round(height_px * 2.2), round(len(text) * height_px * (1.1 + spread)) + 4 * room), np.uint8
        )
        thick = max(1, height_px // 9)
        cv2.putText(
            mask, text, (2 * room, round(height_px * 1.5)), 0, height_px / 21, 255, thick, cv2.LINE_AA
        )
    if slant:
        lean = np.array([[1, -slant, slant * height_px * 1.5], [0, 1, 0]], np.float32)
        mask = np.asarray(
            cv2.warpAffine(mask, lean, (mask.shape[1] + round(slant * height_px), mask.shape[0])), np.uint8
        )
    x, y, w, h = cv2.boundingRect(np.asarray(mask > 40, np.uint8))
    if not w:
        return np.zeros((height_px, height_px), np.uint8)
    tight = mask[y : y + h, x : x + w]
    return np.asarray(
        cv2.copyMakeBorder(tight, room, room, room, room, cv2.BORDER_CONSTANT, value=0), np.uint8
    )


def _colour(rng: Rng) -> Floats:
    """A vehicle's paint or a letter's, BGR 0..255."""
    if rng.random() < 0.5:
        return np.full(3, float(rng.uniform(8, 245)), np.float32) + rng.normal(0, 6, 3).astype(np.float32)
    hue = np.array([[[rng.integers(180), rng.integers(90, 256), rng.integers(50, 256)]]], np.uint8)
    return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0], np.float32)


def _unlike(ground: Floats, rng: Rng) -> Floats:
    """A letter's colour that stands out from its ground."""
    for _ in range(20):
        colour = _colour(rng)
        if abs(float(colour.mean() - ground.mean())) > 60:
            return colour
    return np.full(3, 240.0 if ground.mean() < 128 else 15.0, np.float32)


def bodywork(rng: Rng, shape: tuple[int, int]) -> Floats:
    """(h, w, 3) float32: paint with a reflection, a seam or an edge."""
    high, wide = shape
    picture = np.ones((high, wide, 3), np.float32) * _colour(rng)
    light = np.linspace(
        1 + float(rng.normal(0, 0.25)), 1 + float(rng.normal(0, 0.25)), high, dtype=np.float32
    )
    picture = (
        picture * light[:, None, None]
        + ((smooth(rng, shape, 3) - 0.5) * float(rng.uniform(0, 70)))[..., None]
    )
    for _ in range(int(rng.integers(0, 3))):
        y = float(rng.uniform(0, high))
        ends = ((0, round(y)), (wide, round(y + rng.normal(0, 0.08) * wide)))
        tone = float(rng.uniform(0, 255))
        cv2.line(picture, ends[0], ends[1], (tone, tone, tone), int(rng.integers(1, 5)), cv2.LINE_AA)
    return np.clip(picture, 0, 255)


def _background(rng: Rng, shape: tuple[int, int], windows: Sequence[Image]) -> Floats:
    """A real window if there are any, two times in three; drawn bodywork otherwise."""
    if not windows or rng.random() < 0.34:
        return bodywork(rng, shape)
    window = pick(rng, windows)
    if rng.random() < 0.5:
        window = np.asarray(cv2.flip(window, 1), np.uint8)
    grow = max(shape[0] / window.shape[0], shape[1] / window.shape[1], 1.0)
    if grow > 1:
        window = np.asarray(cv2.resize(window, None, fx=grow * 1.02, fy=grow * 1.02), np.uint8)
    y, x = (int(rng.integers(0, a - b + 1)) for a, b in zip(window.shape[:2], shape, strict=True))
    return window[y : y + shape[0], x : x + shape[1]].astype(np.float32)


def _set_on(picture: Floats, mask: Image, at: tuple[int, int]) -> Floats:
    """Cover (h, w, 1) 0..1 of a mask whose top left corner is at (x, y)."""
    high, wide = picture.shape[:2]
    cover = np.zeros((high, wide), np.float32)
    x, y = at
    part = mask[: high - y, : wide - x]
    cover[y : y + part.shape[0], x : x + part.shape[1]] = part.astype(np.float32) / 255
    return np.asarray(cover[..., None], np.float32)


def _name(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """A model's name in chrome or black on a boot."""
    text = pick(rng, MODELS) if rng.random() < 0.65 else pick(rng, TRIMS)
    mask = ink(
        text, face, 48, slant=float(pick(rng, (0, 0, 0.2, 0.3))), spread=float(pick(rng, (0, 0.1, 0.35)))
    )
    picture, at = _around(mask, rng, windows)
    cover = _set_on(picture, mask, at)
    shade = np.asarray(cv2.GaussianBlur(np.roll(cover[..., 0], (2, 2), axis=(0, 1)), (0, 0), 1.5), np.float32)
    picture = picture * (1 - 0.6 * shade[..., None])
    if rng.random() < 0.7:  # chrome shows sky above and ground below
        sky, ground = float(rng.uniform(180, 250)), float(rng.uniform(30, 140))
        steps = np.linspace(0, 1, picture.shape[0], dtype=np.float32)
        horizon = float(rng.uniform(0.4, 0.65))
        tone = np.where(steps < horizon, sky - 40 * steps, ground + (sky - ground) * (steps - horizon))
        metal = tone[:, None, None].astype(np.float32) * np.ones((1, picture.shape[1], 3), np.float32)
    else:
        metal = np.broadcast_to(_unlike(picture.mean(axis=(0, 1)), rng), picture.shape)
    return picture * (1 - cover) + metal * cover, text


def _painted(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """Words or a telephone number painted on a body, often on a band of another colour."""
    text = telephone(rng) if rng.random() < 0.45 else pick(rng, PAINTED)
    mask = ink(text, face, 48, spread=float(pick(rng, (0, 0, 0.15))))
    picture, at = _around(mask, rng, windows)
    if rng.random() < 0.35:
        y0, y1 = max(0, at[1] - 6), min(picture.shape[0], at[1] + mask.shape[0] + 6)
        picture[y0:y1] = picture[y0:y1] * 0.15 + _colour(rng) * 0.85
    cover = _set_on(picture, mask, at)
    letter = _unlike(picture[cover[..., 0] > 0.5].mean(axis=0), rng)
    return picture * (1 - cover) + letter * cover, text


def _sticker(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """A sticker with its own ground: words, a telephone number, or a speed limit in its circle."""
    if rng.random() < 0.2:
        return _limit(rng, face, windows)
    text = pick(rng, STICKERS) if rng.random() < 0.7 else telephone(rng)
    mask = ink(text, face, 48)
    picture, at = _around(mask, rng, windows)
    ground = _colour(rng)
    y, x = at[1], at[0]
    label = np.zeros(mask.shape, np.uint8)
    cv2.rectangle(label, (1, 1), (mask.shape[1] - 2, mask.shape[0] - 2), 255, -1)
    under = _set_on(picture, label, (x, y))
    picture = picture * (1 - under) + ground * under
    cover = _set_on(picture, mask, at)
    return picture * (1 - cover) + _unlike(ground, rng) * cover, text


def _limit(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """The round sign of a speed limit on the back of a bus or a lorry."""
    text = pick(rng, ("60", "80", "100", "30", "120"))
    mask = ink(text, face, 44)
    side = round(max(mask.shape) * 1.5)
    picture = _background(rng, (side + 30, side + 50), windows)
    middle = (picture.shape[1] // 2, picture.shape[0] // 2)
    cv2.circle(picture, middle, side // 2, (235.0, 238.0, 238.0), -1, cv2.LINE_AA)
    cv2.circle(picture, middle, side // 2, (40.0, 40.0, 190.0), max(3, side // 10), cv2.LINE_AA)
    cover = _set_on(picture, mask, (middle[0] - mask.shape[1] // 2, middle[1] - mask.shape[0] // 2))
    return picture * (1 - cover) + 20.0 * cover, text


def _board(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """A bus's route in lights or on a board."""
    text = f"{digits(rng, 3)} {pick(rng, ROUTES)}" if rng.random() < 0.6 else pick(rng, ROUTES)
    mask = ink(text, face if rng.random() < 0.4 else "", 48)
    picture, at = _around(mask, rng, windows)
    picture = picture * 0.08 + float(rng.uniform(5, 40))
    colour = np.array(
        pick(rng, ((30, 150, 255), (60, 230, 250), (80, 255, 120), (235, 235, 235))), np.float32
    )
    if rng.random() < 0.75:
        dots = max(3, mask.shape[0] // 14)
        coarse = cv2.resize(
            mask, (mask.shape[1] // dots, mask.shape[0] // dots), interpolation=cv2.INTER_AREA
        )
        lamps = np.zeros((coarse.shape[0] * dots, coarse.shape[1] * dots), np.uint8)
        for row, column in np.argwhere(coarse > 90):
            at_lamp = (int(column * dots + dots // 2), int(row * dots + dots // 2))
            cv2.circle(lamps, at_lamp, max(1, round(dots * 0.42)), 255, -1, cv2.LINE_AA)
        mask = lamps
    cover = _set_on(picture, mask, at)
    glow = cv2.GaussianBlur(cover, (0, 0), 4)[..., None] * 0.35
    return picture * (1 - cover) + colour * np.clip(cover + glow, 0, 1), text


def _wall(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """A house's number, a street's name, a shop's sign."""
    number = f"{int(rng.integers(1, 99))}-{int(rng.integers(1, 99)):02d}"
    way, suffix = pick(rng, ("CALLE", "CRA", "CL", "CR", "AV")), pick(rng, ("", "A", "B", " SUR"))
    street = f"{way} {int(rng.integers(1, 120))}{suffix}"
    text = pick(rng, (number, street, f"{street} # {number}", pick(rng, WALLS)))
    mask = ink(text, face, 48)
    picture, at = _around(mask, rng, windows)
    ground = np.array(
        pick(rng, ((60, 110, 20), (150, 70, 20), (240, 240, 240), (30, 30, 30), (40, 190, 240))), np.float32
    )
    picture = picture * 0.1 + ground * 0.9
    cover = _set_on(picture, mask, at)
    return picture * (1 - cover) + _unlike(ground, rng) * cover, text


def _overlay(rng: Rng, face: str, windows: Sequence[Image]) -> tuple[Floats, str]:
    """Print of the camera's own, on the pixel grid, often outlined."""
    text = time_stamp(rng)
    mask = ink(text, face if rng.random() < 0.5 else "", int(rng.integers(12, 40)))
    picture, at = _around(mask, rng, windows)
    if rng.random() < 0.25:
        picture = picture * float(rng.uniform(0, 0.5))
    cover = _set_on(picture, mask, at)
    light = np.array(
        pick(rng, ((255, 255, 255), (255, 255, 255), (40, 230, 250), (60, 255, 60), (20, 20, 20))), np.float32
    )
    if rng.random() < 0.5:
        rim = cv2.dilate(cover[..., 0], np.ones((3, 3), np.uint8))[..., None]
        picture = picture * (1 - rim) + (0.0 if light.mean() > 90 else 240.0) * rim
    return picture * (1 - cover) + light * cover, text


def _around(mask: Image, rng: Rng, windows: Sequence[Image]) -> tuple[Floats, tuple[int, int]]:
    """A background for a mask with the margins of a detector's box, and where the mask stands on it (x, y)."""
    high, wide = mask.shape
    left, right = (round(float(v) * wide) for v in rng.uniform(0, 0.12, 2))
    above, below = (round(float(v) * high) for v in rng.uniform(0, 0.35, 2))
    picture = _background(rng, (high + above + below, wide + left + right), windows)
    return picture, (left, above)


_KINDS: tuple[tuple[str, Callable[[Rng, str, Sequence[Image]], tuple[Floats, str]], float], ...] = (
    ("name", _name, 0.26),
    ("painted", _painted, 0.2),
    ("sticker", _sticker, 0.14),
    ("board", _board, 0.1),
    ("wall", _wall, 0.08),
    ("overlay", _overlay, 0.22),
)


def draw_sign(rng: Rng, faces: Sequence[str], windows: Sequence[Image] = ()) -> Sign:
    """Draw one.

    Args:
        rng: chance.
        faces: files of typefaces; may be none.
        windows: (h, w, 3) uint8 of streets and vehicles without a plate; may be none.
    """
    names, makers, shares = zip(*_KINDS, strict=True)
    which = int(np.searchsorted(np.cumsum(shares), rng.random() * sum(shares)))
    face = pick(rng, faces) if faces else ""
    picture, says = makers[which](rng, face, windows)
    sharp = np.asarray(np.clip(picture, 0, 255), np.uint8)
    return Sign(_seen(sharp, rng, printed=names[which] == "overlay"), says, names[which])


def _seen(picture: Image, rng: Rng, *, printed: bool) -> Image:
    """The sign at the size, angle, sharpness and compression of a street camera; print of a camera stays upright."""
    high, wide = picture.shape[:2]
    if not printed:
        turn = rng.normal(0, 0.06, (4, 2)) * [high, high] + [0, float(rng.normal(0, 0.04)) * wide]
        turn[[1, 2], 1] -= 2 * turn[[0, 3], 1].mean()
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        warp = cv2.getPerspectiveTransform(corners, (corners + turn).astype(np.float32))
        picture = np.asarray(
            cv2.warpPerspective(picture, warp, (wide, high), borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        small = float(np.exp(rng.uniform(np.log(40), np.log(240)))) / wide
        if small < 1:
            size = (max(24, round(wide * small)), max(10, round(high * small)))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    seen = picture.astype(np.float32)
    if not printed:
        seen = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.2, 1.3))).astype(np.float32)
        seen = seen * float(np.exp(rng.normal(-0.2, 0.35))) + float(rng.normal(4, 8))
    seen = seen + rng.normal(0, float(rng.exponential(3.0)), seen.shape).astype(np.float32)
    if rng.random() < 0.2:  # a camera under infrared light
        seen = np.repeat(seen.mean(axis=2, keepdims=True), 3, axis=2)
    packed = cv2.imencode(
        ".jpg", np.clip(seen, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))]
    )
    return np.asarray(cv2.imdecode(packed[1], cv2.IMREAD_COLOR), np.uint8)
