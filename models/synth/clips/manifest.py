"""What the clips were made from, written beside them and compared with every training's manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.synth.clips.encode import GOP
from models.synth.clips.programme import Programme
from models.synth.clips.truth import TruthRow

GENERATOR_VERSION = 1
"""Raised whenever the same seed would draw other frames."""
COMMAND = "python -m models.synth clips --out sample_videos"
LICENCE = "AGPL-3.0-or-later"


@dataclass(frozen=True, slots=True)
class Made:
    """A finished clip.

    Attributes:
        programme: what it shows.
        path: of the film.
        truth: its rows.
        vehicles: names of its vehicles.
        plates: texts of all its plates, also of those that are never legible.
    """

    programme: Programme
    path: Path
    truth: Sequence[TruthRow]
    vehicles: Sequence[str]
    plates: Sequence[str]


def sha256(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entry(made: Made) -> dict[str, Any]:
    """The manifest's entry of one clip."""
    programme = made.programme
    return {
        "name": programme.name,
        "file": made.path.name,
        "title": programme.title,
        "truth": f"truth/{programme.name}.csv",
        "sha256": sha256(made.path),
        "truth_sha256": sha256(made.path.parent / "truth" / f"{programme.name}.csv"),
        "bytes": made.path.stat().st_size,
        "width": programme.presets[0].camera.width_px,
        "height": programme.presets[0].camera.height_px,
        "fps": programme.fps,
        "seconds": programme.seconds,
        "frames": programme.frames,
        "codec": f"H.264, {made.programme.bit_rate / 1e6:g} Mbit/s, GOP {GOP}, no B-frames",
        "seed": programme.seed,
        "background": f"street-{programme.street.seed}",
        "cameras": [_camera(programme, index) for index in range(len(programme.presets))],
        "vehicles": list(made.vehicles),
        "passages": len(made.truth),
        "plates": sorted(made.plates),
    }


def _camera(programme: Programme, index: int) -> dict[str, Any]:
    preset = programme.presets[index]
    camera = preset.camera
    return {
        "id": f"camera-{programme.seed}-{preset.name}",
        "position_m": list(camera.position),
        "yaw_deg": camera.yaw_deg,
        "pitch_deg": camera.pitch_deg,
        "focal_px": camera.focal_px,
    }


def write_manifest(clips: Sequence[Made], path: Path) -> None:
    """Writes manifest.yaml; clips that are not given keep the entries they have in the file."""
    old = read_manifest(path)["clips"] if path.is_file() else []
    entries = {item["name"]: item for item in old} | {made.programme.name: entry(made) for made in clips}
    document = {
        "what": "Street scenes rendered by models/synth: no real street, vehicle, person or plate is shown.",
        "command": COMMAND,
        "generator_version": GENERATOR_VERSION,
        "licence": LICENCE,
        "note": (
            "The same seed draws the same frames; the bytes of the files also depend on the encoder's build. "
            "Plates, streets, cameras and vehicles listed here are kept out of every training."
        ),
        "clips": list(entries.values()),
    }
    path.write_text(
        yaml.safe_dump(document, sort_keys=False, width=110, allow_unicode=True), encoding="utf-8"
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """Reads manifest.yaml.

    Raises:
        ValueError: it lists no clips.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not isinstance(document.get("clips"), list):
        raise ValueError(f"{path}: no list of clips in it")
    return document
