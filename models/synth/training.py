"""Writes rendered plates and street scenes for training, in the form of the labelled pictures.

Nothing that belongs to the sample clips is drawn: plates come from the other side of the hash, seeds from
outside the reserved range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import yaml

from models.synth import lettering
from models.synth.arrays import Floats, Image, Rng, pick, stream
from models.synth.clips.truth import box
from models.synth.labels import LabelRow, write_labels
from models.synth.patterns import CLASSES, PlateClass
from models.synth.plates import PlateImage, PlateSpec, render_plate
from models.synth.reserved import check_training_seed
from models.synth.scene import street
from models.synth.scene.camera import Camera
from models.synth.scene.fixing import Sighting
from models.synth.scene.frame import compose
from models.synth.scene.garage import VehicleSpec, build
from models.synth.scene.light import AFTERNOON, DAY, NIGHT, OVERCAST, Light
from models.synth.scene.night import after_dark
from models.synth.scene.plan import StreetSpec, random_road
from models.synth.scene.traffic import Passage
from models.synth.scene.vehicles import Vehicle
from models.synth.scene.view import View
from models.synth.scene.weather import Glass, Weather
from models.synth.texts import sample_text

LICENCE = "AGPL-3.0-or-later"
_SCENES_PER_STREET = 24
_CO_SHARE = 0.55


@dataclass(frozen=True, slots=True)
class Label(LabelRow):
    """One row of labels.csv: the columns of the labelled pictures, then those that only rendering knows."""

    plate_class: str
    quad: str
    vehicle: str = ""


def random_spec(rng: Rng, *, two_line: bool | None = None) -> PlateSpec:
    """A plate for training: every class, more of them Colombian, motorcycles as often as cars.

    Args:
        rng: chance.
        two_line: only classes of two lines, or only of one; None = either.
    """
    classes = [c for c in CLASSES if two_line is None or bool(c.lines) == two_line]
    home = [c for c in classes if c.country == "CO"]
    chosen: PlateClass = pick(rng, home) if home and rng.random() < _CO_SHARE else pick(rng, classes)
    common = [c for c in home if c.name in ("particular", "publico", "motocicleta")]
    if common and rng.random() < 0.35:
        chosen = pick(rng, common)
    return PlateSpec(
        sample_text(chosen, rng),
        chosen.country,
        chosen.name,
        font=pick(rng, lettering.FONTS),
        wear=float(rng.uniform(0, 0.9)) ** 1.6,
        frame=bool(rng.random() < 0.2),
        look=int(rng.integers(len(chosen.looks))),
    )


def photographed(plate: PlateImage, rng: Rng) -> Image:
    """A plate as a camera sees it: at an angle, small, blurred, badly lit, compressed."""
    rows, columns = plate.bgr.shape[:2]
    width = float(np.exp(rng.uniform(np.log(44), np.log(260))))
    height = width * rows / columns * float(rng.uniform(0.8, 1.1))
    margin = np.array([width, height]) * rng.uniform(0.0, 0.18, 2)
    square = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    slant = rng.normal(0, 0.035, (4, 2)) * [width, height]
    shear = np.array([[0.0, float(rng.normal(0, 0.05)) * width]])[:, ::-1] * np.array([[1], [1], [-1], [-1]])
    target = (square + slant + shear + margin).astype(np.float32)
    size = (max(8, round(width + 2 * margin[0])), max(8, round(height + 2 * margin[1])))
    body = tuple(float(value) for value in rng.integers(15, 220, 3))
    reduced = cv2.resize(
        plate.bgr, (max(8, round(width * 1.5)), max(8, round(height * 1.5))), interpolation=cv2.INTER_AREA
    )
    source = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * [reduced.shape[1], reduced.shape[0]]
    warp = cv2.getPerspectiveTransform(source.astype(np.float32), target)
    picture = cv2.warpPerspective(
        reduced, warp, size, borderMode=cv2.BORDER_CONSTANT, borderValue=body
    ).astype(np.float32)
    if rng.random() < 0.2:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    from_left, to_right = (float(value) for value in rng.uniform(0.55, 1.15, 2))
    light = np.linspace(from_left, to_right, size[0], dtype=np.float32)[None, :, None]
    picture = picture * light * float(rng.uniform(0.35, 1.15)) + float(rng.uniform(0, 50))
    seen: Floats = np.asarray(
        cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.2, 0.006 * width + 0.7))), np.float32
    )
    if rng.random() < 0.35:
        reach = int(rng.integers(2, max(3, round(width * 0.035)) + 1))
        kernel = np.ones((1, reach), np.float32) / reach
        seen = np.asarray(cv2.filter2D(seen, -1, kernel if rng.random() < 0.6 else kernel.T), np.float32)
    noisy = np.clip(seen + rng.normal(0, float(rng.uniform(0.5, 9)), seen.shape), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
    return np.asarray(cv2.imdecode(packed[1], cv2.IMREAD_COLOR), np.uint8)


def write_set(
    folder: Path,
    *,
    crops: int,
    scenes: int,
    seed: int,
    progress: Callable[[int], None],
    width_px: int = 1280,
) -> list[Label]:
    """Writes crops/, scenes/, labels.csv and manifest.yaml.

    Args:
        folder: made if it is not there.
        crops: number of plates.
        scenes: number of street scenes.
        seed: of everything.
        progress: called with the number of pictures done.
        width_px: width of a scene, sixteen to nine.

    Raises:
        ValueError: the seed is kept for the clips.
    """
    check_training_seed(seed)
    cv2.setNumThreads(1)
    labels: list[Label] = []
    done = 0
    for pictures, name in ((_crops(seed, crops), "crops"), (_scenes(seed, scenes, width_px), "scenes")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for picture, path, rows in pictures:
            cv2.imwrite(str(folder / path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
            labels.extend(rows)
            done += 1
            progress(done)
    write_labels(folder / "labels.csv", Label, labels)
    manifest = {
        "generator": "models/synth",
        "seed": seed,
        "crops": crops,
        "scenes": scenes,
        "licence": LICENCE,
        "street_seeds": [street_seed(seed, 0), street_seed(seed, -(-scenes // _SCENES_PER_STREET))],
        "vehicle_seeds": [vehicle_seed(seed, 0), vehicle_seed(seed, scenes)],
        "plates": sorted({label.plate for label in labels if label.plate}),
    }
    (folder / "manifest.yaml").write_text(
        yaml.safe_dump(manifest, sort_keys=False, width=110), encoding="utf-8"
    )
    return labels


def street_seed(seed: int, number: int) -> int:
    """Seed of a training street, never one of the clips'."""
    return check_training_seed((seed % 8_000) * 1_000 + number)


