"""From the picture to the ground, against a pinhole camera whose numbers are known."""

import numpy as np
import pytest
from pydantic import ValidationError

from edge.ground import GroundLines, GroundPoint, GroundSettings, ground_map
from models.synth.scene.camera import Camera

CAMERA = Camera((0.5, 0.0, 5.0), 4.0, 9.0, 3000.0)
STREET = ((-1.5, 22.0), (2.0, 22.0), (-1.5, 60.0), (2.0, 60.0))


def shares(x: float, y: float, z: float = 0.0) -> tuple[float, float]:
    pixel, _ = CAMERA.project(np.array([x, y, z]))
    return float(pixel[0] / CAMERA.width_px), float(pixel[1] / CAMERA.height_px)


def points(places: tuple[tuple[float, float], ...] = STREET) -> tuple[GroundPoint, ...]:
    return tuple(GroundPoint(picture=shares(*place), metres=place) for place in places)


def test_the_map_says_where_points_of_the_ground_are() -> None:
    found = ground_map(GroundSettings(points=points()))
    places = np.array([(0.0, 25.0), (1.2, 48.0), (-1.0, 55.0)])
    seen = np.array([shares(x, y) for x, y in places])
    assert found.metres(seen) == pytest.approx(places, abs=1e-3)


def test_more_points_than_four_are_fitted() -> None:
    found = ground_map(GroundSettings(points=points((*STREET, (0.3, 35.0), (1.0, 28.0)))))
    assert found.metres(np.array([shares(1.0, 40.0)])) == pytest.approx(np.array([[1.0, 40.0]]), abs=1e-3)


def test_two_lines_across_a_lane_tell_the_way_along_it_whatever_its_width() -> None:
    for width_m in (2.0, 3.5, 7.0):
        lines = GroundLines(
            near=(shares(-1.5, 22.0), shares(2.0, 22.0)),
            far=(shares(-1.5, 60.0), shares(2.0, 60.0)),
            apart_m=38.0,
            width_m=width_m,
        )
        found = ground_map(GroundSettings(lines=lines))
        (first, second) = found.metres(np.array([shares(0.4, 30.0), shares(0.4, 45.0)]))
        assert second[1] - first[1] == pytest.approx(15.0, abs=1e-3)
        assert second[0] == pytest.approx(first[0], abs=1e-3)


def test_above_the_horizon_there_is_no_ground() -> None:
    found = ground_map(GroundSettings(points=points()))
    sky, street = found.metres(np.array([(0.5, -0.5), shares(0.0, 40.0)]))
    assert np.isnan(sky).all()
    assert np.isfinite(street).all()


def test_a_far_pixel_stands_for_more_metres() -> None:
    found = ground_map(GroundSettings(points=points()))
    near, far = found.metres_a_share(np.array([shares(0.0, 23.0), shares(0.0, 58.0)]))
    assert far > 4 * near


def test_a_plate_above_the_ground_is_slower_than_what_it_is_seen_before() -> None:
    """Wherever it drives, and whichever way."""
    settings = GroundSettings(points=points(), camera_height_m=5.0, plate_height_m=0.8)
    found = ground_map(settings)
    for start, end in (((0.0, 25.0), (0.0, 31.0)), ((1.0, 50.0), (-1.0, 44.0))):
        seen = found.metres(np.array([shares(*start, 0.8), shares(*end, 0.8)]))
        way = np.linalg.norm(seen[1] - seen[0]) * settings.slower("car", rear=False)
        assert way == pytest.approx(np.hypot(end[0] - start[0], end[1] - start[1]), rel=1e-3)


def test_what_was_measured_at_the_height_of_plates_needs_no_factor() -> None:
    assert GroundSettings(points=points()).slower("truck", rear=True) == 1.0


def test_plates_hang_as_high_as_is_usual_unless_it_is_said() -> None:
    usual = GroundSettings(points=points(), camera_height_m=5.0)
    assert usual.slower("car", rear=False) == pytest.approx(1 - 0.5 / 5)
    assert usual.slower("car", rear=True) < usual.slower("car", rear=False)
    assert 0.8 < usual.slower(None, rear=True) < 0.95
    said = GroundSettings(points=points(), camera_height_m=5.0, plate_height_m=1.0)
    assert said.slower("car", rear=False) == said.slower("bus", rear=True) == pytest.approx(0.8)


SQUARE = ((0.2, 0.9), (0.8, 0.9), (0.4, 0.5), (0.6, 0.5))
METRES = ((0.0, 0.0), (3.5, 0.0), (0.0, 20.0), (3.5, 20.0))


def of(picture: object, metres: object) -> dict[str, object]:
    pairs = zip(picture, metres, strict=True)  # type: ignore[call-overload]
    return {"points": [{"picture": p, "metres": m} for p, m in pairs]}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "expected either points or lines"),
        (of(SQUARE[:3], METRES[:3]), "expected four points or more, found 3"),
        (of(((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)), METRES), "all points lie on a line in the picture"),
        (of(SQUARE, ((0, 0), (1, 0), (2, 0), (3, 0))), "all points lie on a line on the ground"),
        (of(((0.2, 0.9), (0.5, 0.9), (0.8, 0.9), (0.5, 0.5)), METRES), "points 1, 2, 3 lie on a line in the picture"),
        (of(SQUARE, (METRES[0], METRES[1], METRES[3], METRES[2])), "are two of them swapped"),
        (of((*SQUARE, (0.5, 0.7)), (*METRES, (1.7, 19.0))), "the points do not fit one another"),
        ({**of(SQUARE, METRES), "plate_height_m": 0.6}, "plate_height_m says nothing without camera_height_m"),
        (
            {**of(SQUARE, METRES), "plate_height_m": 1.5, "camera_height_m": 2.0},
            "plates at 1.5 m are too near below a camera at 2 m",
        ),
        ({**of(SQUARE, METRES), "lines": {"near": SQUARE[:2], "far": SQUARE[2:], "apart_m": 20}}, "either points or"),
        ({"lines": {"near": SQUARE[:2], "far": (SQUARE[3], SQUARE[2]), "apart_m": 20}}, "are two of them swapped"),
        ({"lines": {"near": SQUARE[:2], "far": SQUARE[:2], "apart_m": 20}}, "in the picture"),
    ],
)  # fmt: skip
def test_what_makes_no_map_is_refused_and_told_why(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GroundSettings.model_validate(settings)
