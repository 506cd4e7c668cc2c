"""Health messages: full, and as small as a last will."""

import pytest
from edge_reads import NOON
from pydantic import ValidationError

from edge.contract.health import CameraHealth, CameraState, EdgeHealth


def test_health_travels_as_json_and_comes_back_equal() -> None:
    camera = CameraHealth(
        camera_id="cam-1", state=CameraState.UNREACHABLE, detail="refused", frames_received=10, reconnects=2
    )
    health = EdgeHealth(
        edge_id="edge-1",
        site_id="site-1",
        online=True,
        at=NOON,
        epoch=5,
        fault="disk full",
        cameras=(camera,),
    )
    assert EdgeHealth.model_validate_json(health.model_dump_json()) == health


def test_a_last_will_needs_no_more_than_who_and_that_it_is_gone() -> None:
    health = EdgeHealth.model_validate_json('{"edge_id":"edge-1","site_id":"site-1","online":false}')
    assert (health.online, health.at, health.cameras, health.fault) == (False, None, (), "")


def test_a_state_that_a_later_version_says_is_unknown_not_wrong() -> None:
    camera = CameraHealth.model_validate({"camera_id": "cam-1", "state": "bored"})
    assert camera.state is CameraState.UNKNOWN


@pytest.mark.parametrize(
    "changes",
    [
        {"edge_id": "Edge"},
        {"spool_messages": -1},
        {"pipeline_ms": -0.1},
        {"fault": "x" * 301},
        {"at": "2026-03-01T12:00:00"},
        {"cameras": [{"camera_id": "cam-1", "state": 7}]},
        {"cameras": [{"camera_id": "cam-1", "state": "live", "frames_corrupt": -1}]},
    ],
)
def test_what_is_wrong_is_turned_away(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EdgeHealth.model_validate({"edge_id": "edge-1", "site_id": "site-1", "online": True, **changes})