def vehicle_seed(seed: int, number: int) -> int:
    """Seed of a training scene's vehicles, never one of the clips'."""
    return check_training_seed(10_000_000 + (seed % 8_000) * 100_000 + number * 8)


def _crops(seed: int, count: int) -> Iterator[tuple[Image, str, list[Label]]]:
    for number in range(count):
        rng = stream(seed, "crop", number)
        plate = render_plate(random_spec(rng), rng)
        path = f"crops/synth_{seed}_{number:06d}.jpg"
        label = Label(
            path, "train", "synth_crop", "crop", plate.country, plate.text, "", "", "", "", "rendered",
            f"models/synth@{seed}", LICENCE, plate.plate_class, "",
        )  # fmt: skip
        yield photographed(plate, rng), path, [label]


def _scenes(seed: int, count: int, width_px: int) -> Iterator[tuple[Image, str, list[Label]]]:
    for number in range(count):
        if number % _SCENES_PER_STREET == 0:
            stage = Stage(seed, number // _SCENES_PER_STREET, width_px)
        picture, sightings, passages = stage.picture(seed, number)
        path = f"scenes/synth_{seed}_{number:06d}.jpg"
        yield picture, path, [_scene_label(path, seed, sighting, passages) for sighting in sightings]


def _scene_label(path: str, seed: int, sighting: Sighting, passages: list[Passage]) -> Label:
    vehicle = passages[sighting.passage].vehicle
    plate = vehicle.plates[0].image
    x, y, w, h = (f"{value:.1f}" for value in box(sighting.quad))
    quad = " ".join(f"{value:.1f}" for value in np.asarray(sighting.quad).ravel())
    return Label(
        path, "train", "synth_scene", "scene", plate.country, plate.text, x, y, w, h, "rendered",
        f"models/synth@{seed}", LICENCE, plate.plate_class, quad, vehicle.kind,
    )  # fmt: skip


class Stage:
    """One street and camera, used for several training scenes."""

    def __init__(self, seed: int, number: int, width_px: int) -> None:
        rng = stream(seed, "stage", number)
        road = random_road(rng)
        self.light: Light = pick(rng, (DAY, DAY, OVERCAST, AFTERNOON, NIGHT))
        night = self.light.infrared > 0
        height, focal = float(rng.uniform(2.2, 6.0)), float(np.exp(rng.uniform(np.log(900), np.log(4200))))
        spread = float(np.degrees(np.arctan(360.0 / focal)))
        self.camera = Camera(
            (float(rng.uniform(-2, 2)), 0.0, height),
            float(rng.normal(0, 0.25 * spread)),
            spread * float(rng.uniform(0.5, 1.3)),
            focal,
            1280,
            720,
        ).scaled(width_px / 1280)
        kind = "barrio" if road.two_way else "avenue"
        spec = StreetSpec(street_seed(seed, number), road, kind, clouds=float(rng.uniform(0, 1)))
        self.road = road
        self.backdrop = street.paint(spec, self.camera)
        self.background = after_dark(self.backdrop, self.camera, self.light)
        self.weather = Weather(
            rain=float(rng.choice([0, 0, rng.uniform(0.2, 1)])),
            dirt=float(rng.choice([0, rng.uniform(0, 1)])),
            glare=float(rng.choice([0, 0, rng.uniform(0.2, 0.8)])),
            noise=float(rng.uniform(1, 7)),
            blur_px=float(rng.uniform(0.3, 1.3)),
            grey=night,
        )
        self.glass = Glass(
            self.weather, (self.camera.height_px, self.camera.width_px), street_seed(seed, number)
        )

    def picture(self, seed: int, number: int) -> tuple[Image, list[Sighting], list[Passage]]:
        """A scene with its legible plates and its vehicles."""
        rng = stream(seed, "scene", number)
        passages = self._traffic(seed, number, rng)
        frame, sightings = self._composed(passages, rng)
        legible = [s for s in sightings if s.inside and s.hidden < 0.25 and s.width_px >= 14]
        return self.glass.expose(frame, number), legible, passages

    def without_plates(self, seed: int, number: int, *, empty: bool) -> Image:
        """The street with nobody in it, or with vehicles that bear no plate."""
        rng = stream(seed, "no plate", number)
        passages = [] if empty else self._traffic(seed, number, rng)
        bare = [replace(p, vehicle=replace(p.vehicle, plates=())) for p in passages]
        return self.glass.expose(self._composed(bare, rng)[0], number)

    def _composed(self, passages: list[Passage], rng: Rng) -> tuple[Image, list[Sighting]]:
        placed = [passage.at(pose) for passage in passages if (pose := passage.pose(0.0)) is not None]
        view = View(self.camera, self.light, float(rng.uniform(0.001, 0.006)), self.backdrop)
        return compose(self.background.copy(), placed, view)

    def _traffic(self, seed: int, number: int, rng: Rng) -> list[Passage]:
        passages: list[Passage] = []
        for lane_index, lane in enumerate(self.road.lanes):
            y = float(rng.uniform(5, 14))
            while y < 45 and len(passages) < 8:
                away = lane > 0 if self.road.two_way else not self.road.towards
                vehicle = _random_vehicle(
                    rng, vehicle_seed(seed, number) + len(passages), night=self.weather.grey
                )
                shift = float(rng.uniform(-0.7, 0.7)) if vehicle.kind == "motorcycle" else 0.0
                place = lane + shift
                speed = float(rng.uniform(3, 20))
                passages.append(
                    Passage(len(passages), vehicle, place, str(lane_index), away, 0.0, y, speed, 0.3)
                )
                y += vehicle.length + float(rng.exponential(9.0)) + 2.0
        return passages


def _random_vehicle(rng: Rng, seed: int, *, night: bool) -> Vehicle:
    motorcycle = rng.random() < 0.4
    plate = random_spec(rng, two_line=motorcycle)
    kind = "motorcycle" if motorcycle else pick(rng, ("car", "car", "car", "taxi", "truck", "bus"))
    return build(VehicleSpec(seed, kind, plate, extra=bool(rng.random() < 0.2)), lamps_on=night)


def quad_of(label: Label) -> Floats:
    """The corners (4, 2) px of a scene's plate."""
    return np.array([float(value) for value in label.quad.split()]).reshape(4, 2)
