"""One vehicle, one read, on rendered scenes: the shipped nets look, and what they see is known."""

from collections.abc import Iterable

import numpy as np
import pytest
from fakes import at
from rendered import FPS, STREET, Scene, Seen, beside_the_rear_one, on_the_side, vehicle

from edge.emission import Emission, Kind
from edge.types import Bgr
from models.synth.scene.camera import Camera

STREET_SIDE = Camera((-5.5, 0.0, 4.2), 17.0, 10.0, 4200.0, 1920, 1080)
ABOVE_SMALL = Camera((0.4, 0.0, 4.2), 0.0, 9.0, 2800.0, 1280, 720)
ABOVE = Camera((0.4, 0.0, 4.2), 0.0, 9.0, 4200.0, 1920, 1080)
LEFT, RIGHT = STREET.road.lanes

pytestmark = pytest.mark.timeout(900)


def reads(emissions: Iterable[Emission]) -> list[str]:
    return [e.verdict.plate for e in emissions if e.kind is Kind.READ]


def way(start_m: float, end_m: float, *, mps: float) -> np.ndarray:
    """Places of a vehicle, frame by frame."""
    count = round(abs(end_m - start_m) / mps * FPS)
    return np.linspace(start_m, end_m, count)


def test_a_taxi_with_its_plate_painted_on_its_side_is_one_read() -> None:
    """The detector was taught plates, not paint: it is shown where the painted one is, and all else is as shipped."""
    taxi = vehicle("KAB123", kind="taxi", plate_class="publico")
    side = on_the_side(taxi)
    scene = Scene(STREET_SIDE, shows=True)
    for y in way(30, 17, mps=8):
        scene.feed(scene.draw([Seen(taxi, RIGHT, y, (side,), mps=8)]))
    assert reads(scene.end()) == ["KAB123"]
    assert scene.shown.both >= 5, "or nothing was tested"
    assert scene.pipeline.counts.paired >= 1


def test_two_plates_behind_on_one_truck_are_one_read() -> None:
    """The detector was taught that a vehicle has one plate; a low threshold makes it tell of both."""
    truck = vehicle("KAB123", kind="truck", plate_class="publico")
    second = beside_the_rear_one(truck, x_m=0.7)
    scene = Scene(ABOVE, score=0.1)
    seen_twice = 0
    for y in way(19, 36, mps=6):
        scene.feed(scene.draw([Seen(truck, RIGHT, y, (second,), heading_deg=0, mps=-6)]))
        seen_twice += len(scene.pipeline.seen()) == 2
    assert reads(scene.end()) == ["KAB123"]
    counts = scene.pipeline.counts
    assert seen_twice >= 5, "or nothing was tested"
    assert counts.paired >= 1


@pytest.mark.parametrize("other", ["KAB124", pytest.param("KAB128", marks=pytest.mark.proof)])
def test_two_vehicles_of_a_fleet_side_by_side_are_two_reads(other: str) -> None:
    """At one speed, so that nothing but their plates tells them apart."""
    first, second = vehicle("KAB123", seed=9_000_701), vehicle(other, seed=9_000_702)
    scene = Scene(ABOVE)
    for y in way(38, 19, mps=7):
        scene.feed(scene.draw([Seen(first, LEFT, y, mps=7), Seen(second, RIGHT, y + 1, mps=7)]))
    assert sorted(reads(scene.end())) == sorted(["KAB123", other])
    assert scene.pipeline.counts.paired == 0


@pytest.mark.proof
def test_two_vehicles_of_a_fleet_nose_to_tail_are_two_reads() -> None:
    first, second = vehicle("KAB123", seed=9_000_701), vehicle("KAB124", seed=9_000_702)
    scene = Scene(STREET_SIDE)
    for y in way(34, 10, mps=7):
        scene.feed(scene.draw([Seen(first, RIGHT, y, mps=7), Seen(second, RIGHT, y + 8, mps=7)]))
    assert sorted(reads(scene.end())) == ["KAB123", "KAB124"]


