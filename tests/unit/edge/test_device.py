"""A device of four lenses: one vehicle is one read, whichever lenses see it."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from fakes import FakeDetector, FakeEngine, FakeReader, at, picture, posterior, reading
from pydantic import ValidationError

from edge.analyser import Analyser, by_device, share_out
from edge.assets import plate_files
from edge.capture.capture_clock import CaptureClock
from edge.contract.pattern import ALPHABET
from edge.contract.read import ModelVersions, PictureRef, ReadId
from edge.device import Device
from edge.emission import Emission, Kind
from edge.grammar import load_grammar
from edge.pipeline import Counts, Pipeline
from edge.settings import CameraSettings, EdgeSettings, VoteSettings
from edge.types import Box, Frame, Reading
from edge.vote import Vote

FPS = 8
LENSES = ("north", "east", "south", "west")
SETTINGS = VoteSettings()
GRAMMAR = load_grammar(plate_files())

Plates = Callable[[float], Mapping[int, Box]]


def either(first: str, second: str, share: float) -> Reading:
    """A reader in two minds: the first string with `share`, else the second (of one length)."""
    one, two = (np.exp(posterior(text, sure=0.995)) for text in (first, second))
    mixed = np.log(share * one + (1 - share) * two).astype(np.float32)
    return Reading(log_probs=mixed, alphabet=ALPHABET, text_raw=first)


class Pole:
    """Four lenses on one device, fed as one analyser feeds them: frame by frame, each lens in turn."""

    def __init__(
        self,
        says: Mapping[int, Reading],
        *,
        less_trusted: str = "",
        late_s: Mapping[str, float] | None = None,
    ) -> None:
        self.reader = FakeReader(says)
        self.late_s = late_s or {}  # by which a lens is taken to be later than it is
        device = Device(LENSES)
        self.lenses = {
            name: Pipeline(
                camera=CameraSettings(
                    id=name,
                    url="rtsp://127.0.0.1/cam",
                    device="pole",
                    trust="lower" if name == less_trusted else "normal",
                ),
                vote=SETTINGS,
                new_vote=lambda: Vote(grammar=GRAMMAR, settings=SETTINGS, countries={"CO": 1}),
                detector=FakeDetector(),
                reader=self.reader,
                device=device,
            )
            for name in LENSES
        }
        self.now = 0.0
        self.said: list[Emission] = []

    def show(self, seconds: float, **scenes: Plates) -> None:
        """Frames for so long; lenses that are not named see the empty street, or none where their scene is None."""
        began = self.now
        while self.now < began + seconds - 1e-9:
            for name, pipeline in self.lenses.items():
                scene = scenes.get(name, lambda _: {})
                bgr = picture(scene(self.now - began))
                captured_at = at(self.now + self.late_s.get(name, 0.0))
                self.said += pipeline.feed(Frame(name, captured_at, bgr), now=at(self.now))
            self.now += 1 / FPS

    def pause(self, seconds: float) -> None:
        """Nothing moves, and the gates hold back all frames."""
        self.now += seconds
        for pipeline in self.lenses.values():
            self.said += pipeline.tick(now=at(self.now))

    def end(self) -> list[tuple[Kind, str, str]]:
        for pipeline in self.lenses.values():
            self.said += pipeline.flush(now=at(self.now))
        return [(e.kind, e.camera_id, e.verdict.plate) for e in self.said]

    def counts(self, lens: str) -> Counts:
        return self.lenses[lens].counts


def crossing(mark: int, *, px_s: float = 250.0) -> Plates:
    return lambda t: {mark: Box(20 + px_s * t, 150, 96, 48)} if px_s * t < 500 else {}


def standing(mark: int, x: float = 300) -> Plates:
    return lambda _: {mark: Box(x, 150, 120, 60)}


def test_a_vehicle_that_goes_from_one_lens_to_the_next_is_one_read() -> None:
    pole = Pole({7: reading("KAB123")})
    pole.show(2.5, north=crossing(7))
    pole.show(1.5)
    pole.show(2.5, east=crossing(7))
    assert pole.end() == [(Kind.READ, "north", "KAB123")]
    assert pole.counts("east").handed_over == 1
    assert (pole.counts("north").reads, pole.counts("east").reads) == (1, 0)


def test_the_ring_is_closed() -> None:
    pole = Pole({7: reading("KAB123")})
    for lens in ("west", "north", "east", "south"):
        pole.show(2.5, **{lens: crossing(7)})
    assert pole.end() == [(Kind.READ, "west", "KAB123")]


def test_the_next_lens_s_better_evidence_is_an_update_of_the_same_read() -> None:
    pole = Pole({7: either("KAB123", "KAB128", 0.7), 8: reading("KAB123", sure=0.99)})
    pole.show(2.5, north=crossing(7))
    pole.show(0.5)
    pole.show(2.5, east=lambda t: {8: Box(20 + 200 * t, 100, 180, 90)} if t < 2 else {})
    said = pole.end()
    assert said[0] == (Kind.READ, "north", "KAB123")
    assert said[1:], "surer"
    assert {s[:2] for s in said[1:]} == {(Kind.UPDATE, "north")}
    assert {e.track_id for e in pole.said} == {0}
    first, last = pole.said[0], pole.said[-1]
    assert last.verdict.likelihood > first.verdict.likelihood
    assert last.shot.box.width < 1.5 * first.shot.box.width, "the picture is the named camera's"
    models = ModelVersions(detector="d@000000000000", reader="r@000000000000")
    for emission in pole.said:
        emission.message(ReadId("e", 1, 1), site_id="s", models=models, pictures=PictureRef())


def test_the_lens_that_reads_first_names_the_read_though_the_other_saw_it_first() -> None:
    pole = Pole({7: reading("KAB123"), 8: reading("KAB123", sure=0.7)})
    pole.show(0.25, north=standing(8))
    pole.show(1.5, north=standing(8), east=standing(7))
    pole.show(3, east=standing(7))
    said = pole.end()
    assert said[0] == (Kind.READ, "east", "KAB123")
    assert [s for s in said if s[0] is Kind.READ] == said[:1]
    assert pole.counts("north").handed_over == 1
    assert all(e.first_at <= e.shot.captured_at <= e.last_at for e in pole.said)


def test_lenses_that_do_not_stand_side_by_side_hand_nothing_over() -> None:
    pole = Pole({7: reading("KAB123")})
    pole.show(2.5, north=crossing(7))
    pole.show(1.5)
    pole.show(2.5, south=crossing(7))
    assert pole.end() == [(Kind.READ, "north", "KAB123"), (Kind.READ, "south", "KAB123")]


@pytest.mark.parametrize(("away_s", "reads"), [(6.0, 1), (12.0, 2), (60.0, 2)])
def test_a_vehicle_that_comes_after_a_time_comes_anew(away_s: float, reads: int) -> None:
    pole = Pole({7: reading("KAB123")})
    pole.show(2.5, north=crossing(7))
    pole.show(away_s)
    pole.show(2.5, east=crossing(7))
    assert len(pole.end()) == reads


@pytest.mark.parametrize(
    ("away_s", "late_s", "reads"),
    [(6.0, 1.0, 1), (6.0, 2.0, 2), (8.5, -2.0, 1), (0.0, -3.0, 1), (0.0, 6.0, 1)],
)
def test_what_the_lenses_delays_differ_by_is_added_to_the_time_between_them(
    away_s: float, late_s: float, reads: int
) -> None:
    pole = Pole({7: reading("KAB123")}, late_s={"east": late_s})
    pole.show(2.5, north=crossing(7))
    pole.show(away_s)
    pole.show(2.5, east=crossing(7))
    assert len(pole.end()) == reads


def test_a_motorcycle_that_passes_twice_is_two_reads_each_over_two_lenses() -> None:
    pole = Pole({7: reading("KAB12D")})
    for _ in range(2):
        pole.show(2.5, north=crossing(7))
        pole.show(2.5, east=crossing(7))
        pole.show(30)
    assert pole.end() == [(Kind.READ, "north", "KAB12D")] * 2
    assert {e.track_id for e in pole.said} == {0, 1}
    assert pole.counts("east").handed_over == 2


def test_what_left_while_no_frames_came_is_not_taken_for_parked() -> None:
    """Its track ends only with the next frame; it drove when it was seen last."""
    pole = Pole({7: reading("KAB12D")})
    pole.show(1.0, north=crossing(7, px_s=100))
    pole.pause(300)
    began = pole.now
    for k in range(16):  # frames of the second lens only
        frame = Frame("east", at(began + k / FPS), picture(crossing(7, px_s=100)(k / FPS)))
        pole.said += pole.lenses["east"].feed(frame, now=at(began + k / FPS))
    pole.now = began + 2
    assert pole.end() == [(Kind.READ, "north", "KAB12D"), (Kind.READ, "east", "KAB12D")]


def test_a_parked_car_in_two_pictures_is_one_read() -> None:
    pole = Pole({7: reading("KAB123")})
    pole.show(3, north=standing(7, 500), east=standing(7, 20))
    assert pole.end() == [(Kind.READ, "north", "KAB123")]


def test_a_parked_car_that_the_second_lens_finds_much_later_is_one_read() -> None:
    pole = Pole({7: reading("KAB123")})
    pole.show(2, north=standing(7, 500))
    pole.pause(600)
    began = pole.now
    for k in range(8):
        frame = Frame("east", at(began + k / FPS), picture(standing(7, 20)(0)))
        pole.said += pole.lenses["east"].feed(frame, now=at(began + k / FPS))
    pole.now = began + 1
    assert pole.end() == [(Kind.READ, "north", "KAB123")]


@pytest.mark.parametrize("other", ["KAB124", "KAB128", "KAB12D"])
def test_a_fleet_s_neighbouring_plates_are_two_vehicles(other: str) -> None:
    pole = Pole({7: reading("KAB123"), 9: reading(other)})
    pole.show(2.5, north=crossing(7))
    pole.show(2.5, east=crossing(9))
    assert pole.end() == [(Kind.READ, "north", "KAB123"), (Kind.READ, "east", other)]


def test_a_doubtful_read_of_another_plate_is_another_vehicle() -> None:
    """Though the second lens holds KAB123 nearly as likely: what it says is KAB128."""
    pole = Pole({7: reading("KAB123"), 9: either("KAB128", "KAB123", 0.55)})
    pole.show(2.5, north=crossing(7))
    pole.show(2.5, east=crossing(9))
    assert pole.end() == [(Kind.READ, "north", "KAB123"), (Kind.READ, "east", "KAB128")]
    assert pole.counts("east").handed_over == 0


def test_a_doubtful_read_of_the_same_plate_joins() -> None:
    pole = Pole({7: reading("KAB123"), 9: either("KAB123", "KAB128", 0.7)})
    pole.show(2.5, north=crossing(7))
    pole.show(2.5, east=crossing(9))
    assert pole.end() == [(Kind.READ, "north", "KAB123")]
    assert pole.counts("east").handed_over == 1


def test_a_vehicle_that_the_next_lens_misreads_at_first_is_its_own() -> None:
    pole = Pole({7: reading("KAB123"), 8: either("KAB123", "KAB128", 0.55), 9: reading("KAB128")})
    pole.show(2.5, north=crossing(7))
    pole.show(2.5, east=lambda t: {8 if t < 0.5 else 9: Box(20 + 200 * t, 150, 96, 48)})
    assert pole.end() == [(Kind.READ, "north", "KAB123"), (Kind.READ, "east", "KAB128")]


def test_what_drives_past_one_lens_is_not_what_is_parked_before_the_other() -> None:
    pole = Pole({7: reading("KAB123"), 9: reading("KAB123")})
    pole.show(2, north=standing(7))
    pole.show(2, north=standing(7), east=crossing(9))
    assert pole.end() == [(Kind.READ, "north", "KAB123"), (Kind.READ, "east", "KAB123")]


def test_the_pictures_of_a_read_are_its_own_camera_s() -> None:
    """The next lens's are better, but the message names the first one, and so does the clip that it is asked for."""
    pole = Pole({7: either("KAB123", "KAB128", 0.7), 8: reading("KAB123", sure=0.99)})
    pole.show(2.5, north=crossing(7))
    pole.show(3)
    pole.show(2.5, east=lambda t: {8: Box(20 + 200 * t, 100, 180, 90)} if t < 2 else {})
    said = pole.end()
    assert [s[0] for s in said] == [Kind.READ, Kind.UPDATE]
    first, last = pole.said
    assert last.verdict.likelihood > first.verdict.likelihood
    assert (last.shot.captured_at, last.shot.box) == (first.shot.captured_at, first.shot.box)
    assert last.shot.crop.size == 0, "it was let go of: there is no newer picture"


