"""The four clips."""

from __future__ import annotations

from models.synth.clips.programme import Actor, Preset, Programme
from models.synth.scene.camera import Camera
from models.synth.scene.light import AFTERNOON, DAY, NIGHT, OVERCAST
from models.synth.scene.plan import Road, StreetSpec
from models.synth.scene.weather import Weather

_TAXI, _MOTO = ("CO", "publico"), ("CO", "motocicleta")

DAY_STREET = Programme(
    name="day",
    title="A street in a barrio by day: cars come, cars and motorcycles go",
    seed=9_000_100,
    seconds=20.0,
    street=StreetSpec(9_000_011, Road((-1.65, 1.65), 3.3, 3.6, 1.9, two_way=True)),
    presets=(Preset("fixed", Camera((0.15, 0.0, 3.2), 0.0, 5.9, 3900.0), 20.0),),
    light=DAY,
    weather=Weather(),
    actors=(
        Actor(1.9, "car", 0, False, 6.9, style="hatch", colour="red"),
        Actor(4.9, "taxi", 0, False, 6.9, _TAXI, style="hatch"),
        Actor(8.0, "bus", 0, False, 6.9, _TAXI),
        Actor(11.6, "car", 0, False, 6.9, style="suv", colour="blue"),
        Actor(14.2, "car", 0, False, 6.9, ("VE", "particular"), style="sedan", colour="white"),
        Actor(17.2, "car", 0, False, 6.9, style="pickup", colour="grey"),
        Actor(1.6, "motorcycle", 1, True, 5.1, _MOTO, style="street", colour="red", shift=0.5),
        Actor(3.6, "motorcycle", 1, True, 5.1, _MOTO, style="scooter", colour="blue", shift=-0.3),
        Actor(6.0, "car", 1, True, 5.1, style="sedan", colour="silver"),
        Actor(8.8, "motorcycle", 1, True, 5.1, _MOTO, style="street", colour="black", shift=0.6, extra=True),
        Actor(9.7, "motorcycle", 1, True, 5.1, _MOTO, style="street", colour="white", shift=-0.7),
        Actor(12.2, "truck", 1, True, 5.1, ("CO", "carga"), colour="blue"),
        Actor(15.2, "motorcycle", 1, True, 5.1, _MOTO, style="street", colour="orange", shift=0.2),
        Actor(17.0, "car", 1, True, 5.1, style="hatch", colour="beige"),
    ),
)

