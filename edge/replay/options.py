"""What a caller of `python -m edge replay` may say, and what it means."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from edge.assets import plate_files
from edge.contract.config import faults
from edge.engine import Name
from edge.errors import ConfigError
from edge.grammar import load_grammar
from edge.replay.clocks import moment, zone
from edge.replay.gpx import GpsTrack
from edge.replay.gpx import load as load_track
from edge.replay.start import Rules, SourceName
from edge.settings import CameraSettings, EdgeSettings, load

CAMERA = "replay"
_FPS = 8.0
_MIN_PLATE_PX = 40
_OPTIONS = {
    "id": "--camera",
    "analyse_fps": "--fps",
    "min_plate_px": "--min-plate-px",
    "countries": "--country",
}
"""Which option says a setting."""


@dataclass(frozen=True, slots=True)
class Options:
    """As given; None where nothing was.

    Attributes:
        start, zone, name_format, start_from, clock_offset: when recordings began.
        join: all files are one recording.
        gpx, gpx_offset, gpx_gap: where the camera was.
        moving: the camera itself moved.
        publish: edge.yaml of the edge that publishes what is read.
        camera: which camera of it took the recording, or its name.
        again: also what was read already.
    """

    out: Path | None = None
    as_json: bool = False
    countries: tuple[str, ...] = ()
    fps: float | None = None
    seconds: float | None = None
    min_plate_px: int | None = None
    engine: Name = "openvino"
    threads: int = 1
    start: str | None = None
    zone: str | None = None
    name_format: str | None = None
    start_from: Literal["container", "name", "gpx", "modified"] | None = None
    clock_offset: float = 0.0
    join: bool = False
    gpx: Path | None = None
    gpx_offset: float = 0.0
    gpx_gap: float = 10.0
    moving: bool = False
    publish: Path | None = None
    camera: str | None = None
    again: bool = False

    def box(self) -> EdgeSettings | None:
        """The edge that publishes; None where nothing is published.

        Raises:
            ConfigError: its file is wrong.
        """
        return None if self.publish is None else load(self.publish)

    def track(self) -> GpsTrack | None:
        """Where the camera was.

        Raises:
            ConfigError: the file is no track.
        """
        if self.gpx is None:
            return None
        return load_track(self.gpx, most_gap_s=self.gpx_gap, offset_s=self.gpx_offset)

    def rules(self, track: GpsTrack | None) -> Rules:
        """When recordings began.

        Raises:
            ConfigError: a time or a zone is none.
        """
        within = None if self.zone is None else zone(self.zone)
        only: SourceName | None = self.start_from
        return Rules(
            now=datetime.now(UTC),
            zone=within,
            name_format=self.name_format,
            only=only,
            offset=timedelta(seconds=self.clock_offset),
            start=None if self.start is None else moment(self.start, within=within, what="--start"),
            track=track,
        )

    def camera_settings(self, box: EdgeSettings | None) -> CameraSettings:
        """Stands for the camera that took the recording: of lower trust, whatever it was set up for.

        Raises:
            ConfigError: the edge has no such camera, or an option is out of its bounds.
        """
        if box is None:
            # A recording has no address; nothing connects to it.
            camera = CameraSettings(
                id=CAMERA, url="rtsp://127.0.0.1/recording", analyse_fps=_FPS, min_plate_px=_MIN_PLATE_PX
            )
            changed: dict[str, object] = {"id": self.camera or CAMERA}
        else:
            camera, changed = self._of_box(box), {}
        travels = self.moving or camera.travels
        changed |= {
            "motion_gate": camera.motion_gate and not travels,  # where the camera moves, everything does
            "trust": "lower",
            "travels": travels,
            # Of these a recording has none.
            **dict.fromkeys(("ptz", "device", "substream", "motion_events")),
        }
        if travels:
            changed |= {"region": (), "lanes": (), "ground": None}  # places in a picture that did not stay
        if self.fps is not None:
            changed["analyse_fps"] = self.fps
        if self.min_plate_px is not None:
            changed["min_plate_px"] = self.min_plate_px
        if self.countries:
            changed["countries"] = weights(self.countries)
        try:
            return CameraSettings.model_validate(camera.model_dump() | changed)
        except ValidationError as error:
            keys = dict.fromkeys(str(row["loc"][0]) if row["loc"] else "" for row in error.errors())
            named = ", ".join(_OPTIONS.get(key, "the camera's settings") for key in keys)
            raise ConfigError(f"{named}:\n{faults(error, model=CameraSettings)}") from error

    def _of_box(self, box: EdgeSettings) -> CameraSettings:
        ids = [camera.id for camera in box.cameras]
        if self.camera is None and len(ids) > 1:
            raise ConfigError(f"--camera: needed: which of {', '.join(ids)} took the recording?")
        if self.camera is not None and self.camera not in ids:
            raise ConfigError(f"--camera {self.camera}: {self.publish} has {', '.join(ids)}")
        return box.cameras[0 if self.camera is None else ids.index(self.camera)]


def weights(given: tuple[str, ...]) -> dict[str, float]:
    """`CO=1` and the like, read.

    Raises:
        ConfigError: one of them is something else.
    """
    known = load_grammar(plate_files()).countries
    found = {}
    for text in given:
        country, _, weight = text.partition("=")
        try:
            found[country] = float(weight or 1)
        except ValueError:
            raise ConfigError(f"--country {text}: expected a code and a number, such as CO=1") from None
        if country not in known or not 0 < found[country] < math.inf:
            raise ConfigError(
                f"--country {text}: expected one of {', '.join(known)} and a finite number above 0"
            )
    return found