@pytest.mark.parametrize(("less_trusted", "trust"), [("east", "normal"), ("north", "lower")])
def test_an_update_has_the_trust_of_the_camera_that_it_names(less_trusted: str, trust: str) -> None:
    pole = Pole(
        {7: either("KAB123", "KAB128", 0.7), 8: reading("KAB123", sure=0.99)}, less_trusted=less_trusted
    )
    pole.show(2.5, north=crossing(7))
    pole.show(3)
    pole.show(2.5, east=lambda t: {8: Box(20 + 200 * t, 100, 180, 90)} if t < 2 else {})
    assert [s[:2] for s in pole.end()] == [(Kind.READ, "north"), (Kind.UPDATE, "north")]
    assert [e.trust for e in pole.said] == [trust, trust]


def test_of_two_lenses_at_once_only_the_one_that_is_named_gives_pictures() -> None:
    pole = Pole({7: either("KAB123", "KAB128", 0.7), 8: reading("KAB123", sure=0.99)})
    small = {7: Box(300, 150, 72, 36)}
    pole.show(3, north=lambda _: small)
    pole.show(3, north=lambda _: small, east=lambda _: {8: Box(60, 100, 240, 120)})
    assert [s[:2] for s in pole.end()] == [(Kind.READ, "north"), (Kind.UPDATE, "north")]
    assert all(e.shot.box.width < 80 for e in pole.said)