NIGHT_STREET = Programme(
    name="night",
    title="The same kind of street by night, under the camera's infrared lamp",
    seed=9_000_200,
    seconds=20.0,
    street=StreetSpec(9_000_024, Road((-1.7, 1.7), 3.4, 3.7, 2.1, two_way=True, tone=84.0), shade_m=0.0),
    presets=(Preset("fixed", Camera((-0.2, 0.0, 3.3), 0.0, 6.6, 3700.0), 20.0),),
    light=NIGHT,
    weather=Weather(wind_px=1.2, noise=4.2, blur_px=0.7, vignette=0.25, contrast=1.0, grey=True),
    lamps_on=True,
    exposure_s=0.0015,
    actors=(
        Actor(2.2, "car", 0, False, 6.9, style="sedan", colour="white"),
        Actor(5.3, "taxi", 0, False, 6.9, _TAXI),
        Actor(8.4, "car", 0, False, 6.9, style="suv", colour="black"),
        Actor(12.0, "truck", 0, False, 6.9, ("CO", "publico"), colour="white"),
        Actor(15.6, "car", 0, False, 6.9, ("EC", "particular"), style="hatch", colour="silver"),
        Actor(2.9, "motorcycle", 1, True, 5.1, _MOTO, colour="red", shift=-0.4),
        Actor(6.2, "car", 1, True, 5.1, style="hatch", colour="grey"),
        Actor(9.2, "motorcycle", 1, True, 5.1, _MOTO, colour="black", shift=0.5),
        Actor(11.6, "taxi", 1, True, 5.1, _TAXI, style="sedan"),
        Actor(14.2, "motorcycle", 1, True, 5.1, _MOTO, colour="blue", shift=0.1, extra=True),
        Actor(16.8, "car", 1, True, 5.1, style="pickup", colour="white"),
    ),
)
FAST_LANES = Programme(
    name="fast",
    title="Two fast lanes of an avenue towards the camera under a grey sky",
    seed=9_000_300,
    seconds=20.0,
    street=StreetSpec(
        9_000_037,
        Road((-1.7, 1.7), 3.4, 3.9, 4.2, two_way=False, tone=100.0, verge=True, towards=True),
        "avenue",
        zenith=(206, 200, 194),
        horizon=(222, 220, 218),
        clouds=0.9,
        sunny_side=(0.86, 0.9),
        ground_light=1.0,
        shadows=0.2,
        shade_m=0.0,
    ),
    presets=(Preset("fixed", Camera((0.0, 0.0, 4.6), 0.0, 7.4, 5200.0), 20.0),),
    light=OVERCAST,
    weather=Weather(wind_px=2.0, noise=2.0),
    exposure_s=0.001,
    meet_y=21.0,
    people=5,
    actors=(
        Actor(1.6, "car", 0, False, 18.0, style="sedan", colour="silver"),
        Actor(3.0, "car", 1, False, 20.5, style="hatch", colour="white"),
        Actor(4.3, "truck", 0, False, 17.0, ("CO", "carga"), colour="red"),
        Actor(5.4, "car", 1, False, 20.0, style="suv", colour="wine"),
        Actor(6.9, "taxi", 0, False, 17.5, _TAXI, style="hatch"),
        Actor(8.0, "car", 1, False, 21.0, style="pickup", colour="black"),
        Actor(9.5, "bus", 0, False, 16.5, _TAXI),
        Actor(10.7, "car", 1, False, 20.0, style="sedan", colour="blue"),
        Actor(12.2, "car", 0, False, 17.5, style="van", colour="white"),
        Actor(13.2, "car", 1, False, 20.5, ("CO", "oficial"), style="suv", colour="white"),
        Actor(14.7, "taxi", 0, False, 17.5, _TAXI, style="sedan"),
        Actor(15.9, "car", 1, False, 21.0, style="sedan", colour="red"),
        Actor(17.2, "car", 0, False, 17.5, ("CO", "diplomatico"), style="sedan", colour="black"),
        Actor(18.6, "car", 1, False, 20.0, style="hatch", colour="orange"),
    ),
)
PTZ_SCENE = Programme(
    name="ptz",
    title="A turning camera on a pole looks at three places of a street in turn, late in the afternoon",
    seed=9_000_400,
    seconds=20.0,
    street=StreetSpec(
        9_000_046,
        Road((-1.7, 1.7), 3.4, 3.7, 2.0, two_way=True, tone=96.0),
        zenith=(196, 156, 120),
        horizon=(180, 206, 230),
        clouds=0.3,
        sunny_side=(1.12, 0.62),
        ground_light=1.08,
        shadows=0.5,
        shade_m=-3.2,
        tint=(0.9, 0.99, 1.06),
    ),
    presets=(
        Preset("incoming", Camera((-3.9, 0.0, 5.6), 6.2, 11.2, 6200.0), 5.8),
        Preset("outgoing", Camera((-3.9, 0.0, 5.6), 17.2, 15.0, 5600.0), 12.4),
        Preset("far", Camera((-3.9, 0.0, 5.6), 5.8, 6.5, 10500.0), 19.0),
    ),
    light=AFTERNOON,
    weather=Weather(wind_px=2.4, noise=2.0),
    exposure_s=0.001,
    move_s=1.0,
    actors=(
        Actor(2.45, "car", 0, False, 10.0, style="hatch", colour="blue", meet_y=25.0),
        Actor(3.8, "taxi", 0, False, 10.0, _TAXI, style="sedan", meet_y=25.0),
        Actor(4.95, "car", 0, False, 10.0, style="suv", colour="silver", meet_y=25.0),
        Actor(7.5, "car", 1, True, 7.4, style="sedan", colour="red", meet_y=18.0),
        Actor(8.5, "motorcycle", 1, True, 7.0, _MOTO, colour="blue", meet_y=18.0, shift=0.4),
        Actor(9.1, "motorcycle", 1, True, 7.0, _MOTO, colour="red", meet_y=18.0, shift=-0.5),
        Actor(9.75, "motorcycle", 1, True, 7.0, _MOTO, colour="green", meet_y=18.0, shift=0.1, extra=True),
        Actor(15.5, "car", 0, False, 9.0, style="van", colour="white", meet_y=45.0),
        Actor(17.2, "car", 0, False, 10.0, ("CO", "consular"), style="sedan", colour="black", meet_y=45.0),
        Actor(16.9, "car", 1, True, 7.4, style="hatch", colour="orange", meet_y=45.0),
        Actor(18.1, "motorcycle", 1, True, 6.8, _MOTO, colour="white", meet_y=45.0, shift=0.3),
    ),
)
CLIPS = (DAY_STREET, NIGHT_STREET, FAST_LANES, PTZ_SCENE)
"""All clips, in the order of their cameras."""
