"""Makes a vehicle from a few words."""

from __future__ import annotations

from dataclasses import dataclass

from models.synth.arrays import pick, stream
from models.synth.plates import PlateImage, PlateSpec, render_plate
from models.synth.scene.cars import PAINTS, STYLES, build_car
from models.synth.scene.heavies import build_bus, build_truck
from models.synth.scene.motorcycles import build_motorcycle
from models.synth.scene.vehicles import Order, Vehicle

KINDS = ("car", "taxi", "bus", "truck", "motorcycle")


@dataclass(frozen=True, slots=True)
class VehicleSpec:
    """A vehicle to be made.

    Attributes:
        seed: of its shape, clothes and wear.
        kind: one of ``KINDS``.
        plate: what its plates say.
        style: of a car ("hatch", "sedan", "suv", "van", "pickup") or a motorcycle ("street", "scooter"); ""
            lets the seed decide.
        colour: of its paint; "" lets the seed decide.
        extra: a motorcycle's courier box.
    """

    seed: int
    kind: str
    plate: PlateSpec
    style: str = ""
    colour: str = ""
    extra: bool = False


def build(spec: VehicleSpec, *, lamps_on: bool = False) -> Vehicle:
    """Makes the vehicle.

    Raises:
        ValueError: no such kind.
    """
    if spec.kind not in KINDS:
        raise ValueError(f"no vehicle kind {spec.kind!r}, only {', '.join(KINDS)}")
    rng = stream(spec.seed, "vehicle")
    image: PlateImage = render_plate(spec.plate, rng)
    ident = f"{spec.kind}-{spec.seed}"
    colour = spec.colour or pick(rng, tuple(PAINTS))
    if spec.kind == "bus":
        return build_bus(Order(ident, "", colour, image, lamps_on), rng)
    if spec.kind == "truck":
        return build_truck(Order(ident, "", colour, image, lamps_on), rng)
    if spec.kind == "motorcycle":
        style = spec.style or pick(rng, ("street", "street", "scooter"))
        return build_motorcycle(Order(ident, style, colour, image, lamps_on, box_on_tail=spec.extra), rng)
    taxi = spec.kind == "taxi"
    style = spec.style or (pick(rng, ("hatch", "sedan")) if taxi else pick(rng, tuple(STYLES)))
    return build_car(Order(ident, style, colour, image, lamps_on, taxi=taxi), rng)