def test_a_doubtful_read_that_holds_the_other_unlikely_stays_its_own() -> None:
    pole = Pole({7: reading("KAB123"), 9: either("KAB128", "KAB123", 0.95)})
    pole.show(2.5, north=crossing(7))
    pole.show(2.5, east=crossing(9))
    assert len(pole.end()) == 2


def test_cameras_of_no_common_device_know_nothing_of_one_another() -> None:
    pole = Pole({7: reading("KAB123")})
    for name in LENSES:
        pole.lenses[name]._passages._device = Device([name])
    pole.show(2.5, north=crossing(7))
    pole.show(2.5, east=crossing(7))
    assert pole.end() == [(Kind.READ, "north", "KAB123"), (Kind.READ, "east", "KAB123")]


def test_a_lens_of_two_has_one_neighbour_and_a_camera_alone_none() -> None:
    assert Device(["a", "b"]).beside("a") == {"b"}
    assert Device(["a"]).beside("a") == frozenset()
    assert Device(["a", "b", "c", "d"]).beside("a") == {"b", "d"}


def test_what_is_remembered_is_bounded() -> None:
    pole = Pole({7: reading("KAB123")})
    pole.show(1, north=standing(7))
    device = pole.lenses["north"]._passages._device
    (passage,) = device.known
    for _ in range(600):
        clone = type(passage)(
            passage.traces["north"].track, vote=passage._vote, settings=SETTINGS, stand=passage.stand
        )
        device.remember(clone)
    assert len(device.known) == 512
    device.watched_s["north"] += 130
    for known in device.known:
        known.traces["north"].live = 0
    device.forget()
    assert device.known == ()


