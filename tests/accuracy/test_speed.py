"""Speeds of rendered passages against those that their vehicles were driven at; prints the table of docs/place.md.

The sample clips, at the frames a second that a box looks at; the street is measured as an installer would, to the
pixel and the centimetre, at four points of the ground. Rendered cameras have no distortion and rendered vehicles keep
their speed: real ones will do worse.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import at
from rendered import VOTE, engine

from edge.analyser import new_pipeline
from edge.emission import Emission
from edge.ground import GroundPoint, GroundSettings
from edge.settings import CameraSettings, PresetSettings, PtzSettings
from edge.types import Frame
from models.synth.clips.calm import EVERY
from models.synth.clips.film import camera_at
from models.synth.clips.programme import Programme
from models.synth.scene.camera import Camera

CLIPS = Path(__file__).resolve().parents[2] / "sample_videos"
EVERY_NTH = 3  # of 25 frames a second
CORNERS = ((0.1, 0.97), (0.9, 0.97), (0.1, 0.35), (0.9, 0.35))

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Told:
    """A passage that was read, how fast it went, and what was said of that."""

    clip: str
    kind: str
    away: bool
    mps: float
    said_mps: float | None

    @property
    def error(self) -> float:
        assert self.said_mps is not None
        return self.said_mps / self.mps - 1


def measured(camera: Camera) -> GroundSettings:
    """Four points of the street, to the pixel and the centimetre."""
    size = (camera.width_px, camera.height_px)
    points = []
    for corner in CORNERS:
        pixel = np.round(np.array(corner) * size)
        x, y = np.round(camera.ground(pixel), 2)
        points.append(GroundPoint(picture=tuple(pixel / size), metres=(float(x), float(y))))
    return GroundSettings(points=tuple(points), camera_height_m=camera.position[2])


def settings(programme: Programme) -> CameraSettings:
    presets = programme.presets
    if len(presets) == 1:
        return CameraSettings(
            id="cam", url="rtsp://127.0.0.1/cam", countries={"CO": 1}, ground=measured(presets[0].camera)
        )
    ptz = PtzSettings(presets=tuple(PresetSettings(name=p.name, ground=measured(p.camera)) for p in presets))
    return CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", countries={"CO": 1}, ptz=ptz)


def frames(programme: Programme) -> Iterator[Frame]:
    """What a box looks at: none while the camera turns."""
    fixed = len(programme.presets) == 1
    with av.open(str(CLIPS / f"{programme.name}.mp4")) as film:
        for number, picture in enumerate(film.decode(video=0)):
            seconds = number / programme.fps
            _, preset = camera_at(programme, seconds)
            if number % EVERY_NTH or not preset:
                continue
            bgr = picture.to_ndarray(format="bgr24")
            stay = 0 if fixed else [p.name for p in programme.presets].index(preset)
            yield Frame("cam", at(seconds), bgr, None if fixed else preset, stay=stay)


def told(programme: Programme) -> list[Told]:
    """Every passage whose plate was read right, with the last that was said of it."""
    pipeline = new_pipeline(settings(programme), VOTE, engine())
    last: dict[int, Emission] = {}
    for frame in frames(programme):
        last |= {e.track_id: e for e in pipeline.feed(frame, now=frame.captured_at)}
    last |= {e.track_id: e for e in pipeline.flush(now=at(programme.seconds))}
    driven = {
        spec.plate.text: (spec.kind, actor)
        for spec, actor in zip(programme.vehicle_specs(), programme.actors, strict=True)
    }
    found = []
    for emission in last.values():
        if emission.verdict.plate in driven:
            kind, actor = driven[emission.verdict.plate]
            found.append(Told(programme.name, kind, actor.away, actor.speed, emission.speed_mps))
    return found


def table(passages: list[Told]) -> str:
    groups = {
        "all": passages,
        "front plates": [p for p in passages if not p.away],
        "rear plates": [p for p in passages if p.away and p.kind != "motorcycle"],
        "motorcycles": [p for p in passages if p.kind == "motorcycle"],
        "17 m/s and more": [p for p in passages if p.mps >= 17],
    }
    rows = ["passages | with a speed | median error | p90 | worst"]
    for name, group in groups.items():
        errors = np.abs([p.error for p in group if p.said_mps is not None])
        median, p90 = np.quantile(errors, (0.5, 0.9))
        rows.append(f"{name} {len(group)} | {len(errors)} | {median:.1%} | {p90:.1%} | {errors.max():.1%}")
    return "\n".join(rows)


def test_speeds_of_rendered_passages(capsys: pytest.CaptureFixture[str]) -> None:
    passages = [p for programme in EVERY for p in told(programme)]
    with capsys.disabled():
        sys.stdout.write(f"\n{table(passages)}\n")
    known = np.abs([p.error for p in passages if p.said_mps is not None])
    assert len(known) >= 50
    assert len(known) >= 0.9 * len(passages)
    assert np.median(known) <= 0.02
    assert np.quantile(known, 0.9) <= 0.08
    assert known.max() <= 0.20
