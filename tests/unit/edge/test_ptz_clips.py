"""What tells a turn by the picture alone, on the clips of sample_videos: three fixed cameras and one that turns."""

from itertools import pairwise
from pathlib import Path

import av
import pytest

from edge.capture import picture
from edge.capture.ptz.stillness import Stillness

CLIPS = Path(__file__).resolve().parents[3] / "sample_videos"


def turning(clip: str) -> list[float]:
    """The times (s) of the frames that show a turn, ten looks a second."""
    stillness, found, looked_s = Stillness(), [], float("-inf")
    with av.open(str(CLIPS / clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            if frame.time - looked_s >= 0.099:
                looked_s = frame.time
                if stillness.turns(picture.luma(frame), at_s=frame.time):
                    found.append(round(frame.time, 2))
    return found


@pytest.mark.proof
@pytest.mark.parametrize("clip", ["day.mp4", "night.mp4", "fast.mp4"])
def test_traffic_before_a_fixed_camera_is_never_a_turn(clip: str) -> None:
    assert turning(clip) == []


@pytest.mark.proof
def test_a_camera_that_turns_three_times_is_seen_to_turn_three_times() -> None:
    found = turning("ptz.mp4")
    turns = [found[0]] + [b for a, b in pairwise(found) if b - a > 1.0]
    assert len(turns) == 3, found
    assert len(found) >= 20, "seven tenths of each second of turning"
