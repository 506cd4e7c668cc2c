"""What a pipeline says of lanes and speeds, in a small street seen by a pinhole camera."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from fakes import HEIGHT, WIDTH, FakeDetector, FakeReader, FakeVote, at, frame, reading
from pydantic import ValidationError

from edge.contract.read import ModelVersions, PictureRef, ReadId
from edge.emission import Emission, Kind
from edge.ground import GroundPoint, GroundSettings
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, LaneSettings, PresetSettings, PtzSettings, VoteSettings
from edge.types import Box
from models.synth.scene.camera import Camera

FPS = 8
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
LANES = (
    LaneSettings(name="left", polygon=LEFT, direction="approaching"),
    LaneSettings(name="right", polygon=RIGHT),
)
CAMERA = Camera((0.0, 0.0, 6.0), 0.0, 14.0, 1800.0, WIDTH, HEIGHT)
PLATE_M = 0.6


def shares(x: float, y: float, z: float = 0.0) -> tuple[float, float]:
    pixel, _ = CAMERA.project(np.array([x, y, z]))
    return float(pixel[0] / WIDTH), float(pixel[1] / HEIGHT)


def ground(**more: float) -> GroundSettings:
    places = ((-1.5, 21.0), (1.5, 21.0), (-1.5, 28.0), (1.5, 28.0))
    points = tuple(GroundPoint(picture=shares(*p), metres=p) for p in places)
    return GroundSettings(points=points, camera_height_m=6.0, plate_height_m=PLATE_M, **more)


def run(
    plates: Callable[[float], dict[int, Box]],
    *,
    seconds: float = 3.0,
    sure: float = 0.99,
    times: Sequence[float] | None = None,
    **camera: object,
) -> tuple[list[Emission], Pipeline]:
    settings = CameraSettings.model_validate({"id": "cam", "url": "rtsp://127.0.0.1/cam", **camera})
    pipeline = Pipeline(
        camera=settings,
        vote=VoteSettings(),
        new_vote=FakeVote,  # type: ignore[arg-type]
        detector=FakeDetector(),
        reader=FakeReader({7: reading("KAB123", sure=sure), 9: reading("XYZ987", sure=sure)}),
    )
    said: list[Emission] = []
    for t in times if times is not None else np.arange(0, seconds, 1 / FPS):
        said += pipeline.feed(frame(float(t), plates(float(t))), now=at(float(t)))
    return [*said, *pipeline.flush(now=at(seconds))], pipeline


def driving(mps: float, *, x: float = 0.0) -> Callable[[float], dict[int, Box]]:
    """Towards the camera, from 29 m off until its plate would leave the picture."""

    def plates(t: float) -> dict[int, Box]:
        y = 29.0 - mps * t
        u, v = shares(x, y, PLATE_M)
        wide = 60.0 * 20.0 / y
        box = Box(u * WIDTH - wide / 2, v * HEIGHT - wide / 4, wide, wide / 2)
        return {7: box} if y > 20.0 and box.y + box.height < HEIGHT - 2 else {}

    return plates


class TestLanes:
    def test_a_fixed_camera_has_lanes_and_their_direction(self) -> None:
        (said,), _ = run(lambda _: {7: Box(100, 120, 120, 60)}, lanes=LANES)
        assert (said.lane, said.direction) == ("left", "approaching"), "it stands: the lane says which way"
        (said,), _ = run(lambda _: {7: Box(400, 120, 120, 60)}, lanes=LANES)
        assert (said.lane, said.direction) == ("right", None)

    def test_what_stands_in_no_lane_is_in_none(self) -> None:
        (said,), _ = run(lambda _: {7: Box(400, 120, 120, 60)}, lanes=LANES[:1])
        assert (said.lane, said.direction) == (None, None)

    def test_a_plate_that_trembles_on_the_border_is_in_the_lane_where_it_mostly_was(self) -> None:
        where = [238, 262, 246, 240, 263, 236, 248, 262, 244, 238]  # the border is 260 from its left edge

        def plates(t: float) -> dict[int, Box]:
            return {7: Box(where[round(t * FPS) % len(where)], 120, 120, 60)}

        said, _ = run(plates, sure=0.9, seconds=6, lanes=LANES)
        assert {s.lane for s in said} == {"left"}

    def test_the_lane_that_was_said_stays_until_another_is_clearly_so(self) -> None:
        def plates(t: float) -> dict[int, Box]:
            return {7: Box(230 if t < 2.2 else 290, 120, 120, 60)}

        kept, _ = run(plates, sure=0.7, seconds=3.0, lanes=LANES)
        assert {s.lane for s in kept} == {"left"}

    def test_the_lane_is_where_it_was_when_it_was_read_and_not_where_it_went(self) -> None:
        (said,), _ = run(lambda t: {7: Box(100 + 45 * t, 120, 80, 40)}, seconds=6, lanes=LANES)
        assert said.lane == "left"

    def test_a_camera_that_turns_has_its_lanes_and_its_ground_at_its_presets(self) -> None:
        ptz = PtzSettings(presets=(PresetSettings(name="gate", lanes=LANES, ground=ground()),))
        assert CameraSettings(id="c", url="rtsp://h/c", ptz=ptz).ptz == ptz
        for more in ({"lanes": LANES}, {"ground": ground()}):
            with pytest.raises(ValidationError, match="lanes and ground stand at its presets"):
                CameraSettings.model_validate({"id": "c", "url": "rtsp://h/c", "ptz": ptz, **more})


class TestSpeed:
    @pytest.mark.parametrize("mps", [4.0, 8.0, 12.0])
    def test_a_read_says_how_fast(self, mps: float) -> None:
        said, pipeline = run(driving(mps), seconds=2.5, ground=ground())
        assert [e.kind for e in said] == [Kind.READ, Kind.UPDATE], "known for certain before its speed is"
        assert said[0].speed_mps is None
        assert said[-1].speed_mps == pytest.approx(mps, rel=0.05)
        assert said[-1].shot is said[0].shot, "no picture goes again for a speed alone"
        assert pipeline.counts.updates == 1

    def test_the_plate_s_height_is_taken_into_account(self) -> None:
        high = ground()
        low = high.model_copy(update={"plate_height_m": 0.0})
        speeds = [run(driving(8.0), ground=g)[0][-1].speed_mps for g in (high, low)]
        assert speeds[0] is not None
        assert speeds[1] == pytest.approx(speeds[0] / (1 - PLATE_M / 6.0), rel=0.01)

    def test_frames_count_by_their_true_times(self) -> None:
        times = [0.0, 0.1, 0.3, 0.35, 0.6, 0.65, 0.7, 0.95, 1.0]
        said, _ = run(driving(8.0), times=times, seconds=1.0, ground=ground())
        assert said[-1].speed_mps == pytest.approx(8.0, rel=0.05)

    def test_what_stands_has_none(self) -> None:
        said, _ = run(lambda _: driving(8.0)(0.5), seconds=6, ground=ground())
        assert [e.speed_mps for e in said] == [None]

    def test_a_handful_of_frames_is_too_few(self) -> None:
        said, _ = run(driving(8.0), times=[0, 0.3, 0.6, 0.9], seconds=1.0, ground=ground())
        assert [e.speed_mps for e in said] == [None]

    def test_where_nothing_was_measured_nothing_is_told(self) -> None:
        said, _ = run(driving(8.0), seconds=2.5)
        assert [e.speed_mps for e in said] == [None]

    def test_the_message_carries_it(self) -> None:
        said, pipeline = run(driving(8.0), seconds=2.5, ground=ground())
        models = ModelVersions(detector="d@000000000000", reader="r@000000000000")
        message = said[-1].message(ReadId("e", 1, 1), site_id="s", models=models, pictures=PictureRef())
        assert message.speed_mps == said[-1].speed_mps
        assert pipeline.counts.reads == 1

    def test_what_is_read_is_followed_until_its_speed_is_known(self) -> None:
        """Elsewhere a plate that is known for certain is looked at once a second."""
        detector_calls = []
        for more in ({}, {"ground": ground()}):
            settings = CameraSettings.model_validate({"id": "cam", "url": "rtsp://127.0.0.1/cam", **more})
            detector = FakeDetector()
            pipeline = Pipeline(
                camera=settings,
                vote=VoteSettings(),
                new_vote=FakeVote,  # type: ignore[arg-type]
                detector=detector,
                reader=FakeReader({7: reading("KAB123")}),
            )
            for t in np.arange(0, 2.0, 1 / FPS):
                shown = frame(float(t), driving(4.0)(float(t)))
                box = next(iter(driving(4.0)(float(t)).values()))
                moving = (Box(box.x, box.y - box.width, box.width, box.width),)
                pipeline.feed(
                    type(shown)(shown.camera_id, shown.captured_at, shown.bgr, moving=moving),
                    now=at(float(t)),
                )
            detector_calls.append(detector.calls)
        assert detector_calls[1] >= detector_calls[0] + 3


def test_what_the_page_shows_can_be_configured() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "place.md").read_text(encoding="utf-8")
    shown = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    assert len(shown) == 4
    for content in shown:
        cameras = content.get("cameras") or [{"id": "cam", **content}]
        for camera in cameras:
            CameraSettings.model_validate({**camera, "url": "rtsp://192.0.2.1/main"})
