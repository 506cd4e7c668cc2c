from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from fakes import at, frame, picture, reading
from passing import FPS, Scene, approaching, driving, either, nothing, real_vote, said, standing

from edge.contract.read import ModelVersions, PictureRef, ReadId
from edge.emission import Kind
from edge.ground import GroundPoint, GroundSettings
from edge.settings import VoteSettings
from edge.speed import Pace, Speed
from edge.types import Bgr, Box, Detection, Frame

SETTINGS = VoteSettings()
_SEEN = ((0.1, 0.2), (0.9, 0.2), (0.9, 0.9), (0.1, 0.9))
_METRES = ((0.0, 20.0), (10.0, 20.0), (10.0, 0.0), (0.0, 0.0))
GROUND = GroundSettings(
    points=tuple(GroundPoint(picture=s, metres=m) for s, m in zip(_SEEN, _METRES, strict=True))
)


@dataclass(frozen=True)
class Made:
    """Pixels that note when a picture is made of them."""

    number: int
    shown: Bgr
    made: list[int]

    @property
    def size(self) -> tuple[int, int]:
        return self.shown.shape[1], self.shown.shape[0]

    def bgr(self) -> Bgr:
        self.made.append(self.number)
        return self.shown


def test_a_passing_vehicle_is_one_read() -> None:
    scene = Scene({7: reading("KAB123")}, real_vote)
    scene.show(5, driving(7))
    emissions = scene.end()
    assert said(emissions) == [(Kind.READ, "KAB123")]
    (only,) = emissions
    assert only.camera_id == "cam"
    assert only.first_at == at(0)
    assert only.first_at <= only.shot.captured_at <= only.last_at <= only.emitted_at
    assert only.verdict.country is not None
    assert only.verdict.country.value == "CO"
    assert scene.pipeline.counts.reads == 1
    assert scene.pipeline.counts.illegible == 0


def test_a_certain_read_is_emitted_at_once_and_not_read_again() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(6, standing(7))
    ((emitted_at, emission),) = scene.emissions
    assert emission.verdict.likelihood >= SETTINGS.certain
    assert emitted_at < SETTINGS.patience_s
    assert scene.reader.crops <= 4, "and then no more"
    assert scene.pipeline.counts.frames == 48


def test_an_uncertain_read_is_emitted_when_patience_ends() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(6, standing(7))
    emitted_at, first = scene.emissions[0]
    assert SETTINGS.legible <= first.verdict.likelihood < SETTINGS.certain
    assert emitted_at == pytest.approx(SETTINGS.patience_s, abs=0.3)
    assert [e.kind for e in scene.end()].count(Kind.READ) == 1


def test_patience_ends_also_while_no_frames_come() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(0.5, standing(7))
    assert scene.emissions == []
    scene.wait(3)
    ((emitted_at, emission),) = scene.emissions
    assert emission.verdict.plate == "KAB123"
    assert emitted_at == pytest.approx(SETTINGS.patience_s, abs=0.6)


def test_patience_runs_out_between_two_looks_and_the_read_says_when() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(0.5, standing(7))
    passage = next(iter(scene.pipeline._passages.live.values()))
    assert passage.legible_at == at(1 / FPS)
    scene.wait(3)  # it is looked at every half second
    ((_, emission),) = scene.emissions
    assert emission.due_at == at(1 / FPS + SETTINGS.patience_s)
    assert emission.emitted_at == at(2.5)


def test_a_late_stream_is_not_due_before_its_pictures_come() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    for k in range(20):
        shown = replace(frame(k / FPS, standing(7)(0)), came_at=at(k / FPS + 0.3))
        scene._take(scene.pipeline.feed(shown, now=at(k / FPS + 0.35)))
    assert scene.emissions[0][1].due_at == at(1 / FPS + SETTINGS.patience_s + 0.3)


def test_what_was_not_due_at_the_last_look_became_so_later() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(0.5, standing(7))
    scene.reader.says[7] = reading("KAB123", sure=0.3)  # doubt: it is no longer legible
    scene.show(2.5, standing(7))
    assert scene.emissions == []
    scene.reader.says[7] = reading("KAB123", sure=0.95)
    scene.show(3, standing(7))
    (moment, emission), *_ = scene.emissions
    assert at(moment - 1 / FPS) <= emission.due_at <= emission.emitted_at == at(moment)


