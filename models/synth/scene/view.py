"""How a frame is seen."""

from __future__ import annotations

from dataclasses import dataclass

from models.synth.scene.camera import Camera
from models.synth.scene.light import Light
from models.synth.scene.street import Backdrop


@dataclass(frozen=True, slots=True)
class View:
    """From where, in what light and how long a frame is exposed.

    Attributes:
        camera: the view of the background.
        light: what shines.
        exposure_s: how long the shutter stays open.
        backdrop: distances of the background, so that near trees and poles stand before far vehicles; None
            while the camera moves, when nobody could tell.
    """

    camera: Camera
    light: Light
    exposure_s: float = 0.002
    backdrop: Backdrop | None = None
