"""The section `ptz`: what is refused, and what a preset means for the picture."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge import check, settings
from edge.errors import ConfigError
from edge.place import places
from edge.settings import CameraSettings
from edge.types import Box

LANES = [
    {"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], "direction": "approaching"},
    {"name": "right", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]},
]
FRAME = (1000, 500)


def load(folder: Path, ptz: dict[str, Any], **camera: Any) -> CameraSettings:
    content = {
        "edge_id": "e",
        "site_id": "s",
        "cameras": [{"id": "c", "url": "rtsp://10.0.0.9/1", **camera, "ptz": ptz}],
    }
    path = folder / "edge.yaml"
    path.write_text(yaml.safe_dump(content))
    return settings.load(path).cameras[0]


def test_the_least_that_must_be_said(tmp_path: Path) -> None:
    ptz = load(tmp_path, {"presets": [{"name": "gate"}]}).ptz
    assert ptz is not None
    assert (ptz.port, ptz.presets[0].dwell_s, ptz.resume_after_s) == (80, 20.0, 60.0)


@pytest.mark.parametrize(
    ("ptz", "words"),
    [
        ({}, "presets: needed, but not there"),
        ({"presets": []}, "presets: Tuple should have at least 1 item"),
        ({"presets": [{"name": "a"}, {"name": "a"}]}, "names of presets must be distinct; twice: a"),
        (
            {"presets": [{"name": "a", "dwell": 5}]},
            r"presets.0.dwell: unknown setting, did you mean dwell_s\?",
        ),
        ({"presets": [{"name": "Big Gate"}]}, "presets.0.name"),
        ({"presets": [{"name": "a", "dwell_s": 0}]}, "presets.0.dwell_s"),
        ({"presets": [{"name": "a", "region": [[0, 2]]}]}, "presets.0.region"),
        ({"presets": [{"name": "a", "lanes": [{"name": "x"}]}]}, "lanes.0.polygon: needed, but not there"),
        ({"presets": [{"name": "a", "direction": "north"}]}, "presets.0.direction"),
        ({"presets": [{"name": "a"}], "username": "op"}, "password_file is missing"),
        ({"presets": [{"name": "a"}], "password": "geheim"}, "ptz.password: unknown setting"),
        ({"presets": [{"name": "a"}], "settle_s": -1}, "ptz.settle_s"),
        ({"presets": [{"name": "a"}], "port": 0}, "ptz.port"),
    ],
)
def test_what_is_refused(ptz: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load(tmp_path, ptz)
    assert "geheim" not in str(caught.value)


def test_the_check_looks_at_polygons_and_secrets(tmp_path: Path) -> None:
    preset = {"name": "a", "region": [[0, 0], [1, 1]], "lanes": [{"name": "x", "polygon": []}]}
    load(tmp_path, {"presets": [preset], "username": "op", "password_file": "none"})
    found = dict(check.faults(settings.load(tmp_path / "edge.yaml")))
    assert found["cameras.0.ptz.presets.0.region"] == "a polygon has at least 3 corners, found 2"
    assert found["cameras.0.ptz.presets.0.lanes.0.polygon"] == "a polygon has at least 3 corners, found 0"
    assert "cannot be read" in found["cameras.0.ptz.password_file"]


def test_a_preset_has_its_own_region_and_size_or_the_camera_s(tmp_path: Path) -> None:
    left = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
    camera = load(
        tmp_path,
        {"presets": [{"name": "own", "region": left, "min_plate_px": 60}, {"name": "same"}]},
        region=[[0, 0.5], [1, 0.5], [1, 1], [0, 1]],
        min_plate_px=30,
    )
    found = places(camera)
    assert (found["own"].min_plate_px, found["same"].min_plate_px, found[None].min_plate_px) == (60, 30, 30)
    top_left, low_right = Box(100, 100, 50, 20), Box(800, 400, 50, 20)
    for box, own, same in [(top_left, True, False), (low_right, False, True)]:
        assert found["own"].counts(box, frame_size=FRAME) is own
        assert found["same"].counts(box, frame_size=FRAME) is same
        assert found[None].counts(box, frame_size=FRAME) is same


def test_a_plate_lies_in_the_lane_that_holds_its_middle(tmp_path: Path) -> None:
    place = places(load(tmp_path, {"presets": [{"name": "a", "lanes": LANES}]}))["a"]
    for x, name in [(100, "left"), (460, "left"), (490, "right"), (900, "right")]:
        lane = place.lane(Box(x, 200, 60, 20), frame_size=FRAME)
        assert lane is not None
        assert lane.name == name
    assert (
        places(load(tmp_path, {"presets": [{"name": "a"}]}))["a"].lane(Box(1, 1, 2, 2), frame_size=FRAME)
        is None
    )


def test_a_camera_that_does_not_turn_has_one_place() -> None:
    assert set(places(CameraSettings(id="c", url="rtsp://10.0.0.9/1"))) == {None}
