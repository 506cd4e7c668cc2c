"""Weights are what the manifest says, or nothing runs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edge import assets
from edge.assets import checked
from edge.detect.manifest import Manifest, load_manifest
from edge.errors import AssetError


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "name": "plate-test",
        "width": 640,
        "height": 384,
        "score": 0.4,
        "overlap": 0.5,
        "sha256": {"plate.bin": hashlib.sha256(b"weights").hexdigest()},
    } | changes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models/detector folder of our own."""
    monkeypatch.setattr(assets, "_PACKED", tmp_path)
    place = tmp_path / "models" / "detector"
    place.mkdir(parents=True)
    (place / "plate.json").write_text(json.dumps(facts()), encoding="utf-8")
    (place / "plate.bin").write_bytes(b"weights")
    return place


def test_the_weights_and_their_version(folder: Path) -> None:
    manifest, where = load_manifest()
    assert where == folder / "plate.json"
    assert checked(where, manifest.sha256, "plate.bin") == (folder / "plate.bin",)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert manifest.version("plate.bin") == f"plate-test@{digest[:12]}"


def test_damaged_weights_are_named(folder: Path) -> None:
    (folder / "plate.bin").write_bytes(b"weightz")
    with pytest.raises(AssetError, match=r"plate\.bin: damaged: SHA-256"):
        checked(folder / "plate.json", load_manifest()[0].sha256, "plate.bin")


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / "plate.bin").unlink()
    with pytest.raises(AssetError, match=r"plate\.bin is missing"):
        checked(folder / "plate.json", load_manifest()[0].sha256, "plate.bin")


def test_weights_that_the_manifest_does_not_know_are_refused(folder: Path) -> None:
    with pytest.raises(AssetError, match=r"no SHA-256 of plate\.xml"):
        checked(folder / "plate.json", load_manifest()[0].sha256, "plate.xml")


def test_no_manifest_no_detector(folder: Path) -> None:
    (folder / "plate.json").unlink()
    with pytest.raises(AssetError, match=r"plate\.json is missing"):
        load_manifest()


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        json.dumps(facts(score=1.5)),
        json.dumps(facts(width=0)),
        json.dumps(facts(extra=1)),
        json.dumps(facts(sha256={"plate.bin": "abc"})),
    ],
)
def test_a_damaged_manifest_is_named(folder: Path, content: str) -> None:
    (folder / "plate.json").write_text(content, encoding="utf-8")
    with pytest.raises(AssetError, match=r"plate\.json: damaged"):
        load_manifest()


def test_a_manifest_survives_writing() -> None:
    manifest = Manifest.model_validate(facts())
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