def test_a_certain_read_is_due_as_the_frame_came_that_made_it_so() -> None:
    scene = Scene({7: reading("KAB123")})
    for k in range(3):
        shown = replace(frame(k / FPS, standing(7)(0)), came_at=at(k / FPS + 0.1))
        scene._take(scene.pipeline.feed(shown, now=at(k / FPS + 0.3)))  # it waited for the others'
    ((_, emission),) = scene.emissions
    assert (emission.due_at, emission.emitted_at) == (at(1 / FPS + 0.1), at(1 / FPS + 0.3))


def test_an_uncertain_read_is_emitted_when_its_track_ends() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(0.75, driving(7, px_s=600))
    assert scene.emissions == []
    assert said(scene.end()) == [(Kind.READ, "KAB123")]


def test_what_is_never_legible_is_counted_and_not_emitted() -> None:
    scene = Scene({7: reading("KAB123", sure=0.3)})
    scene.show(3, driving(7))
    scene.show(3, nothing)
    assert scene.end() == []
    assert (scene.pipeline.counts.illegible, scene.pipeline.counts.tracks) == (1, 1)


def test_a_plate_too_narrow_to_read_is_tracked_and_not_read() -> None:
    scene = Scene({7: reading("KAB123")}, min_plate_px=130)
    scene.show(3, standing(7))
    assert scene.end() == []
    assert scene.reader.crops == 0
    assert scene.pipeline.counts.unread == 1


def test_a_plate_outside_the_region_does_not_exist() -> None:
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    scene = Scene({7: reading("KAB123"), 9: reading("XYZ987")}, region=left_half)
    scene.show(2, lambda _: {7: Box(60, 120, 120, 60), 9: Box(440, 120, 120, 60)})
    assert said(scene.end()) == [(Kind.READ, "KAB123")]
    assert scene.pipeline.counts.tracks == 1


