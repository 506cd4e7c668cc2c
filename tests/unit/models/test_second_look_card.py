"""The second look's card, the table of models and the weights belong together."""

from pathlib import Path

from edge.assets import checked
from edge.detect.second_look import MOST, load_manifest
from edge.detect.views import FAR, NEAR

MODELS = Path(__file__).resolve().parents[3] / "models"


def test_the_table_names_the_shipped_weights() -> None:
    table = (MODELS / "README.md").read_text(encoding="utf-8")
    manifest, path = load_manifest()
    assert checked(path, manifest.sha256, *manifest.sha256)
    for name, digest in manifest.sha256.items():
        assert digest[:12] in table, f"models/README.md does not name the SHA-256 of {name}"


def test_the_card_names_the_shipped_thresholds_and_sizes() -> None:
    card = (MODELS / "second_look" / "card.md").read_text(encoding="utf-8")
    manifest = load_manifest()[0]
    assert f"Threshold {manifest.score:.2f}, overlap {manifest.overlap}" in card
    assert f"(1, {NEAR[1]}, {NEAR[0]})" in card
    assert f"(1, {FAR[1]}, {FAR[0]})" in card
    assert f"at most {MOST} a" in card
    assert "@" not in card, "a number was not filled in"


def test_no_weight_file_is_too_large() -> None:
    for path in (MODELS / "second_look").glob("look.*"):
        assert path.stat().st_size <= 12_000_000, path.name
