"""models/README.md and the weights belong together."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.assets import Manifest, checked
from edge.detect.manifest import load_manifest
from edge.detect.second_look import load_manifest as load_look
from edge.read.manifest import load_manifest as load_reader

MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.mark.parametrize("load", [load_manifest, load_look, load_reader])
def test_the_table_names_the_shipped_weights(load: Callable[[], tuple[Manifest, Path]]) -> None:
    table = (MODELS / "README.md").read_text(encoding="utf-8")
    manifest, path = load()
    assert checked(path, manifest.sha256, *manifest.sha256)
    for name, digest in manifest.sha256.items():
        if name in ("atalaya_plate.py", "atalaya_plate.yaml"):  # text, and in the checkout to be read
            continue
        assert digest[:12] in table, f"models/README.md does not name the SHA-256 of {name}"


def test_the_card_names_the_shipped_threshold_and_size() -> None:
    card = (MODELS / "detector" / "card.md").read_text(encoding="utf-8")
    manifest = load_manifest()[0]
    assert f"Threshold {manifest.score:.2f}, overlap {manifest.overlap}" in card
    assert f"{manifest.height}, {manifest.width}" in card


def test_no_weight_file_is_too_large_to_keep_in_history() -> None:
    for path in (MODELS / "detector").glob("plate.*"):
        assert path.stat().st_size <= 12_000_000, path.name
