"""Rendered street scenes for tests of whole passages: real nets look at them, and the truth is known."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from fakes import at

from edge.analyser import new_pipeline
from edge.emission import Emission
from edge.engine import Engine, build
from edge.pipeline import Pipeline
from edge.ports import Detector
from edge.settings import CameraSettings, VoteSettings
from edge.types import Bgr, Box, Detection, Frame
from models.synth.plates import PlateSpec
from models.synth.scene import street
from models.synth.scene.camera import Camera
from models.synth.scene.fixing import fix_plate
from models.synth.scene.frame import compose
from models.synth.scene.garage import VehicleSpec
from models.synth.scene.garage import build as build_vehicle
from models.synth.scene.light import DAY
from models.synth.scene.plan import Road, StreetSpec
from models.synth.scene.raster import Layer, Pose
from models.synth.scene.traffic import Present
from models.synth.scene.vehicles import PlateMount, Vehicle, mount
from models.synth.scene.view import View

FPS = 8
STREET = StreetSpec(9_000_011, Road((-1.65, 1.65), 3.3, 3.6, 1.9, two_way=True))
VOTE = VoteSettings()


@functools.cache
def engine(*, score: float | None = None) -> Engine:
    """The nets as shipped, on one thread; `score` in place of the threshold that they were chosen at."""
    return build("openvino", threads=1, detector_score=score)


@functools.cache
def paint(camera: Camera) -> street.Backdrop:
    """The street as this camera sees it; some seconds of work."""
    return street.paint(STREET, camera, fineness=1.0)


def vehicle(
    plate: str, *, kind: str = "car", plate_class: str = "particular", seed: int = 9_000_700
) -> Vehicle:
    """A Colombian vehicle."""
    return build_vehicle(VehicleSpec(seed, kind, PlateSpec(plate, "CO", plate_class), colour="white"))


def on_the_side(vehicle: Vehicle, *, length_m: float = 0.9, z_m: float = 0.85) -> PlateMount:
    """The vehicle's plate once more, painted large on its right side."""
    image = vehicle.plates[0].image
    half_l, half_h = length_m / 2, length_m / 2 * image.size_mm[1] / image.size_mm[0]
    x = vehicle.width / 2 + 0.02
    corners = [
        (x, y, z_m + z)
        for y, z in ((-half_l, half_h), (half_l, half_h), (half_l, -half_h), (-half_l, -half_h))
    ]
    return PlateMount(np.array(corners), image)


def beside_the_rear_one(vehicle: Vehicle, *, x_m: float) -> PlateMount:
    """The vehicle's plate once more, behind, so far to the right."""
    _, y, z = vehicle.plates[1].corners.mean(axis=0)
    return mount(vehicle.plates[0].image, (x_m, y - 0.02, z), rear=True)


@dataclass(frozen=True)
class Seen:
    """A vehicle somewhere in the street, coming unless it is turned, with plates beside its own."""

    vehicle: Vehicle
    x: float
    y: float
    more: tuple[PlateMount, ...] = ()
    heading_deg: float = 180.0
    mps: float = 0.0


class Shown:
    """The detector as shipped, which is shown the plates that it was not taught to find: those painted on a side."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.plates: list[Box] = []
        self.both = 0

    @property
    def version(self) -> str:
        return self._detector.version

    def detect(
        self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
    ) -> list[Detection]:
        found = list(self._detector.detect(bgr, near=near, within=within))
        more = [Detection(p, 0.9) for p in self.plates if all(p.iou(d.box) < 0.1 for d in found)]
        self.both += bool(found and more)
        return found + more


class Scene:
    """A camera in a street, and a pipeline that looks.

    Args:
        camera: where it stands.
        score: in place of the detector's threshold.
        shows: whether the detector is shown the plates beside the vehicles' own.
        settings: of the camera.
    """

    def __init__(
        self, camera: Camera, *, score: float | None = None, shows: bool = False, **settings: object
    ) -> None:
        self.camera = camera
        self.backdrop = paint(camera)
        self.view = View(camera, DAY, 0.001)
        own = {"id": "cam", "url": "rtsp://127.0.0.1/cam", "countries": {"CO": 1}, **settings}
        self.settings = CameraSettings.model_validate(own)
        nets = engine(score=score)
        self.shown = Shown(nets.detector)
        nets = replace(nets, detector=self.shown) if shows else nets
        self.pipeline: Pipeline = new_pipeline(self.settings, VOTE, nets)
        self.now = 0.0
        self.said: list[Emission] = []
        self._rng = np.random.default_rng(3)

    def draw(self, seen: Sequence[Seen]) -> Bgr:
        """(h, w, 3) the street with these in it."""
        present = [
            Present(s.vehicle, Pose(s.x, s.y, s.heading_deg), (0.0, -s.mps), n) for n, s in enumerate(seen)
        ]
        bgr, _ = compose(self.backdrop.bgr.copy(), present, self.view)
        self.shown.plates = []
        for s in seen:
            for more in s.more:
                whole = Layer(bgr.astype(np.float32), np.ones(bgr.shape[:2], np.float32), 0, 0)
                layer, at_px = fix_plate(whole, more, Pose(s.x, s.y, s.heading_deg), 0, self.camera, DAY)
                if at_px is not None and at_px.inside:
                    self.shown.plates.append(_around(at_px.quad))
                bgr = np.clip(layer.bgr, 0, 255).astype(np.uint8)
        return bgr

    def behind_a_pole(self, bgr: Bgr, left: float, right: float) -> Bgr:
        """A pole before the camera, from one share of the width to another."""
        width = bgr.shape[1]
        cv2.rectangle(bgr, (round(left * width), 0), (round(right * width), bgr.shape[0]), (92, 96, 98), -1)
        return bgr

    def noisy(self, bgr: Bgr, *, gain: float = 1.0, sigma: float = 4.0) -> Bgr:
        """As a cheap camera takes it."""
        noise = self._rng.normal(0, sigma, bgr.shape).astype(np.float32)
        return np.clip(bgr.astype(np.float32) * gain + noise, 0, 255).astype(np.uint8)

    def feed(self, bgr: Bgr, *, step_s: float = 1 / FPS) -> None:
        """The next frame."""
        self.said += self.pipeline.feed(Frame("cam", at(self.now), bgr), now=at(self.now))
        self.now += step_s

    def end(self) -> list[Emission]:
        self.said += self.pipeline.flush(now=at(self.now))
        return self.said


def _around(quad: np.ndarray) -> Box:
    """The box of four corners, px."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    return Box(float(left), float(top), float(right - left), float(bottom - top))
