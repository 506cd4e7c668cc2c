"""models/README.md and the weights belong together."""

from pathlib import Path

from edge.detect.manifest import checked_weights, load_manifest

MODELS = Path(__file__).resolve().parents[3] / "models"


def test_the_table_names_the_shipped_weights() -> None:
    table = (MODELS / "README.md").read_text(encoding="utf-8")
    manifest, folder = load_manifest()
    assert checked_weights(manifest, folder, *manifest.sha256)
    for name, digest in manifest.sha256.items():
        assert digest[:12] in table, f"models/README.md does not name the SHA-256 of {name}"


def test_the_card_names_the_shipped_threshold_and_size() -> None:
    card = (MODELS / "detector" / "card.md").read_text(encoding="utf-8")
    manifest = load_manifest()[0]
    assert f"Threshold {manifest.score:.2f}, overlap {manifest.overlap}" in card
    assert f"{manifest.height}, {manifest.width}" in card


def test_no_weight_file_is_too_large_to_keep_in_history() -> None:
    for path in (MODELS / "detector").glob("plate.*"):
        assert path.stat().st_size <= 12_000_000, path.name
