"""Puts a frame together: vehicles, their shadows and lamps, far to near, before and behind the background."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from models.synth.arrays import Floats, Image
from models.synth.scene import shadows
from models.synth.scene.fixing import Sighting, fix_plate, visible_plate
from models.synth.scene.raster import Layer, render
from models.synth.scene.street import Backdrop
from models.synth.scene.traffic import Present
from models.synth.scene.view import View


def compose(background: Image, present: list[Present], view: View) -> tuple[Image, list[Sighting]]:
    """Draws vehicles on a background.

    Args:
        background: (h, w, 3) uint8; written to.
        present: who is where.
        view: how it is seen.

    Returns:
        The frame and its plates, far to near.
    """
    camera, light = view.camera, view.light
    near_last = sorted(present, key=lambda item: -item.pose.y)
    if light.infrared:
        for item in near_last:
            if len(item.vehicle.head_lamps):
                shadows.road_light(background, item.vehicle, item.pose, camera)
    sightings: list[Sighting] = []
    for item in near_last:
        shadows.cast(background, item, view)
        layer = render(item.vehicle.mesh, item.vehicle.skin, item.pose, camera, light)
        if layer is None:
            continue
        mount = visible_plate(item.vehicle, item.pose, camera)
        fresh = None
        if mount is not None:
            layer, fresh = fix_plate(layer, mount, item.pose, item.passage, camera, light)
        layer = _smeared(layer, item, view)
        if view.backdrop is not None:
            layer, fresh = _behind(layer, fresh, item, view.backdrop)
        sightings = [_covered(sighting, layer) for sighting in sightings]
        _lay(background, layer, item.strength)
        if fresh is not None:
            sightings.append(fresh)
        if light.infrared:
            shadows.shine(background, item.vehicle, item.pose, camera)
    return background, sightings


def _behind(
    layer: Layer, sighting: Sighting | None, item: Present, backdrop: Backdrop
) -> tuple[Layer, Sighting | None]:
    """Takes away what trees, poles and walls before the vehicle hide."""
    rows, columns = layer.alpha.shape
    near = max(1.0, item.pose.y - item.vehicle.length / 2 - 1.2)
    window = (slice(layer.y, layer.y + rows), slice(layer.x, layer.x + columns))
    hides = (backdrop.inverse[window] > 1 / near) & (backdrop.ground[window] < 128)
    if not hides.any():
        return layer, sighting
    free = cv2.GaussianBlur((~hides).astype(np.float32), (0, 0), 0.6)
    if sighting is not None:
        x0, y0 = np.clip(
            np.floor(sighting.quad.min(axis=0)).astype(int) - [layer.x, layer.y], 0, [columns, rows]
        )
        x1, y1 = np.clip(
            np.ceil(sighting.quad.max(axis=0)).astype(int) - [layer.x, layer.y], 0, [columns, rows]
        )
        covered = hides[y0:y1, x0:x1]
        sighting = replace(sighting, hidden=float(covered.mean()) if covered.size else 0.0)
    return Layer(layer.bgr * free[..., None], layer.alpha * free, layer.x, layer.y), sighting


def _smeared(layer: Layer, item: Present, view: View) -> Layer:
    """Blurs a layer along its way during the exposure."""
    start = np.array([item.pose.x, item.pose.y, 0.6])
    step = np.array([*item.velocity, 0.0]) * view.exposure_s
    pixels, depth = view.camera.project(np.stack([start, start + step]))
    if depth.min() < 1.0:
        return layer
    way = pixels[1] - pixels[0]
    length = float(np.linalg.norm(way))
    if length < 0.8:
        return layer
    kernel = motion_kernel(way)
    bgr = np.asarray(cv2.filter2D(layer.bgr, -1, kernel), np.float32)
    alpha = np.asarray(cv2.filter2D(layer.alpha, -1, kernel), np.float32)
    return Layer(bgr, alpha, layer.x, layer.y)


def motion_kernel(way: Floats) -> Floats:
    """(n, n) float32 kernel that smears along a way (2,) in px, exact to parts of a pixel."""
    half = int(np.ceil(float(np.abs(way).max()) / 2)) + 1
    size = 2 * half + 1
    kernel = np.zeros((size + 1, size + 1), np.float64)
    steps = 8 * size
    for share in (np.arange(steps) + 0.5) / steps - 0.5:
        x, y = half + way[0] * share, half + way[1] * share
        column, row = int(x), int(y)
        right, down = x - column, y - row
        kernel[row, column] += (1 - right) * (1 - down)
        kernel[row, column + 1] += right * (1 - down)
        kernel[row + 1, column] += (1 - right) * down
        kernel[row + 1, column + 1] += right * down
    kernel = kernel[:size, :size]
    return np.asarray(kernel / kernel.sum(), np.float32)


def _covered(sighting: Sighting, layer: Layer) -> Sighting:
    """How much of an earlier plate a nearer layer hides."""
    low, high = (
        np.floor(sighting.quad.min(axis=0)).astype(int),
        np.ceil(sighting.quad.max(axis=0)).astype(int),
    )
    rows, columns = layer.alpha.shape
    x0, y0 = max(0, low[0] - layer.x), max(0, low[1] - layer.y)
    x1, y1 = min(columns, high[0] - layer.x), min(rows, high[1] - layer.y)
    if x1 <= x0 or y1 <= y0:
        return sighting
    area = float((high[0] - low[0]) * (high[1] - low[1]))
    hidden = min(1.0, sighting.hidden + float(layer.alpha[y0:y1, x0:x1].sum()) / area)
    return Sighting(
        sighting.passage, sighting.quad, sighting.width_px, sighting.inside, hidden, sighting.distance_m
    )


def _lay(frame: Image, layer: Layer, strength: float) -> None:
    rows, columns = layer.alpha.shape
    region = frame[layer.y : layer.y + rows, layer.x : layer.x + columns]
    alpha = layer.alpha[..., None] * strength
    region[:] = np.clip(region * (1 - alpha) + layer.bgr * strength, 0, 255).astype(np.uint8)
