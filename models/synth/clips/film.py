"""Draws the frames of a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from models.synth.arrays import Image
from models.synth.clips.programme import Programme
from models.synth.scene import street
from models.synth.scene.camera import Camera
from models.synth.scene.fixing import Sighting
from models.synth.scene.frame import compose, motion_kernel
from models.synth.scene.garage import build
from models.synth.scene.night import after_dark
from models.synth.scene.traffic import Passage
from models.synth.scene.view import View
from models.synth.scene.walkers import crowd
from models.synth.scene.weather import Glass, Wind


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame with its truth.

    Attributes:
        bgr: (h, w, 3) uint8.
        sightings: its plates.
        preset: name of the view; "" while the camera moves.
    """

    bgr: Image
    sightings: list[Sighting]
    preset: str


class Film:
    """A clip, ready to be drawn frame by frame, in any order."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.passages = _passages(programme)
        self._crowd = crowd(programme.street, programme.people, programme.seconds)
        first = programme.presets[0].camera
        self._glass = Glass(programme.weather, (first.height_px, first.width_px), programme.seed)
        self._winds: dict[str, Wind] = {}
        self._backdrops: dict[str, street.Backdrop] = {}
        self._wide: tuple[Camera, Image] | None = None
        for preset in programme.presets:
            backdrop = street.paint(programme.street, preset.camera)
            picture = after_dark(backdrop, preset.camera, programme.light)
            self._backdrops[preset.name] = backdrop
            self._winds[preset.name] = Wind(
                picture, backdrop.swaying, programme.weather.wind_px, programme.seed
            )
        if len(programme.presets) > 1:
            wide = wide_camera([preset.camera for preset in programme.presets])
            self._wide = (
                wide,
                after_dark(street.paint(programme.street, wide, fineness=1.0), wide, programme.light),
            )

    def shot(self, index: int) -> Shot:
        """Draws one frame."""
        programme = self.programme
        time_s = index / programme.fps
        camera, preset = camera_at(programme, time_s)
        still = self._winds.get(preset)
        background = still.at(time_s, programme.seconds) if still else self._moving_background(camera)
        present = [item for passage in self.passages for item in passage.present(time_s, programme.seconds)]
        present += [item for walker in self._crowd if (item := walker.present(time_s)) is not None]
        view = View(camera, programme.light, programme.exposure_s, self._backdrops.get(preset))
        frame, sightings = compose(background, present, view)
        if not preset:
            frame = self._smear(frame, camera, time_s)
        return Shot(self._glass.expose(frame, index), sightings, preset)

    def _moving_background(self, camera: Camera) -> Image:
        if self._wide is None:
            raise ValueError(f"clip {self.programme.name}: a fixed camera does not move")
        wide, picture = self._wide
        size = (camera.width_px, camera.height_px)
        warped = cv2.warpPerspective(picture, wide.homography_to(camera), size, flags=cv2.INTER_LINEAR)
        return np.asarray(warped, np.uint8)

    def _smear(self, frame: Image, camera: Camera, time_s: float) -> Image:
        """The blur of a turning camera: where its middle goes while the shutter is open."""
        later, _ = camera_at(self.programme, time_s + 0.016)
        middle = np.array([camera.width_px / 2, camera.height_px / 2, 1.0])
        moved = camera.homography_to(later) @ middle
        way = moved[:2] / moved[2] - middle[:2]
        if float(np.linalg.norm(way)) < 1.5:
            return frame
        return np.asarray(cv2.filter2D(frame, -1, motion_kernel(way)), np.uint8)


def _passages(programme: Programme) -> list[Passage]:
    passages = []
    for number, (actor, spec) in enumerate(zip(programme.actors, programme.vehicle_specs(), strict=True)):
        vehicle = build(spec, lamps_on=programme.lamps_on)
        x = programme.street.road.lanes[actor.lane] + actor.shift
        lane = programme.lanes[actor.lane]
        meet_y = programme.meet_y if actor.meet_y is None else actor.meet_y
        passages.append(
            Passage(number, vehicle, x, lane, actor.away, actor.at_s, meet_y, actor.speed, actor.weave)
        )
    return passages


def camera_at(programme: Programme, time_s: float) -> tuple[Camera, str]:
    """The view at a time and its preset's name; "" while the camera moves. The last preset leads back to the first."""
    presets = programme.presets
    if len(presets) == 1:
        return presets[0].camera, presets[0].name
    time_s = time_s % programme.seconds
    for index, preset in enumerate(presets):
        if time_s < preset.until_s:
            return preset.camera, preset.name
        if time_s < preset.until_s + programme.move_s:
            share = (time_s - preset.until_s) / programme.move_s
            return _between(preset.camera, presets[(index + 1) % len(presets)].camera, share), ""
    return presets[0].camera, presets[0].name


def _between(first: Camera, second: Camera, share: float) -> Camera:
    eased = share * share * (3 - 2 * share)

    def mix(start: float, end: float) -> float:
        return start + (end - start) * eased

    return replace(
        first,
        yaw_deg=mix(first.yaw_deg, second.yaw_deg),
        pitch_deg=mix(first.pitch_deg, second.pitch_deg),
        focal_px=mix(first.focal_px, second.focal_px),
    )


def wide_camera(cameras: list[Camera]) -> Camera:
    """A view that holds all the others."""
    yaw = (min(c.yaw_deg for c in cameras) + max(c.yaw_deg for c in cameras)) / 2
    pitch = (min(c.pitch_deg for c in cameras) + max(c.pitch_deg for c in cameras)) / 2
    across = max(abs(c.yaw_deg - yaw) + np.degrees(np.arctan(c.width_px / 2 / c.focal_px)) for c in cameras)
    down = max(
        abs(c.pitch_deg - pitch) + np.degrees(np.arctan(c.height_px / 2 / c.focal_px)) for c in cameras
    )
    focal = min(c.focal_px for c in cameras) * 0.6
    width = round(2 * focal * np.tan(np.radians(across + 3)))
    height = round(2 * focal * np.tan(np.radians(down + 3)))
    return Camera(cameras[0].position, yaw, pitch, focal, int(width), int(height))
