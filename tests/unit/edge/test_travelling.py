"""Reads of ordinary CCTV, of recordings, and of cameras that move themselves."""

from collections.abc import Sequence

import pytest
from fakes import FakeDetector, FakeReader, FakeVote, at, frame, reading

from edge.contract.read import GeoPosition, ModelVersions, PictureRef, ReadId
from edge.emission import Emission
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box

FAR, NEAR = Box(40, 60, 64, 32), Box(400, 200, 160, 80)


def seen(shown: Sequence[tuple[float, Box | None]], **camera: object) -> list[Emission]:
    """What is said where the plate is shown in these boxes, each from a time on, at 8 frames a second."""
    settings = CameraSettings.model_validate({"id": "cam", "url": "rtsp://127.0.0.1/cam", **camera})
    pipeline = Pipeline(
        camera=settings,
        vote=VoteSettings(),
        new_vote=FakeVote,  # type: ignore[arg-type]
        detector=FakeDetector(),
        reader=FakeReader({7: reading("KAB123")}),
    )
    said = []
    until = shown[-1][0]
    for k in range(round(until * 8)):
        box = [b for from_s, b in shown if from_s <= k / 8][-1]
        said += pipeline.feed(frame(k / 8, {} if box is None else {7: box}), now=at(k / 8))
    return said + pipeline.flush(now=at(until))


@pytest.mark.parametrize("trust", ["normal", "lower"])
def test_a_camera_s_trust_goes_all_the_way_into_the_message(trust: str) -> None:
    (emission,) = seen([(0, FAR), (2, None)], trust=trust)
    message = emission.message(
        ReadId("edge-1", 1, 1), site_id="site", models=ModelVersions(detector="d", reader="r"),
        pictures=PictureRef(),
    )  # fmt: skip
    assert message.trust == trust
    assert message.location is None


def test_where_a_travelling_camera_was_goes_along() -> None:
    (emission,) = seen([(0, FAR), (2, None)])
    where = GeoPosition(lat=6.25, lon=-75.56)
    message = type(emission)(
        **{name: getattr(emission, name) for name in emission.__dataclass_fields__} | {"location": where}
    ).message(
        ReadId("edge-1", 1, 1), site_id="site", models=ModelVersions(detector="d", reader="r"),
        pictures=PictureRef(),
    )  # fmt: skip
    assert message.location == where


GLANCE_AWAY = [(0.0, NEAR), (2.0, None), (40.0, FAR), (42.0, None)]


def test_a_fixed_camera_reads_a_plate_anew_that_comes_back_elsewhere() -> None:
    assert len(seen(GLANCE_AWAY)) == 2


def test_a_camera_that_looks_away_and_back_reads_it_once() -> None:
    assert len(seen(GLANCE_AWAY, travels=True)) == 1


def test_long_after_it_is_another_read_of_a_travelling_camera_too() -> None:
    later = [(0.0, NEAR), (2.0, None), (125.0, FAR), (127.0, None)]
    assert len(seen(later, travels=True)) == 2


def coming() -> list[tuple[float, Box | None]]:
    return [(k / 8, Box(300, 60 + 5 * k, 48 + 4 * k, 24 + 2 * k)) for k in range(24)] + [(3.0, None)]


@pytest.mark.parametrize(("travels", "direction"), [(False, "approaching"), (True, None)])
def test_whether_it_is_the_vehicle_that_comes_only_a_fixed_camera_knows(
    travels: bool, direction: str | None
) -> None:
    said = seen([*coming(), (6.0, None)], travels=travels)
    assert said[-1].direction == direction


def test_a_camera_that_moves_has_no_places_in_its_picture() -> None:
    corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    with pytest.raises(
        ValueError, match="the camera itself moves, so region, lanes, ground and ptz name no place"
    ):
        seen([(0, FAR), (1, None)], travels=True, region=corners)
