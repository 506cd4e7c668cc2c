"""What a clip shows: the street, the camera's moves, the light, and who drives past when."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.synth.arrays import stream
from models.synth.patterns import find
from models.synth.plates import PlateSpec
from models.synth.reserved import RESERVED_SEEDS
from models.synth.scene.camera import Camera
from models.synth.scene.garage import VehicleSpec
from models.synth.scene.light import Light
from models.synth.scene.plan import StreetSpec
from models.synth.scene.weather import Weather
from models.synth.texts import sample_text

FPS = 25


@dataclass(frozen=True, slots=True)
class Actor:
    """One vehicle of a clip.

    Attributes:
        at_s: when its middle passes the clip's line ``meet_y``.
        kind: of vehicle.
        lane: index in the road's lanes.
        away: whether it drives away from the camera.
        speed: m/s.
        plate: (country, class).
        style: see ``VehicleSpec``.
        colour: see ``VehicleSpec``.
        shift: metres from the lane's middle.
        weave: metres.
        extra: see ``VehicleSpec``.
        meet_y: a line of its own, metres.
    """

    at_s: float
    kind: str
    lane: int
    away: bool
    speed: float
    plate: tuple[str, str] = ("CO", "particular")
    style: str = ""
    colour: str = ""
    shift: float = 0.0
    weave: float = 0.12
    extra: bool = False
    meet_y: float | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A view that a camera holds for a while.

    Attributes:
        name: of the preset.
        camera: the view.
        until_s: when the camera starts to move on.
    """

    name: str
    camera: Camera
    until_s: float


@dataclass(frozen=True, slots=True)
class Programme:
    """A clip.

    Attributes:
        name: file name without ending.
        title: one line about it.
        seed: of everything, out of ``RESERVED_SEEDS``.
        seconds: length.
        street: the background.
        presets: views in order; a fixed camera has one.
        move_s: how long a move between presets takes.
        light: what shines.
        weather: what is between.
        exposure_s: of the shutter.
        meet_y: the line at which actors are timed, metres.
        actors: who drives past.
        lanes: names of the lanes.
        lamps_on: whether vehicles have their lamps on.
        plate_wear: how worn plates are at most.
        people: how many walk along the pavements.
        bit_rate: bits a second of the file.
    """

    name: str
    title: str
    seed: int
    seconds: float
    street: StreetSpec
    presets: tuple[Preset, ...]
    light: Light
    weather: Weather
    actors: tuple[Actor, ...]
    move_s: float = 1.2
    exposure_s: float = 0.002
    meet_y: float = 13.0
    lanes: tuple[str, ...] = ("left", "right")
    lamps_on: bool = False
    plate_wear: float = 0.3
    people: int = 9
    bit_rate: int = 3_950_000  # a camera's usual 4 Mbit/s, a hair less so that four clips stay below 40 MB
    fps: int = field(default=FPS)

    def __post_init__(self) -> None:
        if self.seed not in RESERVED_SEEDS:
            raise ValueError(f"clip {self.name}: seed {self.seed} is not among those kept for clips")

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.fps)

    def vehicle_specs(self) -> list[VehicleSpec]:
        """The vehicles of the actors, in their order, with plates kept for clips."""
        specs = []
        taken: set[str] = set()
        for number, actor in enumerate(self.actors):
            rng = stream(self.seed, "actor", number)
            text = sample_text(find(*actor.plate), rng, reserved=True)
            while text in taken:
                text = sample_text(find(*actor.plate), rng, reserved=True)
            taken.add(text)
            plate = PlateSpec(
                text,
                *actor.plate,
                wear=float(rng.uniform(0.05, self.plate_wear)),
                frame=bool(rng.random() < 0.25),
            )
            specs.append(
                VehicleSpec(self.seed + number, actor.kind, plate, actor.style, actor.colour, actor.extra)
            )
        return specs