def camera(name: str, device: str | None = None) -> CameraSettings:
    return CameraSettings(id=name, url="rtsp://127.0.0.1/cam", device=device)


def names(shares: list[list[CameraSettings]]) -> list[list[str]]:
    return [[c.id for c in share] for share in shares]


def test_all_lenses_of_a_device_go_to_one_analyser() -> None:
    cameras = [camera("gate"), *(camera(name, "pole") for name in LENSES), camera("yard")]
    assert names(by_device(cameras)) == [["gate"], list(LENSES), ["yard"]]
    assert names(share_out(cameras, 2)) == [list(LENSES), ["gate", "yard"]]
    assert names(share_out(cameras, 1)) == [[*LENSES, "gate", "yard"]]


def test_cameras_of_no_device_are_shared_out_in_turn() -> None:
    cameras = [camera(str(n)) for n in range(5)]
    assert names(share_out(cameras, 2)) == [["0", "2", "4"], ["1", "3"]]
    assert names(by_device([camera("pole"), camera("a", "pole"), camera("b", "pole")])) == [
        ["pole"],
        ["a", "b"],
    ]


def test_an_analyser_lets_the_lenses_of_a_device_share_what_they_know() -> None:
    class Nowhere:
        def put(self, emission: Emission, *, models: ModelVersions) -> None: ...
        def retry(self) -> None: ...

    analyser = Analyser(
        "a",
        cameras=[camera("x"), camera("n", "pole"), camera("e", "pole")],
        vote=SETTINGS,
        engine=FakeEngine.that_says({}),
        sink=Nowhere(),
        clock=lambda: at(0),
    )
    devices = {name: p._passages._device for name, p in analyser._pipelines.items()}
    assert devices["n"] is devices["e"]
    assert devices["x"] is not devices["n"]


