"""Builds vehicles: a mesh, its skin, and where its plates and lamps are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synth.arrays import Floats
from models.synth.plates import PlateImage
from models.synth.scene.mesh import Mesh
from models.synth.scene.raster import Skin


@dataclass(frozen=True, slots=True)
class PlateMount:
    """A plate on a vehicle.

    Attributes:
        corners: (4, 3) metres in the vehicle's axes: top left, top right, bottom right, bottom left as read.
        image: the plate.
    """

    corners: Floats
    image: PlateImage

    @property
    def normal(self) -> Floats:
        """Unit vector out of the plate's face."""
        across, down = self.corners[1] - self.corners[0], self.corners[3] - self.corners[0]
        normal = np.cross(down, across)
        return np.asarray(normal / np.linalg.norm(normal))


@dataclass(frozen=True, slots=True)
class Order:
    """What a builder is asked for.

    Attributes:
        ident: name for the manifest.
        style: of a car ("hatch", "sedan", "suv", "van", "pickup") or a motorcycle ("street", "scooter").
        colour: key of ``cars.PAINTS``.
        plate: carried in front and behind (behind only, by a motorcycle).
        lamps_on: whether its lamps shine.
        taxi: a car is a yellow taxi with roof sign and numbers, whatever its colour.
        box_on_tail: a courier's box sits behind a motorcycle's rider.
    """

    ident: str
    style: str
    colour: str
    plate: PlateImage
    lamps_on: bool = False
    taxi: bool = False
    box_on_tail: bool = False


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle ready to be drawn.

    Attributes:
        ident: what it was made of, for the manifest.
        kind: car, taxi, bus, truck or motorcycle.
        colour: name of its colour.
        mesh: its patches.
        skin: their colours.
        plates: front first; a motorcycle has only the rear one.
        head_lamps: (n, 3) metres.
        tail_lamps: (n, 3) metres.
        length: metres.
        width: metres.
        outline: (m, 3) metres: points whose shadows bound the vehicle's shadow.
    """

    ident: str
    kind: str
    colour: str
    mesh: Mesh
    skin: Skin
    plates: tuple[PlateMount, ...]
    head_lamps: Floats
    tail_lamps: Floats
    length: float
    width: float
    outline: Floats


def mount(
    image: PlateImage, centre: tuple[float, float, float], *, rear: bool, tilt_deg: float = 0.0
) -> PlateMount:
    """Fixes a plate at the front or the rear.

    Args:
        image: the plate.
        centre: of the plate, vehicle axes.
        rear: whether it faces backwards.
        tilt_deg: how far it looks upwards.
    """
    half_w, half_h = image.size_mm[0] / 2000.0, image.size_mm[1] / 2000.0
    sign = 1.0 if rear else -1.0
    tilt = np.radians(tilt_deg)
    up = np.array([0.0, sign * np.sin(tilt), np.cos(tilt)])
    # Seen from behind the reader's right is the vehicle's right; from the front it is its left.
    right = np.array([sign, 0.0, 0.0])
    corners = [
        np.array(centre) + right * x * half_w + up * z * half_h
        for x, z in ((-1, 1), (1, 1), (1, -1), (-1, -1))
    ]
    return PlateMount(np.stack(corners), image)