@pytest.mark.proof
@pytest.mark.parametrize("pole", [(0.48, 0.53), (0.50, 0.62), (0.44, 0.68)])
def test_a_vehicle_behind_a_pole_is_one_read(pole: tuple[float, float]) -> None:
    """From a pole as wide as the plate to one that hides the whole vehicle for over half a second."""
    car = vehicle("KAB123")
    scene = Scene(STREET_SIDE)
    hidden = 0
    for y in way(34, 17, mps=7):
        scene.feed(scene.behind_a_pole(scene.draw([Seen(car, RIGHT, y, mps=7)]), *pole))
        hidden += not scene.pipeline.seen()
    emissions = scene.end()
    assert reads(emissions) == ["KAB123"]
    assert {e.track_id for e in emissions} == {0}
    assert hidden >= 1, "or nothing was tested"
    counts = scene.pipeline.counts
    assert counts.tracks == 1 + counts.rejoined, "what the pole cut off is found again as the same"


class Parked:
    """A parked car, and the street's lights and traffic around it, at two frames a second."""

    PLACE = 24.0
    STEP_S = 0.5
    KINDS = 10  # of noise and light: pictures that come again and again

    def __init__(self) -> None:
        self.car = vehicle("KAB123")
        self.bus = vehicle("WXY987", kind="bus", plate_class="publico", seed=9_000_703)
        self.scene = Scene(ABOVE_SMALL)
        self.stands = stands = Seen(self.car, RIGHT, self.PLACE)
        self.rng = np.random.default_rng(11)
        self.pictures = {
            name: self.lit(self.scene.draw(seen))
            for name, seen in (
                ("empty", []),
                ("stands", [stands]),
                ("hidden", [stands, Seen(self.bus, RIGHT - 0.4, 17.0, heading_deg=0)]),
            )
        }

    def lit(self, bgr: Bgr) -> list[Bgr]:
        """Noise, and lights that sweep over the scene or go on and off."""
        gains = [*np.linspace(0.7, 1.25, self.KINDS - 1), 1.5]
        return [self.scene.noisy(bgr, gain=float(g), sigma=float(self.rng.uniform(2, 9))) for g in gains]

    def show(self, name: str, seconds: float) -> None:
        """The street is empty, the car stands there, or it is hidden by a bus that stands before it."""
        for _ in range(round(seconds / self.STEP_S)):
            self.scene.feed(self.pictures[name][self.rng.integers(self.KINDS)], step_s=self.STEP_S)

    def hidden(self, seconds: float, *, comes: bool = True) -> None:
        """A bus comes to stand before it, and drives on past it."""
        for y in way(7, 17, mps=4) if comes else ():
            bus = Seen(self.bus, RIGHT - 0.4, y, heading_deg=0, mps=-4)
            self.scene.feed(self.scene.draw([self.stands, bus]))
        self.show("hidden", seconds)
        for y in way(17, 40, mps=5):
            x = RIGHT - 0.4 + (LEFT - RIGHT + 0.6) * min((y - 17) / 4, 1)
            self.scene.feed(self.scene.draw([self.stands, Seen(self.bus, x, y, heading_deg=0, mps=-5)]))

    def drives(self, start_m: float, end_m: float) -> None:
        for y in way(start_m, end_m, mps=5):
            self.scene.feed(self.scene.draw([Seen(self.car, RIGHT, y, mps=5)]))

    def idle(self, seconds: float) -> None:
        """Nothing moves, so no frames come."""
        self.scene.now += seconds
        self.scene.said += self.scene.pipeline.tick(now=at(self.scene.now))


@pytest.mark.proof
def test_a_car_that_is_parked_for_ten_minutes_is_one_read() -> None:
    parked = Parked()
    parked.drives(38, Parked.PLACE)
    for _ in range(5):
        parked.show("stands", 40)
        parked.hidden(20)
        parked.idle(60)
    assert [p for p in reads(parked.scene.end()) if p == "KAB123"] == ["KAB123"]


@pytest.mark.proof
def test_a_parked_car_that_is_hidden_when_frames_come_again_is_one_read() -> None:
    parked = Parked()
    parked.show("stands", 10)
    parked.idle(600)
    parked.hidden(20, comes=False)
    parked.show("stands", 10)
    assert [p for p in reads(parked.scene.end()) if p == "KAB123"] == ["KAB123"]


@pytest.mark.proof
def test_a_car_that_drives_off_and_comes_back_is_two_reads() -> None:
    parked = Parked()
    parked.show("stands", 10)
    parked.drives(Parked.PLACE, 14)
    parked.show("empty", 40)
    parked.drives(38, Parked.PLACE)
    parked.show("stands", 10)
    assert reads(parked.scene.end()) == ["KAB123", "KAB123"]
