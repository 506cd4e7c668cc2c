"""What may be said of a second stream and of motion events, and what may not."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import ValidationError

from edge.cli import cli
from edge.settings import CameraSettings, PresetSettings, PtzSettings

EVENTS = {"port": 8080}
PTZ = PtzSettings(presets=(PresetSettings(name="gate"),))


def camera(**more: Any) -> CameraSettings:
    return CameraSettings.model_validate({"id": "cam", "url": "rtsp://10.0.0.1/main", **more})


def test_both_may_be_had() -> None:
    found = camera(substream="rtsp://10.0.0.1/sub", motion_events=EVENTS)
    assert found.substream == "rtsp://10.0.0.1/sub"
    assert found.motion_events is not None
    assert (found.motion_events.port, found.motion_events.source) == (8080, None)


@pytest.mark.parametrize("beside", [{"substream": "rtsp://10.0.0.1/sub"}, {"motion_events": EVENTS}])
@pytest.mark.parametrize(
    ("more", "says"), [({"ptz": PTZ}, "the camera turns"), ({"motion_gate": False}, "motion_gate is off")]
)
def test_they_are_refused_where_they_would_save_nothing(
    beside: dict[str, Any], more: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        camera(**beside, **more)


@pytest.mark.parametrize(
    ("substream", "says"),
    [("rtsp://ana:word@10.0.0.1/sub", "username and password_file"), ("http://10.0.0.1/sub", "rtsp://host")],
)
def test_the_second_stream_is_an_address_like_the_first(substream: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        camera(substream=substream)


def test_a_password_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    events = {"username": "ana", "password_file": "nowhere"}
    content = {
        "edge_id": "e",
        "site_id": "s",
        "cameras": [{"id": "c", "url": "rtsp://10.0.0.9/1", "motion_events": events}],
    }
    (tmp_path / "edge.yaml").write_text(yaml.safe_dump(content))
    done = CliRunner().invoke(cli, ["check-config", str(tmp_path / "edge.yaml")], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "cameras.0.motion_events.password_file" in done.output


def test_a_user_of_the_events_has_a_password() -> None:
    with pytest.raises(ValidationError, match="password_file"):
        camera(motion_events={"username": "ana"})
