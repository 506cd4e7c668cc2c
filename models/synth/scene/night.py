"""Turns a day's background into what an infrared lamp beside the camera shows."""

from __future__ import annotations

import cv2
import numpy as np

from models.synth.arrays import Image
from models.synth.scene.camera import Camera
from models.synth.scene.light import GAMMA, Light, to_display
from models.synth.scene.street import Backdrop


def after_dark(backdrop: Backdrop, camera: Camera, light: Light) -> Image:
    """The background in this light: unchanged by day; grey, near bright and far dark, under the lamp."""
    if not light.infrared:
        return backdrop.bgr
    rows, columns = backdrop.inverse.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    rays = camera.rays(np.stack([x, y], axis=-1))
    along = rays @ camera.axes()[2].astype(np.float32)
    distance = along_ray = 1.0 / np.maximum(backdrop.inverse, 1e-3) / np.maximum(along, 0.2)
    # The lamp's beam is a little narrower than the view.
    off = np.hypot(x - columns / 2, y - rows * 0.55) / camera.focal_px
    beam = np.exp(-((off / 0.34) ** 2))
    grey = cv2.cvtColor(backdrop.bgr, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255.0
    # Leaves are bright in infrared.
    grey = np.maximum(grey, backdrop.swaying.astype(np.float32) / 255.0 * 0.42)
    lamp = light.infrared * (10.0 / np.maximum(distance, 4.0)) ** 1.7 * beam
    street_lamps = sum(
        strength * np.exp(-(((along_ray - at) / 9.0) ** 2))
        for at, strength in ((40.0, 0.10), (66.0, 0.10), (92.0, 0.12))
    )
    received = light.ground_colour[0] * 1.6 + 0.55 * lamp + street_lamps
    sky = backdrop.inverse <= 0
    shown = to_display(np.where(sky, 0.006, grey**GAMMA * received))
    return np.asarray(np.repeat(np.clip(shown, 0, 255)[..., None], 3, axis=2), np.uint8)
