"""What counts in the picture while a camera looks at one place: a fixed camera's only one, or a preset's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.ground import GroundMap, GroundSettings, ground_map
from edge.settings import CameraSettings, LaneSettings, Polygon, PresetSettings
from edge.speed import Pace, fit
from edge.track import Direction, Track
from edge.types import Box

_MARGIN: Final = 0.05  # of the frame's width
_NOISE: Final = 0.03  # of a plate's width, by which a box's middle may be off


@dataclass(frozen=True, slots=True)
class Ground:
    """The street under a place, as far as it was measured."""

    settings: GroundSettings
    map: GroundMap

    def pace(self, track: Track, *, frame_size: tuple[int, int]) -> Pace | None:
        """How fast a plate goes; None where its sightings, in frames of this width and height, tell too little."""
        since = track.path[0][0]
        times = np.array([(at - since).total_seconds() for at, _ in track.path])
        middles = np.array([box.centre for _, box in track.path]) / frame_size
        off = _NOISE * np.array([box.width for _, box in track.path]) / frame_size[1]
        speed = fit(times, self.map.metres(middles), off * self.map.metres_a_share(middles))
        return Pace(speed, self.settings, track.direction == "receding") if speed is not None else None


@dataclass(frozen=True, slots=True)
class Place:
    """One place.

    Attributes:
        region: in which plates count, in shares of width and height; empty: everywhere.
        min_plate_px: narrower plates are not read.
        direction: which way vehicles pass, where a track does not tell.
        lanes: first come, first served where two overlap.
        ground: None: not measured.
    """

    region: Polygon
    min_plate_px: int
    direction: Direction | None = None
    lanes: tuple[LaneSettings, ...] = ()
    ground: Ground | None = None

    def counts(self, box: Box, *, frame_size: tuple[int, int]) -> bool:
        """Whether a plate (px, in a frame of this width and height) counts here."""
        return not self.region or _holds(self.region, box, frame_size)

    def within(self, *, frame_size: tuple[int, int]) -> Box | None:
        """The part of a frame in which plates that count lie whole, px; None: everywhere."""
        if not self.region:
            return None
        width, height = frame_size
        corners = np.array(self.region) * (width, height)
        margin = _MARGIN * width  # the middle of a plate counts
        left, top = np.maximum(corners.min(axis=0) - margin, 0.0)
        right, bottom = np.minimum(corners.max(axis=0) + margin, (width, height))
        return Box(float(left), float(top), float(right - left), float(bottom - top))

    def lane(self, box: Box, *, frame_size: tuple[int, int]) -> LaneSettings | None:
        """The lane that a plate is in, if any."""
        return next((lane for lane in self.lanes if _holds(lane.polygon, box, frame_size)), None)


def places(camera: CameraSettings) -> Mapping[str | None, Place]:
    """By preset; that of None is for a camera that does not turn, or of which nobody knows where it looks."""
    fixed = Place(
        region=camera.region,
        min_plate_px=camera.min_plate_px,
        lanes=camera.lanes,
        ground=_ground(camera.ground),
    )
    found: dict[str | None, Place] = {None: fixed}
    for preset in camera.ptz.presets if camera.ptz else ():
        found[preset.name] = _of_preset(camera, preset)
    return found


def _of_preset(camera: CameraSettings, preset: PresetSettings) -> Place:
    return Place(
        region=camera.region_at(preset.name),
        min_plate_px=preset.min_plate_px or camera.min_plate_px,
        direction=preset.direction,
        lanes=preset.lanes,
        ground=_ground(preset.ground),
    )


def _ground(settings: GroundSettings | None) -> Ground | None:
    return Ground(settings, ground_map(settings)) if settings is not None else None


def _holds(polygon: Polygon, box: Box, frame_size: tuple[int, int]) -> bool:
    outline = np.array(polygon, dtype=np.float32) * np.array(frame_size, dtype=np.float32)
    return bool(cv2.pointPolygonTest(outline, box.centre, measureDist=False) >= 0)
