"""A street with little traffic, which most cameras see most of the time: what a box's idling costs."""

from __future__ import annotations

from models.synth.clips.four import CLIPS
from models.synth.clips.programme import Actor, Preset, Programme
from models.synth.scene.camera import Camera
from models.synth.scene.light import DAY
from models.synth.scene.plan import Road, StreetSpec
from models.synth.scene.weather import Weather

_TAXI, _MOTO = ("CO", "publico"), ("CO", "motocicleta")

CALM_STREET = Programme(
    name="calm",
    title="A quiet street: trees sway, two people walk past, a vehicle comes now and then",
    seed=9_000_500,
    seconds=40.0,
    street=StreetSpec(9_000_052, Road((-1.65, 1.65), 3.3, 3.6, 1.9, two_way=True)),
    presets=(Preset("fixed", Camera((0.1, 0.0, 3.3), 0.0, 6.1, 3800.0), 40.0),),
    light=DAY,
    weather=Weather(wind_px=2.0),
    exposure_s=0.001,
    people=2,
    bit_rate=1_600_000,
    # Twice some six seconds; the street lies empty at the clip's ends, so that it loops without a jump.
    actors=(
        Actor(9.0, "car", 0, False, 10.5, style="sedan", colour="grey"),
        Actor(9.4, "motorcycle", 1, True, 8.5, _MOTO, style="street", colour="black", shift=0.3),
        Actor(27.0, "taxi", 0, False, 11.0, _TAXI, style="hatch"),
        Actor(27.2, "motorcycle", 1, True, 8.8, _MOTO, style="scooter", colour="red", shift=-0.3, extra=True),
        Actor(28.4, "car", 1, True, 9.0, style="suv", colour="white"),
    ),
)
EVERY = (*CLIPS, CALM_STREET)
"""All clips there are: the demo's four, and this one, which only measuring looks at."""
