"""The cameras of the rendered test set: a pinhole in space, light in linear units, a sensor, an encoder.

No training uses them: its views are drawn in grey levels by `models.reader.view` and `models.synth.training`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import av
import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Rng
from models.synth.testplates import Surface

_OVER = 2
"""A picture is drawn so many times finer than the sensor's pixels."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a vehicle's end.

    Attributes:
        bgr: (h, w, 3) uint8.
        quad: (4, 2) px, the plate's corners from its top left clockwise.
        chars: (n, 4, 2) px, the corners of each character's box.
        contrast: grey levels between characters and their ground that are left.
        fidelity: correlation 0..1 of the worst character with what a perfect lens, sensor and encoder would show.
        truth: the same with the characters as they are: neither glare nor a shadow's edge hides a part of one.
    """

    bgr: Image
    quad: Floats
    chars: Floats
    contrast: float
    fidelity: float
    truth: float


@dataclass(frozen=True, slots=True)
class Pose:
    """How the plate stands to the camera: degrees, px and times its own width."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    wide_px: float
    far: float


def random_pose(rng: Rng, wide_px: float) -> Pose:
    """A camera beside or above the lane; one in five steep, up to 45 degrees."""
    steep = rng.random() < 0.2
    turn = float(rng.uniform(20, 45)) if steep else float(abs(rng.normal(0, 12)))
    way = float(rng.uniform(0, 2 * np.pi))
    yaw = float(np.clip(turn * np.cos(way), -45, 45)) * 0.999
    pitch = float(np.clip(turn * abs(np.sin(way)) * 0.8, 0, 40))
    return Pose(yaw, pitch, float(np.clip(rng.normal(0, 3), -12, 12)), wide_px, float(rng.uniform(6, 40)))


def corners(points: Floats, plate: tuple[int, int, int, int], pose: Pose) -> Floats:
    """Where points (n, 2) of a surface appear, px from the plate's middle."""
    x, y, w, h = plate
    flat = (points - [x + w / 2, y + h / 2]) / w
    yaw, pitch, roll = np.radians([pose.yaw_deg, pose.pitch_deg, pose.roll_deg])
    turned = np.column_stack([flat, np.zeros(len(flat))])
    for a, b, angle in ((0, 2, yaw), (1, 2, pitch), (0, 1, roll)):
        one, other = turned[:, a].copy(), turned[:, b].copy()
        turned[:, a] = one * np.cos(angle) - other * np.sin(angle)
        turned[:, b] = one * np.sin(angle) + other * np.cos(angle)
    depth = pose.far + turned[:, 2]
    return np.asarray(turned[:, :2] * (pose.far / depth)[:, None] * pose.wide_px)


