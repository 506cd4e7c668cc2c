from pathlib import Path

import numpy as np
import pytest
from fakes import at, reading

from edge import assets
from edge.engine import build
from edge.errors import AssetError
from edge.settings import VoteSettings
from edge.types import Box, Detection, Observation


def test_the_engine_of_a_box_is_whole() -> None:
    engine = build("openvino")
    grey = np.full((360, 640, 3), 90, dtype=np.uint8)
    assert engine.detector.detect(grey) == []
    (said,) = engine.reader.read([grey[:40, :80]])
    assert said.log_probs.shape[1] == 1 + len(said.alphabet)
    assert engine.models.detector == engine.detector.version
    assert engine.models.reader == engine.reader.version
    vote = engine.new_vote(VoteSettings(), {"CO": 1})
    vote.add(Observation(at(0), Detection(Box(0, 0, 80, 40), 0.9), reading("KAB123"), 1.0))
    verdict = vote.verdict()
    assert verdict is not None
    assert verdict.plate == "KAB123"


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_missing_weights_are_said(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(assets._CHECKOUT, "models", tmp_path)
    with pytest.raises(AssetError, match=r"weight file .* is missing"):
        build(name)  # type: ignore[arg-type]
