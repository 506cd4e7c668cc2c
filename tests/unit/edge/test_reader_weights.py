"""The reader's weights: what is missing or damaged is named, and nothing of it is run."""

import json
import shutil
from pathlib import Path

import pytest

from edge import assets
from edge.assets import model_file
from edge.errors import AssetError
from edge.read.manifest import MANIFEST, load_manifest
from edge.read.openvino import WEIGHTS, OpenVinoReader


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what is shipped that may be damaged."""
    shutil.copytree(model_file(MANIFEST).parent, tmp_path / "reader")
    monkeypatch.setitem(assets._CHECKOUT, "models", tmp_path)
    return tmp_path / "reader"


def test_a_copy_is_read_like_the_original(copy: Path) -> None:
    assert OpenVinoReader().version.startswith("atalaya-plate@")
    assert load_manifest()[1] == copy / "reader.json"


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_flipped_byte_is_noticed(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(AssetError, match=name):
        OpenVinoReader()


@pytest.mark.parametrize("name", [*WEIGHTS, "reader.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(AssetError, match=name):
        OpenVinoReader()


@pytest.mark.parametrize(("key", "value"), [("temperature", 0), ("kinds", {"CO particular": 2}), ("more", 1)])
def test_a_manifest_out_of_bounds_is_refused(copy: Path, key: str, value: object) -> None:
    facts = json.loads((copy / "reader.json").read_text(encoding="utf-8"))
    (copy / "reader.json").write_text(json.dumps({**facts, key: value}), encoding="utf-8")
    with pytest.raises(AssetError, match=key):
        load_manifest()


def test_every_file_is_small_enough_for_a_box(copy: Path) -> None:
    assert max(p.stat().st_size for p in copy.iterdir() if p.is_file()) <= 12_000_000
