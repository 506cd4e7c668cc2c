"""What a vehicle does to the ground: its shadow, and at night the light of its lamps."""

from __future__ import annotations

import cv2
import numpy as np

from models.synth.arrays import Floats, Image
from models.synth.scene.camera import Camera
from models.synth.scene.raster import Pose
from models.synth.scene.traffic import Present
from models.synth.scene.vehicles import Vehicle
from models.synth.scene.view import View

_COARSE = 2


def cast(frame: Image, item: Present, view: View) -> None:
    """Darkens the ground below and beside a vehicle.

    Args:
        frame: (h, w, 3) uint8, written to.
        item: who throws the shadow.
        view: how it is seen; where its backdrop is known, only ground is darkened.
    """
    vehicle, pose = item.vehicle, item.pose
    camera, light = view.camera, view.light
    points = pose.to_world(vehicle.outline)
    sun = np.array(light.sun)
    fallen = points[:, :2] - sun[:2] * (points[:, 2:3] / sun[2])
    half_w, half_l = vehicle.width / 2, vehicle.length / 2
    feet = pose.to_world(
        np.array(
            [
                [x, y, 0.0]
                for x, y in ((-half_w, -half_l), (half_w, -half_l), (half_w, half_l), (-half_w, half_l))
            ]
        )
    )
    scale = camera.focal_px / max(2.0, pose.y - camera.position[1])
    hull = cv2.convexHull(fallen.astype(np.float32))[:, 0]
    for outline, darkness, soft_px in (
        (hull, light.shadow, max(0.6, 0.05 * scale)),
        (feet[:, :2], 0.62, max(1.0, 0.13 * scale)),
    ):
        found = _shade(camera, outline, soft_px)
        if found is None:
            continue
        window, mask = found
        if view.backdrop is not None:
            mask = np.minimum(mask, view.backdrop.ground[window])
        factor = 1 - mask.astype(np.float32) * (darkness * item.strength / 255.0)
        region = frame[window]
        region[:] = (region * factor[..., None]).astype(np.uint8)


def _shade(camera: Camera, ground: Floats, soft_px: float) -> tuple[tuple[slice, slice], Image] | None:
    """The soft picture (h, w) uint8 of a patch of ground (n, 2), and its rows and columns in the frame."""
    pixels, depth = camera.project(np.column_stack([ground, np.zeros(len(ground))]))
    if depth.min() < 1.0:
        return None
    margin = 3 * soft_px
    low, high = pixels.min(axis=0) - margin, pixels.max(axis=0) + margin
    left, top = int(max(0, low[0])), int(max(0, low[1]))
    right, bottom = int(min(camera.width_px, high[0])), int(min(camera.height_px, high[1]))
    if right - left < 4 or bottom - top < 4:
        return None
    mask = np.zeros((-(-(bottom - top) // _COARSE), -(-(right - left) // _COARSE)), np.uint8)
    polygon = np.round((pixels - [left, top]) / _COARSE * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, polygon, 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), soft_px / _COARSE)
    full = cv2.resize(soft, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return (slice(top, bottom), slice(left, right)), np.asarray(full, np.uint8)


def shine(frame: Image, vehicle: Vehicle, pose: Pose, camera: Camera) -> None:
    """Adds the glow of lamps that look into the camera. ``frame`` is written to."""
    eye = np.array(camera.position)
    for lamps, power, forward in ((vehicle.head_lamps, 1.0, 1.0), (vehicle.tail_lamps, 0.22, -1.0)):
        direction = pose.matrix() @ np.array([0.0, forward, 0.0])
        for lamp in pose.to_world(lamps):
            away = eye - lamp
            distance = float(np.linalg.norm(away))
            towards = float(away @ direction) / distance
            if towards <= 0.05:
                continue
            pixel, depth = camera.project(lamp)
            if depth > 1.0:
                _glow(frame, pixel, power * towards**3, 0.10 * camera.focal_px / distance)


def _glow(frame: Image, pixel: Floats, power: float, core_px: float) -> None:
    reach = round(core_px * 9 + 26)
    x, y = round(float(pixel[0])), round(float(pixel[1]))
    left, top = max(0, x - reach), max(0, y - reach)
    right, bottom = min(frame.shape[1], x + reach), min(frame.shape[0], y + reach)
    if right <= left or bottom <= top:
        return
    dy, dx = np.mgrid[top:bottom, left:right].astype(np.float32)
    square = (dx - float(pixel[0])) ** 2 + (dy - float(pixel[1])) ** 2
    halo = 300 * np.exp(-square / (2 * core_px**2)) + 66 / (1 + square / (core_px * 2.0 + 4) ** 2)
    edge = np.clip(1 - np.sqrt(square) / reach, 0, 1)
    region = frame[top:bottom, left:right]
    region[:] = np.clip(region + (halo * edge * power)[..., None], 0, 255).astype(np.uint8)


def road_light(frame: Image, vehicle: Vehicle, pose: Pose, camera: Camera) -> None:
    """Adds the pool of light that head lamps throw on the road ahead. ``frame`` is written to."""
    picture = _pool()
    ahead = vehicle.length / 2
    local = np.array(
        [[-2.0, ahead + 14, 0], [2.0, ahead + 14, 0], [2.0, ahead - 0.5, 0], [-2.0, ahead - 0.5, 0.0]]
    )
    corners = pose.to_world(local)
    pixels, depth = camera.project(corners)
    if depth.min() < 2.0:
        return
    low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int)
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(camera.width_px, int(high[0])), min(camera.height_px, int(high[1]))
    if right - left < 2 or bottom - top < 2:
        return
    rows, columns = picture.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    warp = cv2.getPerspectiveTransform(source, (pixels - [left, top]).astype(np.float32))
    light = cv2.warpPerspective(picture, warp, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    region = frame[top:bottom, left:right]
    region[:] = np.clip(region * (1 + 1.6 * light[..., None]) + 20 * light[..., None], 0, 255).astype(
        np.uint8
    )


def _pool() -> Floats:
    """Two beams, far edge first, (h, w) float32."""
    y, x = np.mgrid[1.0:0.0:70j, -1.0:1.0:60j]
    beams = sum(np.exp(-(((x - side) / (0.16 + 0.34 * y)) ** 2)) for side in (-0.34, 0.34))
    return np.asarray(beams * np.exp(-((y - 0.3) ** 2) / 0.09) * (1 - y) ** 0.5, np.float32)