def shoot(scene: Surface, pose: Pose, *, night: bool, rng: Rng) -> Shot:
    """Take the picture.

    Args:
        scene: a vehicle's end.
        pose: how it stands.
        night: under the camera's infrared lamp instead of by day.
        rng: chance.
    """
    x, y, w, h = scene.plate
    square = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float64)
    quad = corners(square, scene.plate, pose)
    low, high = quad.min(axis=0), quad.max(axis=0)
    margin = 0.16 * (high - low) + 3
    size = np.maximum(np.ceil(high - low + 2 * margin), 16).astype(int)
    shift = margin - low
    warp = cv2.getPerspectiveTransform(square.astype(np.float32), ((quad + shift) * _OVER).astype(np.float32))
    whole = (int(size[0]) * _OVER, int(size[1]) * _OVER)
    source = scene.night if night else scene.day
    light = np.asarray(
        cv2.warpPerspective(source, warp, whole, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )
    lit = _night(light, rng) if night else _day(light, rng)
    focused = _lens(lit, pose, rng)
    small = cv2.resize(focused, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    levels = _sensor(np.asarray(small, np.float32), rng)
    clean = np.asarray(np.clip(levels, 0, 255), np.uint8)
    boxes = np.concatenate([[[a, b], [a + c, b], [a + c, b + d], [a, b + d]] for a, b, c, d in scene.chars])
    chars = (corners(boxes.astype(np.float64), scene.plate, pose) + shift).reshape(-1, 4, 2)
    seen = _encoded(clean, rng)
    whole_light = light if light.ndim == 3 else light[..., None]
    fidelity, truth = (_fidelity(seen, _perfect(ideal, seen.shape), chars) for ideal in (lit, whole_light))
    return Shot(seen, quad + shift, chars, _contrast(seen, chars), fidelity, truth)


def _perfect(light: Floats, shape: tuple[int, ...]) -> Floats:
    """Light (h, w, 1 or 3) as a perfect camera shows it in a picture of this shape, channels' mean (h, w)."""
    tone = np.clip(light, 0, 1).mean(axis=2) ** np.float32(0.45)
    return np.asarray(cv2.resize(tone, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def _day(light: Floats, rng: Rng) -> Floats:
    """Sun and sky on a surface (h, w, 3): uneven light, the hard edge of a shadow, the sun's own glare."""
    high, wide = light.shape[:2]
    yy, xx = np.mgrid[0:high, 0:wide].astype(np.float32) / [[[high]], [[wide]]]
    sun = 1 + float(rng.normal(0, 0.2)) * (xx - 0.5) + float(rng.normal(0, 0.3)) * (yy - 0.5)
    if rng.random() < 0.22:
        angle, offset = float(rng.uniform(0, np.pi)), float(rng.normal(0, 0.2))
        side = (xx - 0.5) * np.cos(angle) + (yy - 0.5) * np.sin(angle) - offset
        sun *= 1 - float(rng.uniform(0.4, 0.8)) / (1 + np.exp(-side * float(rng.uniform(15, 200))))
    if rng.random() < 0.12:
        x, y = rng.uniform(0, 1, 2)
        spot = np.exp(-(((xx - x) / rng.uniform(0.05, 0.2)) ** 2) - ((yy - y) / rng.uniform(0.1, 0.4)) ** 2)
        light = light + (spot * float(rng.uniform(0.1, 0.5))).astype(np.float32)[..., None]
    cast = np.clip(rng.normal(1, 0.08, 3), 0.7, 1.3).astype(np.float32)
    veil = float(rng.exponential(0.015))
    exposure = float(np.exp(rng.normal(0, 0.35))) * (0.5 if rng.random() < 0.15 else 1.0)
    return np.asarray((light * sun.astype(np.float32)[..., None] * cast + veil) * exposure, np.float32)


def _night(light: Floats, rng: Rng) -> Floats:
    """A lamp beside the camera on a surface (h, w): a bright plate in the dark, at times far too bright."""
    high, wide = light.shape
    yy, xx = np.mgrid[0:high, 0:wide].astype(np.float32) / [[[high]], [[wide]]]
    beam = np.exp(-(((xx - rng.normal(0.5, 0.15)) ** 2 + (yy - rng.normal(0.5, 0.15)) ** 2) / 1.6)).astype(
        np.float32
    )
    exposure = float(np.exp(rng.normal(-0.2, 0.4)))
    lit = light * beam * exposure
    if rng.random() < 0.25:  # over-exposed: light spills from the ground into the characters
        lit = lit * float(rng.uniform(1.5, 2.6))
        spill = cv2.GaussianBlur(np.clip(lit - 0.6, 0, None), (0, 0), 0.03 * wide)
        lit = lit + spill * float(rng.uniform(0.1, 0.45))
    if rng.random() < 0.3:  # a head or tail lamp beside the plate
        x, y = (
            float(rng.uniform(-0.1, 1.1)),
            float(rng.choice([rng.uniform(-0.15, 0.1), rng.uniform(0.9, 1.15)])),
        )
        far = ((xx - x) * wide) ** 2 + ((yy - y) * high) ** 2
        reach = float(rng.uniform(0.05, 0.16)) * wide
        lit = lit + (np.exp(-far / (2 * reach**2)) * 1.6 + 0.1 / (1 + far / (reach * 2) ** 2)).astype(
            np.float32
        )
    tint = np.array([1, 1, 1], np.float32) * (1 + rng.normal(0, 0.02, 3).astype(np.float32))
    return np.asarray((lit + float(rng.exponential(0.01)))[..., None] * tint, np.float32)


def _lens(lit: Floats, pose: Pose, rng: Rng) -> Floats:
    """Focus and motion, in px of the fine picture, small against a character."""
    unit = pose.wide_px * _OVER
    blur = float(rng.uniform(0.25, 0.55)) * _OVER + float(rng.exponential(0.0022)) * unit
    lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), min(blur, 0.014 * unit + 0.5 * _OVER)), np.float32)
    if rng.random() < 0.45:
        reach = min(float(rng.exponential(0.014)), 0.035) * unit
        angle = np.radians(float(rng.choice([rng.normal(0, 12), rng.normal(90, 15)])))
        count = 2 * int(np.ceil(reach / 2)) + 3
        kernel = np.zeros((count, count), np.float32)
        for step in np.linspace(-0.5, 0.5, 4 * count):
            x, y = count // 2 + step * reach * np.cos(angle), count // 2 + step * reach * np.sin(angle)
            kernel[int(np.clip(round(y), 0, count - 1)), int(np.clip(round(x), 0, count - 1))] += 1
        lit = np.asarray(cv2.filter2D(lit, -1, kernel / kernel.sum()), np.float32)
    return lit


def _sensor(lit: Floats, rng: Rng) -> Floats:
    """Photons, read-out, white level, tone and sharpening: grey levels (h, w, 3) float32."""
    full = float(np.exp(rng.uniform(np.log(400), np.log(9000))))
    noise = rng.standard_normal(lit.shape, dtype=np.float32)
    counts = lit * full
    noisy = (counts + noise * np.sqrt(np.clip(counts, 0, None) + float(rng.uniform(3, 60)))) / full
    if rng.random() < 0.6:  # smoothed by the camera
        noisy = cv2.GaussianBlur(noisy, (0, 0), 0.55)
    levels = 255 * np.clip(noisy, 0, 1) ** float(rng.uniform(0.38, 0.56)) * float(rng.uniform(0.85, 1.05))
    if rng.random() < 0.45:
        soft = cv2.GaussianBlur(levels, (0, 0), 1.0)
        levels = levels + (levels - soft) * float(rng.uniform(0.2, 1.2))
    return np.asarray(levels, np.float32)


def _parts(grey: Floats, chars: Floats) -> list[Floats]:
    """What lies in the upright box of each character, (h, w) each."""
    found = []
    for box in chars:
        (x0, y0), (x1, y1) = np.floor(box.min(axis=0)).astype(int), np.ceil(box.max(axis=0)).astype(int)
        found.append(grey[max(y0, 0) : y1, max(x0, 0) : x1])
    return found


def _contrast(seen: Image, chars: Floats) -> float:
    """Grey levels between the darkest and the brightest tenth of the character that has least, channels' mean."""
    parts = _parts(seen.astype(np.float32).mean(axis=2), chars)
    return min(float(np.subtract(*np.percentile(part, (90, 10)))) if part.size else 0.0 for part in parts)


def _fidelity(seen: Image, ideal: Floats, chars: Floats) -> float:
    """Correlation of the worst character of a picture with a perfect one (h, w) of the same size."""
    pairs = zip(_parts(seen.astype(np.float32).mean(axis=2), chars), _parts(ideal, chars), strict=True)
    worst = 1.0
    for one, other in pairs:
        if one.size < 4 or one.std() < 1e-3 or other.std() < 1e-6:
            return 0.0
        worst = min(worst, float(np.corrcoef(one.ravel(), other.ravel())[0, 1]))
    return worst


def _encoded(clean: Image, rng: Rng) -> Image:
    """Through an encoder: H.264 as street cameras send it, or JPEG; seldom neither."""
    chance = rng.random()
    if chance < 0.55:
        return _h264(clean, crf=int(rng.integers(20, 33)), still=bool(rng.random() < 0.4))
    if chance < 0.93:
        packed = cv2.imencode(".jpg", clean, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])[1]
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return clean


def _h264(clean: Image, *, crf: int, still: bool) -> Image:
    """The last of three frames of a moving picture, or of one that stands still, after H.264."""
    high, wide = ((side + 1) // 2 * 2 for side in clean.shape[:2])
    even = cv2.copyMakeBorder(clean, 0, high - clean.shape[0], 0, wide - clean.shape[1], cv2.BORDER_REPLICATE)
    buffer = BytesIO()
    with av.open(buffer, mode="w", format="matroska") as container:
        track = container.add_stream("libx264", rate=Fraction(25))
        track.width, track.height, track.pix_fmt = wide, high, "yuv420p"
        track.options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "bf": "0"}
        for number in range(3):
            step = 0 if still else 2 - number
            moved = np.roll(even, (-step, -2 * step), axis=(0, 1)).astype(np.uint8)
            for packet in track.encode(av.VideoFrame.from_ndarray(moved, format="bgr24")):
                container.mux(packet)
        for packet in track.encode(None):
            container.mux(packet)
    buffer.seek(0)
    with av.open(buffer, mode="r") as film:
        *_, last = film.decode(video=0)
    return np.asarray(last.to_ndarray(format="bgr24")[: clean.shape[0], : clean.shape[1]], np.uint8)
