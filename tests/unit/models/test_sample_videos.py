"""The committed clips are what their manifest says, and their truth lies within them."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

from models.synth.clips.calm import CALM_STREET, EVERY
from models.synth.clips.encode import GOP
from models.synth.clips.film import Film
from models.synth.clips.manifest import read_manifest, sha256
from models.synth.clips.truth import LEGIBLE_PX, TruthRow, read_truth
from models.synth.patterns import find
from models.synth.reserved import is_reserved, overlap

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "sample_videos"
MANIFEST = read_manifest(FOLDER / "manifest.yaml")
ENTRIES: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in MANIFEST["clips"]}
NAMES = [clip.name for clip in EVERY]
MEGABYTE = 1_000_000


def rows(name: str) -> list[TruthRow]:
    return read_truth(FOLDER / "truth" / f"{name}.csv")


def test_every_clip_is_listed() -> None:
    assert sorted(ENTRIES) == sorted(NAMES)
    assert MANIFEST["licence"] == "AGPL-3.0-or-later"
    assert MANIFEST["command"] == "python -m models.synth clips --out sample_videos"


@pytest.mark.parametrize("name", NAMES)
def test_checksums(name: str) -> None:
    entry = ENTRIES[name]
    assert sha256(FOLDER / entry["file"]) == entry["sha256"]
    assert sha256(FOLDER / entry["truth"]) == entry["truth_sha256"]
    assert (FOLDER / entry["file"]).stat().st_size == entry["bytes"]


def test_sizes() -> None:
    sizes = [entry["bytes"] for entry in ENTRIES.values()]
    assert max(sizes) < 12 * MEGABYTE
    assert sum(sizes) <= 50 * MEGABYTE


@pytest.mark.parametrize("name", NAMES)
def test_the_film_is_what_a_camera_sends(name: str) -> None:
    entry = ENTRIES[name]
    with av.open(str(FOLDER / entry["file"])) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (1920, 1080, 25)
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert len(packets) == entry["frames"] == entry["seconds"] * 25
    assert 20 <= entry["seconds"] <= 40
    assert [i for i, p in enumerate(packets) if p.is_keyframe] == list(range(0, len(packets), GOP))
    # Without B-frames every frame is shown when it is decoded.
    assert all(packet.pts == packet.dts for packet in packets)
    least, most = (0.5e6, 1.7e6) if name == CALM_STREET.name else (2.5e6, 4.2e6)
    assert least < 8 * entry["bytes"] / entry["seconds"] < most


@pytest.mark.parametrize("name", NAMES)
def test_the_index_stands_at_the_start(name: str) -> None:
    head = (FOLDER / ENTRIES[name]["file"]).read_bytes()[:64_000]
    assert b"moov" in head


@pytest.mark.parametrize("name", NAMES)
def test_truth_lies_inside_the_clip(name: str) -> None:
    entry = ENTRIES[name]
    found = rows(name)
    least = len(CALM_STREET.actors) if name == CALM_STREET.name else 8
    assert least <= len(found) == entry["passages"] <= 16
    assert [row.passage for row in found] == list(range(1, len(found) + 1))
    for row in found:
        assert row.clip == name
        assert 0 < row.first_s <= row.best_s <= row.last_s < entry["seconds"] - 0.04
        assert row.last_s - row.first_s >= 0.2
        assert row.w >= LEGIBLE_PX
        assert row.x >= 0
        assert row.x + row.w <= 1920
        assert row.y >= 0
        assert row.y + row.h <= 1080


@pytest.mark.parametrize("name", NAMES)
def test_truth_follows_the_programme(name: str) -> None:
    """The committed truth tells of the very vehicles that the committed generator would send."""
    clip = next(clip for clip in EVERY if clip.name == name)
    specs = {spec.plate.text: spec for spec in clip.vehicle_specs()}
    assert set(ENTRIES[name]["plates"]) == set(specs)
    for row in rows(name):
        spec = specs[row.plate]
        assert (row.country, row.plate_class, row.vehicle_type) == (
            spec.plate.country, spec.plate.plate_class, spec.kind,
        )  # fmt: skip
        assert find(row.country, row.plate_class).matches(row.plate)
        assert not (row.vehicle_type == "motorcycle" and row.direction == "towards")
        assert row.preset in ({preset.name for preset in clip.presets} if len(clip.presets) > 1 else {""})


def test_plates_are_distinct_and_kept_from_training() -> None:
    plates = [row.plate for name in NAMES for row in rows(name)]
    assert len(plates) == len(set(plates))
    assert all(is_reserved(plate) for plate in plates)
    assert all(is_reserved(plate) for entry in ENTRIES.values() for plate in entry["plates"])


def test_no_training_manifest_of_the_project_shares_anything_with_the_clips() -> None:
    """Every manifest that a rendered training set left in models/ is compared, whoever made it."""
    found = {
        str(path.relative_to(ROOT)): document
        for path in (ROOT / "models").rglob("*.yaml")
        if isinstance(document := yaml.safe_load(path.read_text(encoding="utf-8")), dict)
        and document.get("generator") == "models/synth"
    }
    assert set(found) >= {f"models/detector/rendered-{seed}.yaml" for seed in (42, 43)}
    assert [path for path, document in found.items() if overlap(MANIFEST, document)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_plate_is_seen_where_the_truth_says(name: str) -> None:
    """In the decoded picture the box of a passage holds dark strokes on a light ground, or the reverse."""
    entry = ENTRIES[name]
    row = min(rows(name), key=lambda row: (round(row.best_s * 25) % GOP, row.passage))
    with av.open(str(FOLDER / entry["file"])) as container:
        stream = container.streams.video[0]
        container.seek(int(row.best_s / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= row.best_s - 1e-3:
                break
        grey = frame.to_ndarray(format="gray")
    plate = grey[int(row.y) : int(row.y + row.h) + 1, int(row.x) : int(row.x + row.w) + 1].astype(float)
    assert plate.std() > 22
    # Along the middle of the plate light and dark take turns as characters do.
    line = plate[round(plate.shape[0] * 0.3) : round(plate.shape[0] * 0.6)].mean(axis=0)
    crossings = np.count_nonzero(np.diff(np.sign(line - line.mean())))
    assert crossings >= 6


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_the_committed_generator_draws_the_committed_frames(name: str) -> None:
    """A frame drawn again differs from the film by no more than the encoder's losses."""
    film = Film(next(clip for clip in EVERY if clip.name == name))
    wanted = {100, 333}
    with av.open(str(FOLDER / ENTRIES[name]["file"])) as container:
        decoded = {
            index: frame.to_ndarray(format="bgr24")
            for index, frame in zip(range(max(wanted) + 1), container.decode(video=0), strict=False)
            if index in wanted
        }
    for index, seen in decoded.items():
        drawn = film.shot(index).bgr
        assert np.abs(drawn.astype(int) - seen).mean() < 6.0
        other = film.shot(index + 12).bgr
        assert np.abs(other.astype(int) - seen).mean() > np.abs(drawn.astype(int) - seen).mean() * 1.15
