"""What a pipeline makes of a camera that turns."""

from collections.abc import Callable
from dataclasses import replace

from fakes import FakeDetector, FakeReader, FakeVote, at, frame, reading

from edge.contract.read import ModelVersions, PictureRef, ReadId
from edge.emission import Emission
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, LaneSettings, PresetSettings, PtzSettings, VoteSettings
from edge.types import Box, Frame, Position

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
PRESETS = (
    PresetSettings(name="gate", region=LEFT, direction="receding"),
    PresetSettings(
        name="road",
        min_plate_px=100,
        lanes=(LaneSettings(name="fast", polygon=RIGHT, direction="approaching"),),
    ),
)
HERE = Position(0.5, -0.1, 0.3)
SAYS = {mark: reading(f"KAB1{mark:02d}") for mark in (7, 9)}


def standing(x: float, *, width: float = 120) -> Callable[[int], dict[int, Box]]:
    return lambda _: {7: Box(x, 120, width, 60)}


class Camera:
    def __init__(self) -> None:
        camera = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", ptz=PtzSettings(presets=PRESETS))
        self.pipeline = Pipeline(
            camera=camera,
            vote=VoteSettings(),
            new_vote=FakeVote,  # type: ignore[arg-type]
            detector=FakeDetector(),
            reader=FakeReader(SAYS),
        )
        self.now = 0.0

    def show(
        self, plates: Callable[[int], dict[int, Box]], *, frames: int = 6, preset: str | None, stay: int = 1
    ) -> list[Emission]:
        said: list[Emission] = []
        for n in range(frames):
            seen = frame(self.now, plates(n), preset=preset)
            said += self.pipeline.feed(replace(seen, position=HERE, stay=stay), now=at(self.now))
            self.now += 1 / 8
        return said

    def end(self) -> list[Emission]:
        return self.pipeline.flush(now=at(self.now))


def test_a_read_says_where_the_camera_stood() -> None:
    camera = Camera()
    said = [*camera.show(standing(100), preset="gate"), *camera.end()]
    (emission,) = said
    message = emission.message(
        ReadId("e", 1, 1),
        site_id="s",
        models=ModelVersions(detector="d@000000000000", reader="r@000000000000"),
        pictures=PictureRef(),
    )
    assert message.preset == "gate"
    assert message.ptz is not None
    assert (message.ptz.pan, message.ptz.tilt, message.ptz.zoom) == (0.5, -0.1, 0.3)
    assert message.lane is None
    assert message.direction == "receding", "the track stands still: the preset says"


def test_each_preset_has_its_region() -> None:
    camera = Camera()
    assert [*camera.show(standing(400), preset="gate"), *camera.end()] == []
    assert len([*camera.show(standing(400), preset=None, stay=2), *camera.end()]) == 1


def test_each_preset_has_its_smallest_plate() -> None:
    small = standing(100, width=80)
    camera = Camera()
    assert [*camera.show(small, preset="road"), *camera.end()] == []
    assert len([*camera.show(small, preset="gate", stay=2), *camera.end()]) == 1


def test_a_plate_s_lane_goes_with_its_read() -> None:
    (emission,) = [*(camera := Camera()).show(standing(450), preset="road"), *camera.end()]
    assert (emission.lane, emission.direction) == ("fast", "approaching")
    (emission,) = [*(camera := Camera()).show(standing(20), preset="road"), *camera.end()]
    assert (emission.lane, emission.direction) == (None, None)


def test_another_stay_at_the_same_preset_is_another_scene() -> None:
    """An operator took the camera away and the tour brought it back: what stood there then may be gone."""
    camera = Camera()
    first = camera.show(standing(100), preset="gate")
    again = camera.show(standing(100), preset="gate", stay=2)
    assert [e.verdict.plate for e in [*first, *again, *camera.end()]] == ["KAB107", "KAB107"]
    assert {e.track_id for e in [*first, *again]} == {first[0].track_id, first[0].track_id + 1}


def test_the_read_of_a_track_that_a_turn_ends_is_of_where_it_was_seen() -> None:
    camera = Camera()
    doubtful = FakeReader({7: reading("KAB107", sure=0.9)})
    camera.pipeline._reader = doubtful
    assert camera.show(standing(450), frames=3, preset="road") == []
    said = camera.show(lambda _: {}, frames=1, preset="gate", stay=2)
    assert [(e.preset, e.lane) for e in said] == [("road", "fast")]


def test_a_frame_of_nowhere_claims_nothing() -> None:
    camera = Camera()
    said = []
    for n in range(6):
        shown = frame(n / 8, standing(300)(n))
        said += camera.pipeline.feed(
            Frame(shown.camera_id, shown.captured_at, shown.bgr, stay=4), now=at(n / 8)
        )
    (emission,) = [*said, *camera.end()]
    assert (emission.preset, emission.position, emission.lane) == (None, None, None)
