"""A turning camera in virtual time: a tour, a simulated head, and nobody who waits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.capture.ptz.tour import Phase, Report, Stop, Terms, Tour
from edge.simulate.onvif.head import Head
from edge.types import Position

POLL_S = 0.5
GATE, ROAD, BRIDGE = Position(-0.5, 0.1, 0.2), Position(0.5, 0.0, 0.4), Position(0.0, -0.3, 0.9)
STOPS = (Stop("gate", 10.0, GATE), Stop("road", 5.0, ROAD), Stop("bridge", 5.0, BRIDGE))
TERMS = Terms(settle_s=1.5, travel_s=12.0, resume_after_s=30.0, tolerance=0.005, stale_s=3.0)


@dataclass(frozen=True)
class Tells:
    """What the device says of itself."""

    motion: bool = True
    position: bool = True


@dataclass
class Rig:
    """Tour and head, stepped poll by poll.

    Attributes:
        orders: where the head was sent by the tour.
        log: (time, phase, stop) whenever the phase changed.
        still_s: what the picture says.
        reachable: whether the device answers.
        journeys_end: where a preset really is, where that is not as the tour believes.
    """

    stops: Sequence[Stop] = STOPS
    terms: Terms = TERMS
    tells: Tells = field(default_factory=Tells)
    travel_s: float = 3.0
    places: dict[str, Position] = field(
        default_factory=lambda: {"gate": GATE, "road": ROAD, "bridge": BRIDGE}
    )

    def __post_init__(self) -> None:
        self.now_s = 100.0
        self.head = Head(travel_s=self.travel_s, now=lambda: self.now_s)
        self.tour = Tour(self.stops, self.terms, now_s=self.now_s)
        self.orders: list[str] = []
        self.log: list[tuple[float, Phase, str]] = []
        self.still_s: float | None = None
        self.reachable = True

    def report(self) -> Report:
        return Report(
            self.head.is_moving if self.tells.motion else None,
            self.head.position if self.tells.position else None,
        )

    def poll(self) -> Phase:
        """One question and what follows from the answer; then time goes by."""
        if self.reachable:
            self.tour.seen(self.report(), now_s=self.now_s, still_s=self.still_s)
            stop = self.tour.wants(now_s=self.now_s)
            if stop is not None:
                self.head.go(self.places[stop.name])
                self.orders.append(stop.name)
                self.tour.ordered(now_s=self.now_s)
        else:
            self.tour.lost("nothing listens there", now_s=self.now_s)
        entry = (self.now_s, self.tour.phase, self.tour.stop.name)
        if not self.log or self.log[-1][1:] != entry[1:]:
            self.log.append(entry)
        self.now_s += POLL_S
        return self.tour.phase

    def run(self, seconds: float) -> Phase:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.poll()
        return self.tour.phase

    def run_to(self, phase: Phase, *, stop: str | None = None, within_s: float = 120.0) -> float:
        """Until that phase (at that stop); how long it took, seconds."""
        began_s = self.now_s
        while self.poll() is not phase or (stop is not None and self.tour.stop.name != stop):
            assert self.now_s - began_s < within_s, f"no {phase}: {self.log[-6:]} {self.tour.detail}"
        return self.now_s - began_s