def test_a_device_of_one_lens_is_a_slip() -> None:
    cameras = [camera("a", "pole"), camera("b", "pool")]
    with pytest.raises(ValidationError, match="one camera only says device: pole"):
        EdgeSettings(edge_id="e", site_id="s", cameras=tuple(cameras))


@pytest.mark.parametrize(
    "least_s", [(0.08, 0.08, 0.08, 0.08), (0.08, 0.35, 0.12, 0.6)], ids=["alike", "unequal"]
)
def test_the_lenses_times_are_on_one_clock_but_for_their_least_delays(least_s: tuple[float, ...]) -> None:
    """Each stream counts from a moment of its own and comes late by its own jitter; what they show is of one time."""
    rng = np.random.default_rng(2)
    arriving = {"at": at(0)}
    origins_s = (0.0, 71_000.0, 3.25, 909.5)
    streams = [
        (CaptureClock(lambda: arriving["at"]), origin_s, delay_s)
        for origin_s, delay_s in zip(origins_s, least_s, strict=True)
    ]
    apart = []
    for n in range(25 * 20):
        shown_s = n / 25
        captured = []
        for clock, origin_s, delay_s in streams:
            arriving["at"] = at(shown_s + delay_s + float(rng.exponential(0.02)))
            clock.arrived(origin_s + shown_s, at=arriving["at"])
            captured.append(clock.captured(origin_s + shown_s))
        apart.append((max(captured) - min(captured)).total_seconds())
    assert apart[25 * 5 :] == pytest.approx([max(least_s) - min(least_s)] * 25 * 15, abs=0.02)
