"""Fixes a plate on a vehicle's picture, in the light that falls on it, and tells where it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.synth.arrays import Floats, Image
from models.synth.scene.camera import Camera
from models.synth.scene.light import GAMMA, Light
from models.synth.scene.raster import Layer, Pose, region_of
from models.synth.scene.vehicles import PlateMount, Vehicle


@dataclass(frozen=True, slots=True)
class Sighting:
    """A plate in a frame.

    Attributes:
        passage: number of the passage.
        quad: (4, 2) px of the frame: top left, top right, bottom right, bottom left as read.
        width_px: mean length of its upper and lower edge.
        inside: whether it lies wholly in the frame.
        hidden: share that nearer vehicles cover, 0-1.
        distance_m: from the camera.
    """

    passage: int
    quad: Floats
    width_px: float
    inside: bool
    hidden: float
    distance_m: float


def visible_plate(vehicle: Vehicle, pose: Pose, camera: Camera) -> PlateMount | None:
    """The plate that faces the camera, if any."""
    eye = np.array(camera.position)
    for mount in vehicle.plates:
        centre = pose.to_world(mount.corners.mean(axis=0))
        towards = eye - centre
        if float(pose.matrix() @ mount.normal @ towards) / float(np.linalg.norm(towards)) > 0.2:
            return mount
    return None


def fix_plate(
    layer: Layer, mount: PlateMount, pose: Pose, number: int, camera: Camera, light: Light
) -> tuple[Layer, Sighting | None]:
    """Paints a plate on its vehicle's picture, which is written to.

    Returns:
        The picture, and the plate as passage ``number``'s sighting; None where it is out of the frame.
    """
    corners = pose.to_world(mount.corners)
    quad, depth = camera.project(corners)
    region = region_of(quad, camera, margin_px=1) if depth.min() > 0.8 else None
    if region is None:
        return layer, None
    local = region.inside(quad)
    picture = _reduced(mount.image.bgr, local)
    rows, columns = picture.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(source, local.astype(np.float32) - 0.5)
    size = (region.shape[1], region.shape[0])
    drawn = cv2.warpPerspective(picture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(region.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(local * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    distance = float(np.linalg.norm(corners.mean(axis=0) - np.array(camera.position)))
    lit = _lit(np.asarray(drawn, np.float32), mount, pose, camera, light, distance)
    small = (region.width, region.height)
    bgr = cv2.resize(lit, small, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(mask.astype(np.float32) / 255.0, small, interpolation=cv2.INTER_AREA)
    left, top = region.x - layer.x, region.y - layer.y
    rows_, columns_ = layer.alpha.shape
    x0, y0, x1, y1 = max(0, left), max(0, top), min(columns_, left + small[0]), min(rows_, top + small[1])
    if x1 > x0 and y1 > y0:
        cut = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        share = alpha[cut][..., None]
        spot = layer.bgr[y0:y1, x0:x1]
        spot[:] = spot * (1 - share) + bgr[cut] * share
        np.maximum(layer.alpha[y0:y1, x0:x1], alpha[cut], out=layer.alpha[y0:y1, x0:x1])
    width = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    low, high = quad.min(axis=0), quad.max(axis=0)
    inside = bool(low.min() >= 2 and high[0] <= camera.width_px - 3 and high[1] <= camera.height_px - 3)
    return layer, Sighting(number, quad, width, inside, 0.0, distance)


def _reduced(picture: Image, local: Floats) -> Image:
    wide = max(np.linalg.norm(local[1] - local[0]), np.linalg.norm(local[2] - local[3]))
    high = max(np.linalg.norm(local[3] - local[0]), np.linalg.norm(local[2] - local[1]))
    columns, rows = (
        min(picture.shape[1], max(4, round(float(wide)))),
        min(picture.shape[0], max(4, round(float(high)))),
    )
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def _lit(
    drawn: Floats, mount: PlateMount, pose: Pose, camera: Camera, light: Light, distance: float
) -> Floats:
    """The plate's colours in this light. Its film throws a lamp's light straight back."""
    normal = pose.matrix() @ mount.normal
    up = float(normal[2]) * 0.5 + 0.5
    sun = max(0.0, float(normal @ np.array(light.sun)))
    received = [
        (ground + (sky - ground) * up) * 0.9 + sun * shine
        for ground, sky, shine in zip(light.ground_colour, light.sky_colour, light.sun_colour, strict=True)
    ]
    if light.infrared:
        centre = pose.to_world(mount.corners.mean(axis=0))
        cosine = float(normal @ (np.array(camera.position) - centre)) / distance
        received = [value + 1.15 * light.infrared * (10.0 / distance) ** 1.2 * cosine for value in received]
    gain = np.array(received, np.float32) ** np.float32(1 / GAMMA)
    return np.asarray(np.clip(drawn * gain, 0, 255), np.float32)
