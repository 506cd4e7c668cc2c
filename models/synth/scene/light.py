"""Light: how a surface of some colour and gloss looks by day, at dusk and under an infrared lamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synth.arrays import Floats

GAMMA = 2.2


@dataclass(frozen=True, slots=True)
class Light:
    """What shines on the scene. Colours are linear BGR, 1 = white paper in full light.

    Attributes:
        sun: direction towards the sun, world axes, unit length.
        sun_colour: strength of the direct sun.
        sky_colour: strength of the zenith.
        horizon_colour: strength of the sky at the horizon.
        ground_colour: light thrown back by the street.
        shadow: how dark a vehicle's shadow is, 0-1.
        infrared: strength of the lamp beside the camera at 10 m; 0 = none. The picture is then grey.
    """

    sun: tuple[float, float, float]
    sun_colour: tuple[float, float, float]
    sky_colour: tuple[float, float, float]
    horizon_colour: tuple[float, float, float]
    ground_colour: tuple[float, float, float]
    shadow: float = 0.6
    infrared: float = 0.0


def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    """A direction of unit length."""
    length = float(np.sqrt(x * x + y * y + z * z))
    return x / length, y / length, z / length


DAY = Light(
    unit(-0.5, -0.35, 0.85),
    (0.80, 0.90, 0.98),
    (0.50, 0.40, 0.32),
    (0.78, 0.74, 0.68),
    (0.17, 0.18, 0.19),
    0.62,
)
OVERCAST = Light(
    unit(0.2, -0.3, 0.9), (0.20, 0.20, 0.20), (0.72, 0.70, 0.68), (0.86, 0.84, 0.82), (0.20, 0.20, 0.20), 0.42
)
AFTERNOON = Light(
    unit(0.75, -0.45, 0.5),
    (0.46, 0.74, 1.02),
    (0.50, 0.40, 0.32),
    (0.58, 0.68, 0.80),
    (0.13, 0.16, 0.18),
    0.58,
)
NIGHT = Light(
    unit(0.1, -0.2, 0.9),
    (0.0, 0.0, 0.0),
    (0.010, 0.010, 0.010),
    (0.018, 0.018, 0.018),
    (0.01, 0.01, 0.01),
    0.3,
    1.3,
)


@dataclass(frozen=True, slots=True)
class Surface:
    """Many points of surfaces.

    Attributes:
        albedo: (n, 3) linear BGR.
        mirror: (n,) share of light mirrored at right angle, 0-1.
        gloss: (n,) 0 = dull ... 1 = sharp highlight.
        glow: (n,) own light, in units of the albedo.
        normal: (n, 3) unit length, world axes.
        view: (n, 3) unit vectors to the camera.
        occlusion: (n,) share of the sky that reaches the point.
        distance_m: from the camera.
    """

    albedo: Floats
    mirror: Floats
    gloss: Floats
    glow: Floats
    normal: Floats
    view: Floats
    occlusion: Floats
    distance_m: float


def shade(surface: Surface, light: Light, *, sunlit: float = 1.0) -> Floats:
    """The light (n, 3), linear BGR, that the points send to the camera.

    Args:
        surface: the points.
        light: what shines.
        sunlit: share of the sun that reaches the object (0 = in the shade of a house).
    """
    normal, view = surface.normal, surface.view
    facing = np.clip(_dot(normal, view), 0.0, 1.0)
    up = normal[:, 2] * 0.5 + 0.5
    sun = np.array(light.sun, np.float32)
    towards = np.clip(normal @ sun, 0.0, 1.0) * np.float32(sunlit)
    reflected = (2 * facing)[:, None] * normal - view
    aside = 1 - facing
    grazing = aside * aside
    grazing = grazing * grazing * aside * np.minimum(1.0, surface.mirror * 12)
    fresnel = (surface.mirror + (1 - surface.mirror) * grazing) * np.minimum(1, surface.occlusion + 0.2)
    highlight = _highlight(reflected @ sun, surface.gloss) * towards * np.float32(2.2 * sunlit)
    lamp = np.float32(light.infrared * (10.0 / surface.distance_m) ** 2) * facing
    mirrored = _surroundings(reflected, light)
    result = np.empty_like(surface.albedo)
    for channel in range(3):
        sky, ground = np.float32(light.sky_colour[channel]), np.float32(light.ground_colour[channel])
        sunshine = np.float32(light.sun_colour[channel])
        received = (
            (ground + (sky - ground) * up) * surface.occlusion + towards * sunshine + lamp + surface.glow
        )
        result[:, channel] = surface.albedo[:, channel] * received
        result[:, channel] += fresnel * mirrored[channel] + highlight * sunshine
    return result


def _dot(first: Floats, second: Floats) -> Floats:
    return first[:, 0] * second[:, 0] + first[:, 1] * second[:, 1] + first[:, 2] * second[:, 2]


def _highlight(towards_sun: Floats, gloss: Floats) -> Floats:
    """The sun's image in a gloss: computed only near the mirror direction, elsewhere it is nothing."""
    result = np.zeros_like(towards_sun)
    near = np.flatnonzero((towards_sun > 0.8) & (gloss > 0.02))
    result[near] = towards_sun[near] ** (30 + 500 * gloss[near]) * gloss[near]
    return result


def _surroundings(direction: Floats, light: Light) -> list[Floats]:
    """What a mirror sees in directions (n, 3): the street below, house fronts at the sides, sky above.

    Returns:
        Blue, green and red, each (n,).
    """
    height = direction[:, 2]
    rise = np.sqrt(np.clip(height, 0, 1))
    # House fronts stand left and right of the street, their tops uneven.
    along = direction[:, 1]
    skyline = 0.30 + 0.10 * np.sin(along * 9.0) + 0.05 * np.sign(np.sin(along * 23.0))
    side = np.clip(np.abs(direction[:, 0]) * 1.6 - 0.25, 0, 1)
    house = np.clip((skyline * side - height) * 14.0, 0, 1)
    below = np.clip(-height * 10.0 + 0.2, 0, 1)
    colours = []
    for channel in range(3):
        horizon, sky = np.float32(light.horizon_colour[channel]), np.float32(light.sky_colour[channel])
        above = horizon * 1.15 * (1 - rise) + sky * rise
        above = above * (1 - house) + horizon * 0.28 * house
        colours.append(above * (1 - below) + np.float32(light.ground_colour[channel]) * below)
    return colours


def _display_curve() -> Floats:
    exposed = np.arange(4096, dtype=np.float32) / 1024.0
    rolled = np.where(exposed > 0.8, 0.8 + 0.2 * (1 - np.exp(-(exposed - 0.8) / 0.35)), exposed)
    return np.asarray(255.0 * rolled ** (1 / GAMMA), np.float32)


_CURVE = _display_curve()


def to_display(linear: Floats) -> Floats:
    """Linear light to display values 0-255 (float32), highlights rolled off."""
    index = np.clip(linear * 1024.0, 0, 4094.0)
    whole = index.astype(np.int32)
    part = index - whole
    return np.asarray(_CURVE[whole] * (1 - part) + _CURVE[whole + 1] * part, np.float32)