def test_two_vehicles_at_once_are_two_reads_with_their_own_evidence() -> None:
    scene = Scene({7: reading("KAB123"), 9: reading("XYZ987")})
    scene.show(2, standing(7, 9))
    emissions = scene.end()
    assert sorted(e.verdict.plate for e in emissions) == ["KAB123", "XYZ987"]
    marks = {
        e.verdict.plate: int(e.shot.crop[e.shot.crop.shape[0] // 2, e.shot.crop.shape[1] // 2, 2])
        for e in emissions
    }
    assert marks == {"KAB123": 7, "XYZ987": 9}
    assert len({e.track_id for e in emissions}) == 2


@pytest.mark.parametrize("caught", [0, 1, 2, 5])
def test_a_neighbour_s_plate_that_the_track_caught_is_not_its_evidence(caught: int) -> None:
    """No frame spells the plate on its own, and the neighbour's is the larger and clearer picture."""
    scene = Scene({7: reading("KAB123"), 9: reading("XYZ987")}, real_vote)
    own = [replace(either("KAB123", wrong, 0.45), text_raw=wrong) for wrong in ("KA8123", "KAB12S", "RAB123")]
    for step in range(9):
        scene.reader.says[7] = own[step % 3]
        box = Box(200, 120, 110, 55) if step == caught else Box(200, 120, 88, 44)
        scene.show(1 / FPS, lambda _, box=box, mark=9 if step == caught else 7: {mark: box})
    emissions = scene.end()
    assert {e.verdict.plate for e in emissions} == {"KAB123"}
    assert len({e.track_id for e in emissions}) == 1
    for emission in emissions:
        crop = emission.shot.crop
        assert crop[crop.shape[0] // 2, crop.shape[1] // 2, 2] == 7
    assert scene.pipeline.counts.tracks == 1, "or the neighbour's was not caught"


def test_better_evidence_later_is_an_update_of_the_same_passage() -> None:
    scene = Scene({7: reading("KAB128", sure=0.9)})
    scene.show(2.5, standing(7))
    scene.reader.says[7] = reading("KAB123")
    scene.show(3, standing(7))
    emissions = scene.end()
    assert said(emissions)[0] == (Kind.READ, "KAB128")
    assert said(emissions)[-1] == (Kind.UPDATE, "KAB123")
    assert len({e.track_id for e in emissions}) == 1
    assert emissions[-1].shot.text == "KAB123"


def test_a_less_sure_verdict_that_names_another_plate_is_an_update() -> None:
    scene = Scene({7: reading("KAB128", sure=0.90)})
    scene.show(2.5, standing(7))
    scene.reader.says[7] = reading("KAB123", sure=0.85)
    scene.show(3, standing(7))
    assert said(scene.end()) == [(Kind.READ, "KAB128"), (Kind.UPDATE, "KAB123")]


def test_an_illegible_verdict_that_names_another_plate_is_none() -> None:
    scene = Scene({7: reading("KAB128", sure=0.90)})
    scene.show(2.5, standing(7))
    scene.reader.says[7] = reading("KAB123", sure=0.4)
    scene.show(3, standing(7))
    assert said(scene.end()) == [(Kind.READ, "KAB128")]


def test_updates_are_few() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    for k in range(60):
        scene.reader.says[7] = reading("KAB123" if k % 2 else "KAB128", sure=0.8 + k / 400)
        scene.show(0.5, standing(7))
    kinds = [e.kind for e in scene.end()]
    assert kinds.count(Kind.READ) == 1
    assert kinds.count(Kind.UPDATE) <= 3


def test_an_uncertain_plate_that_stands_is_read_less_and_less() -> None:
    scene = Scene({7: reading("KAB123", sure=0.6)})
    scene.show(10, standing(7))
    assert 12 <= scene.reader.crops <= 12 + 10


def test_a_certain_plate_is_read_again_once_it_is_much_wider() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(5, approaching(7))
    assert 3 <= scene.reader.crops <= 6, "of 40 frames"
    emissions = scene.end()
    assert said(emissions) == [(Kind.READ, "KAB123"), (Kind.UPDATE, "KAB123")]
    first, last = emissions
    assert last.shot.box.width >= 1.5 * first.shot.box.width, "a much better picture follows"
    assert last.shot.quality > first.shot.quality


def test_one_frame_alone_is_believed_only_if_it_is_sure() -> None:
    for sure, expected in ((0.9, []), (0.99, [(Kind.READ, "KAB123")])):
        scene = Scene({7: reading("KAB123", sure=sure)})
        scene.show(0.125, standing(7))
        assert scene.emissions == [], "one frame is never certain"
        scene.show(3, nothing)
        assert said(scene.end()) == expected


def test_a_passage_that_fell_into_two_tracks_at_once_is_one_read() -> None:
    scene = Scene({7: reading("KAB123", sure=0.7), 9: reading("KAB123", sure=0.99)})
    scene.show(0.5, lambda _: {7: Box(60, 60, 120, 60)})
    scene.show(0.5, lambda _: {9: Box(400, 200, 120, 60)})
    assert said(scene.end()) == [(Kind.READ, "KAB123")]
    assert scene.pipeline.counts.rejoined == 1


def test_a_plate_found_twice_in_a_frame_is_one() -> None:
    scene = Scene({7: reading("KAB123")})
    found = scene.detector.detect

    def twice(bgr: Bgr, **_: object) -> list[Detection]:
        (plate,) = found(bgr)
        box = plate.box
        return [Detection(Box(box.x + 4, box.y + 2, box.width * 0.7, box.height * 0.6), 0.5), plate]

    scene.detector.detect = twice  # type: ignore[method-assign]
    scene.show(2, standing(7))
    assert said(scene.end()) == [(Kind.READ, "KAB123")]
    assert scene.pipeline.counts.tracks == 1


def test_a_plate_found_again_after_an_occlusion_is_the_same_passage() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(1, standing(7))
    scene.show(4, nothing)
    scene.show(1, lambda _: {7: Box(400, 200, 120, 60)})
    assert said(scene.end()) == [(Kind.READ, "KAB123")]
    assert scene.pipeline.counts.rejoined == 1
    assert scene.pipeline.counts.tracks == 2


def test_a_plate_found_again_can_still_be_bettered() -> None:
    scene = Scene({7: reading("KAB123", sure=0.6)})
    scene.show(3, standing(7))
    scene.show(3, nothing)
    scene.reader.says[7] = reading("KAB123", sure=0.99)
    scene.show(3, standing(7))
    emissions = scene.end()
    assert said(emissions) == [(Kind.READ, "KAB123"), (Kind.UPDATE, "KAB123")]
    assert len({e.track_id for e in emissions}) == 1
    assert emissions[1].shot.crop.size > 0


@pytest.mark.parametrize("doubt_s", [0.25, 0.5, 3.0])
@pytest.mark.parametrize("stands", [True, False])
def test_a_vehicle_that_is_misread_at_first_is_not_the_one_before_it(doubt_s: float, *, stands: bool) -> None:
    scene = Scene({7: reading("KAB123"), 9: either("KAB123", "KAB128", 0.55)}, real_vote)
    scene.show(2, standing(7) if stands else driving(7))
    scene.show(3, nothing)
    follows = standing(9) if stands else driving(9, px_s=80)
    began = scene.now
    scene.show(doubt_s, follows)
    scene.reader.says[9] = reading("KAB128")
    scene.show(2.5, lambda t: follows(scene.now - began))
    reads = [e.verdict.plate for e in scene.end() if e.kind is Kind.READ]
    assert reads == ["KAB123", "KAB128"]
    assert scene.pipeline.counts.rejoined == 0


@pytest.mark.parametrize("doubt_s", [0.5, 3.0])
def test_a_vehicle_beside_another_that_is_misread_at_first_is_its_own(doubt_s: float) -> None:
    scene = Scene({7: reading("KAB123"), 9: either("KAB123", "KAB128", 0.55)}, real_vote)
    scene.show(1, standing(7))
    scene.show(doubt_s, standing(7, 9))
    scene.reader.says[9] = reading("KAB128")
    scene.show(2, standing(7, 9))
    emissions = [e for e in scene.end() if e.track_id == 1]
    assert emissions[-1].verdict.plate == "KAB128"
    assert scene.pipeline.counts.paired == 0


def test_a_doubtful_plate_that_drives_past_one_that_stands_is_no_second_plate_of_it() -> None:
    scene = Scene({7: reading("KAB123"), 9: either("KAB123", "KAB128", 0.7)}, real_vote)
    scene.show(1, lambda _: {7: Box(300, 40, 96, 48)})
    scene.show(2.4, lambda t: {7: Box(300, 40, 96, 48), 9: Box(20 + 200 * t, 250, 96, 48)})
    assert said(scene.end()) == [(Kind.READ, "KAB123")] * 2
    assert scene.pipeline.counts.paired == 0


def test_a_string_that_was_taken_back_catches_no_other_vehicle() -> None:
    scene = Scene({7: reading("KAB123", sure=0.88)})
    scene.show(2.5, standing(7))
    scene.reader.says[7] = reading("KAB128")
    scene.show(2, standing(7))
    scene.show(2, nothing)
    scene.reader.says[9] = reading("KAB123")
    scene.show(2, driving(9))
    emissions = scene.end()
    assert said(emissions) == [(Kind.READ, "KAB123"), (Kind.UPDATE, "KAB128"), (Kind.READ, "KAB123")]
    assert emissions[0].track_id == emissions[1].track_id != emissions[2].track_id


def test_a_doubtful_plate_found_again_joins_as_its_track_ends_however_long_it_took() -> None:
    scene = Scene({7: reading("KAB123"), 9: reading("KAB123", sure=0.8)})
    scene.show(1, standing(7))
    scene.show(3, nothing)
    scene.show(15, lambda _: {9: Box(400, 200, 120, 60)})
    assert said(scene.end()) == [(Kind.READ, "KAB123")]
    assert scene.pipeline.counts.rejoined == 1


def test_a_speed_is_not_said_with_a_picture_that_was_let_go_of() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(1, standing(7))
    scene.show(3, nothing)
    (passage,) = scene.pipeline._passages._device.known
    assert passage._shown is not None
    assert passage._shown.crop.size == 0
    scene.show(1, standing(7))
    passage.measure(Pace(Speed(10.0, 0.1), GROUND, rear=False))
    scene.show(3, nothing)
    assert scene.emissions[-1][1].shot.crop.size > 0


def test_the_same_plate_much_later_elsewhere_is_a_new_passage() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(1, standing(7))
    scene.show(15, nothing)
    scene.show(1, lambda _: {7: Box(400, 200, 120, 60)})
    assert said(scene.end()) == [(Kind.READ, "KAB123")] * 2


def test_a_plate_that_has_driven_round_the_block_is_a_new_passage() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(3, lambda t: {7: Box(300 - 20 * t, 200 - 50 * t, 120 - 25 * t, 60 - 12 * t)})
    scene.show(4, nothing)
    scene.show(1, lambda _: {7: Box(300, 200, 120, 60)})
    emissions = scene.end()
    assert said(emissions) == [(Kind.READ, "KAB123")] * 2
    assert emissions[0].track_id != emissions[1].track_id


def test_the_plate_in_front_and_then_the_one_behind_are_one_read() -> None:
    """A wide picture shows a vehicle come and go: what comes to the pole does not drive round in two seconds."""
    scene = Scene({7: reading("KAB123")})
    scene.show(2, lambda t: {7: Box(100 + 60 * t, 60 + 50 * t, 60 + 40 * t, 30 + 20 * t)})
    scene.show(1, nothing)
    scene.show(2, lambda t: {7: Box(420, 200 - 40 * t, 100 - 25 * t, 50 - 12 * t)})
    assert [plate for kind, plate in said(scene.end()) if kind is Kind.READ] == ["KAB123"]
    assert scene.pipeline.counts.rejoined == 1


@pytest.mark.parametrize(
    ("text", "expected"), [("BELEN", []), ("3105550", []), ("34A36837", ["34A36837"]), ("KAB123", ["KAB123"])]
)
def test_lettering_is_no_plate(text: str, expected: list[str]) -> None:
    scene = Scene({7: reading(text)}, real_vote)
    scene.show(3, standing(7))
    assert [e.verdict.plate for e in scene.end()] == expected
    assert scene.reader.crops <= 15, "and it is not read for ever"
    assert scene.pipeline.counts.illegible == 1 - len(expected)


def test_a_parked_car_behind_passing_ones_is_not_read_anew() -> None:
    scene = Scene({7: reading("KAB123"), 9: reading("XYZ987")})
    for _ in range(3):
        scene.show(1, standing(7))
        scene.show(30, nothing)  # a bus stands before it
    assert said(scene.end()) == [(Kind.READ, "KAB123")]


def test_a_parked_car_in_a_still_picture_goes_on() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(1, standing(7))
    scene.wait(600)
    scene.show(1, standing(7))
    assert said(scene.end()) == [(Kind.READ, "KAB123")]
    assert scene.pipeline.counts.tracks == 1


def test_another_preset_is_another_scene() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(0.5, standing(7), preset="north")
    scene.show(0.5, standing(7), preset="south")
    emissions = scene.end()
    assert [(e.verdict.plate, e.preset) for e in emissions] == [("KAB123", "north"), ("KAB123", "south")]


def test_another_frame_size_is_another_scene() -> None:
    scene = Scene({7: reading("KAB123", sure=0.6)})
    scene.show(3, standing(7))
    scene.reader.says[7] = reading("KAB123", sure=0.99)
    large = frame(scene.now, {})
    for _ in range(8):
        plates = {7: Box(1400, 700, 120, 60)}
        taken = replace(large, captured_at=at(scene.now), pixels=picture(plates, width=1920, height=1080))
        scene._take(scene.pipeline.feed(taken, now=at(scene.now)))
        scene.now += 1 / FPS
    first, second = scene.end()
    assert said([first, second]) == [(Kind.READ, "KAB123")] * 2
    assert first.shot.frame_size == (640, 360)
    assert second.shot.frame_size == (1920, 1080)
    models = ModelVersions(detector=scene.detector.version, reader=scene.reader.version)
    box = second.message(ReadId("e", 1, 1), site_id="s", models=models, pictures=PictureRef()).box
    assert (box.x, box.y) == (pytest.approx(1400 / 1920, abs=0.01), pytest.approx(700 / 1080, abs=0.01))
    assert (box.width, box.height) == (pytest.approx(0.0625, abs=0.01), pytest.approx(0.0556, abs=0.01))


def test_the_same_vehicle_passing_again_at_the_same_place_is_another_read() -> None:
    """It drove on when it was seen last, so it did not stand there all the while."""
    scene = Scene({7: reading("KAB123")})
    scene.show(1, driving(7, px_s=80))
    scene.show(20, nothing)
    scene.show(1, driving(7, px_s=80))
    assert said(scene.end()) == [(Kind.READ, "KAB123")] * 2


def test_a_vehicle_that_has_left_the_picture_is_emitted_without_waiting() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.show(1.0, lambda t: {7: Box(300 + 230 * t, 120, 96, 48)})
    scene.show(0.75, nothing)
    assert said([e for _, e in scene.emissions]) == [(Kind.READ, "KAB123")]


class TestWhereSomethingMoves:
    """Frames that say where something moves, as the motion gate has it."""

    def show(self, scene: Scene, seconds: float, plates: Callable[[float], dict[int, Box]]) -> None:
        """Each plate's vehicle moves with it."""
        began = scene.now
        while scene.now < began + seconds - 1e-9:
            shown = plates(scene.now - began)
            moving = tuple(
                Box(b.x - b.width, b.y - 2 * b.width, 3 * b.width, 3 * b.width) for b in shown.values()
            )
            seen = replace(frame(scene.now, shown), moving=moving)
            scene._take(scene.pipeline.feed(seen, now=at(scene.now)))
            scene.now += 1 / FPS

    def test_a_passing_vehicle_is_read_and_then_only_followed(self) -> None:
        scene = Scene({7: reading("KAB123")})
        self.show(scene, 5, driving(7, px_s=80))
        assert said(scene.end()) == [(Kind.READ, "KAB123")]
        counts = scene.pipeline.counts
        assert counts.frames + counts.passed_over == 40
        assert counts.passed_over >= 25, "it is known after a few"
        assert counts.tracks == 1

    def test_a_picture_is_made_once_of_each_frame_that_is_looked_at_and_of_no_other(self) -> None:
        scene = Scene({7: reading("KAB123")})
        made: list[int] = []
        for k in range(5 * FPS):
            plates = driving(7, px_s=80)(k / FPS)
            moving = tuple(Box(b.x - 96, b.y - 96, 288, 192) for b in plates.values())
            seen = Frame("cam", at(k / FPS), Made(k, picture(plates), made), moving=moving)
            scene._take(scene.pipeline.feed(seen, now=at(k / FPS)))
        assert said(scene.end()) == [(Kind.READ, "KAB123")]
        counts = scene.pipeline.counts
        assert counts.passed_over >= 25
        assert len(made) == len(set(made)) == counts.frames == 5 * FPS - counts.passed_over

    def test_a_second_vehicle_is_read_while_the_first_one_is_followed(self) -> None:
        scene = Scene({7: reading("KAB123"), 9: reading("XYZ98D")})

        def plates(t: float) -> dict[int, Box]:
            first = Box(20 + 30 * t, 60, 48, 24)
            second = {9: Box(560 - 60 * (t - 2), 280, 48, 24)} if t >= 2 else {}
            return {7: first, **second}

        self.show(scene, 6, plates)
        assert sorted(plate for _, plate in said(scene.end())) == ["KAB123", "XYZ98D"]
        assert scene.pipeline.counts.tracks == 2

    def test_a_vehicle_that_comes_to_stand_stays_one_track(self) -> None:
        scene = Scene({7: reading("KAB123")})
        self.show(scene, 2, driving(7, px_s=80))
        stands = {7: Box(20 + 80 * 2, 120, 96, 48)}
        for _ in range(6 * FPS):
            scene._take(scene.pipeline.feed(replace(frame(scene.now, stands), moving=()), now=at(scene.now)))
            scene.now += 1 / FPS
        assert said(scene.end()) == [(Kind.READ, "KAB123")]
        assert scene.pipeline.counts.tracks == 1

    def test_a_plate_that_stands_there_from_the_first_is_found_by_the_look_at_everything(self) -> None:
        scene = Scene({7: reading("KAB123")})
        for _ in range(3 * FPS):
            seen = replace(frame(scene.now, standing(7)(0)), moving=())
            scene._take(scene.pipeline.feed(seen, now=at(scene.now)))
            scene.now += 1 / FPS
        assert said(scene.end()) == [(Kind.READ, "KAB123")]

    def test_a_far_plate_that_is_too_small_to_read_is_looked_at_less_often(self) -> None:
        scene = Scene({7: reading("KAB123")}, min_plate_px=96)
        self.show(scene, 4, lambda t: {7: Box(100 + 10 * t, 100, 30, 15)})
        assert scene.end() == []
        assert scene.pipeline.counts.passed_over >= 14

    def test_in_a_region_only_its_part_of_the_frame_is_searched(self) -> None:
        region = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
        scene = Scene({7: reading("KAB123")}, region=region)
        self.show(scene, 0.125, standing(7))
        assert scene.detector.near is None
        assert scene.detector.within == Box(0, 0.5 * 360 - 32, 640, 0.5 * 360 + 32)


def test_a_plate_too_low_to_read_is_tracked_and_not_read() -> None:
    scene = Scene({7: reading("KAB123")})
    found = scene.detector.detect
    scene.detector.detect = lambda bgr, **_: [  # type: ignore[method-assign]
        Detection(replace(d.box, height=3), d.score) for d in found(bgr)
    ]
    scene.show(3, standing(7))
    assert scene.end() == []
    assert scene.reader.crops == 0
    assert scene.pipeline.counts.unread == 1


def test_a_clock_that_steps_back_begins_anew() -> None:
    scene = Scene({7: reading("KAB123", sure=0.9)})
    scene.now = 100.0
    scene.show(0.5, standing(7))
    scene.now = 50.0
    scene.show(0.5, standing(7))
    assert [e.verdict.plate for e in scene.end()] == ["KAB123"] * 2


def test_the_plates_of_the_newest_frame_can_be_seen() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(1, standing(7))
    (seen,) = scene.pipeline.seen()
    assert seen.emitted
    assert seen.verdict is not None
    assert seen.verdict.plate == "KAB123"
    scene.show(0.2, nothing)
    assert scene.pipeline.seen() == []


def test_what_was_known_is_forgotten_in_time() -> None:
    scene = Scene({mark: reading(f"KAB1{mark:02d}") for mark in range(1, 40)})
    for mark in range(1, 40):
        scene.show(1, standing(mark))
        scene.show(9, nothing)
    assert len(scene.end()) == 39
    assert len(scene.pipeline._passages._device.known) <= 13, "two minutes of plates"
    assert scene.pipeline._passages.live == {}
    assert all(len(p.gallery) == 0 for p in scene.pipeline._passages._device.known), "and no pictures of them"


def test_an_emission_becomes_a_valid_message() -> None:
    scene = Scene({7: reading("KAB123")})
    scene.show(2, lambda t: {7: Box(0, 0, 120 + 10 * t, 60)})
    (emission,) = scene.end()
    models = ModelVersions(detector=scene.detector.version, reader=scene.reader.version)
    message = emission.message(
        ReadId("edge-1", 3, 4), site_id="site", models=models, pictures=PictureRef(crop=True)
    )
    assert message.id == ("edge-1", 3, 4)
    assert message.plate == "KAB123"
    assert (message.box.x, message.box.y) == (0, 0)
    assert message.box.width == pytest.approx(120 / 640, abs=0.02)
    outside = replace(emission, shot=replace(emission.shot, box=Box(600, 340, 120, 60)))
    box = outside.message(message.id, site_id="site", models=models, pictures=PictureRef()).box
    assert box.x + box.width <= 1
    assert box.y + box.height <= 1
