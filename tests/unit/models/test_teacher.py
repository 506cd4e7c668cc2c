"""The teacher's parts: what its posterior becomes, how lines join, where its weights lie."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plates import line

from edge.contract.pattern import ALPHABET
from edge.errors import AssetError
from models.reader import teacher
from models.reader.teacher import Fold, PpOcrReader, strip, weight_file

pytestmark = pytest.mark.train  # the wheel comes with the training set of packages

CHARSET = ("", "A", "a", "À", "А", "Ａ", "-", " ", "粤", "ß", "½", *ALPHABET[1:])  # noqa: RUF001  # twins on purpose


def folded(**shares: float) -> dict[str, float]:
    """Fold one step whose mass lies on the named characters; what is left over is the blank's."""
    row = np.zeros((1, len(CHARSET)), dtype=np.float32)
    for char, share in shares.items():
        row[0, CHARSET.index(char)] = share
    row[0, 0] = 1 - row.sum()
    out = np.exp(Fold(CHARSET)(row)[0].astype(np.float64))
    return {"": float(out[0]), **{c: float(p) for c, p in zip(ALPHABET, out[1:], strict=True)}}


class TestFold:
    def test_forms_of_a_capital_are_added_up(self) -> None:
        found = folded(A=0.3, a=0.2, À=0.1)
        assert found["A"] == pytest.approx(0.6, abs=1e-6)
        assert found[""] == pytest.approx(0.4, abs=1e-6)

    @pytest.mark.parametrize("twin", [CHARSET[4], CHARSET[5]], ids=["cyrillic", "full width"])
    def test_so_are_its_twins_of_other_scripts(self, twin: str) -> None:
        assert folded(**{twin: 0.9})["A"] == pytest.approx(0.9, abs=1e-6)

    def test_o_and_0_stay_apart(self) -> None:
        found = folded(O=0.7, **{"0": 0.2})
        assert (found["O"], found["0"]) == (pytest.approx(0.7, abs=1e-6), pytest.approx(0.2, abs=1e-6))

    @pytest.mark.parametrize("sign", ["-", " ", "粤", "ß", "½"])
    def test_every_other_sign_is_blank(self, sign: str) -> None:
        assert folded(**{sign: 0.8})[""] == pytest.approx(1, abs=1e-6)

    def test_every_plate_character_needs_a_column(self) -> None:
        with pytest.raises(ValueError, match="no column stands for B, C"):
            Fold(("", "A", *ALPHABET[3:]))

    def test_each_step_sums_to_one_and_nothing_is_impossible(self) -> None:
        rng = np.random.default_rng(4)
        rows = rng.dirichlet(np.full(len(CHARSET), 0.05), 20).astype(np.float32)
        out = Fold(CHARSET)(rows)
        assert (out.dtype, out.shape) == (np.float32, (20, 37))
        assert np.exp(out.astype(np.float64)).sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert np.isfinite(out).all()


class TestStrip:
    @pytest.mark.parametrize("shape", [(48, 320), (10, 10), (1, 1), (20, 900), (300, 4)])
    def test_any_line_becomes_a_strip_of_one_size(self, shape: tuple[int, int]) -> None:
        made = strip(np.full((*shape, 3), 255, dtype=np.uint8))
        assert (made.shape, made.dtype) == ((3, 48, 320), np.float32)
        assert (made.min(), made.max()) >= (0.0, 1.0)

    def test_the_shape_of_the_characters_is_kept(self) -> None:
        made = strip(line("ABC123", height=96))
        filled = np.flatnonzero(np.abs(made).sum(axis=(0, 1)))
        assert len(filled) == pytest.approx(line("ABC123", height=96).shape[1] / 2, abs=1)


class TestWeights:
    def test_they_lie_in_the_wheel(self) -> None:
        assert weight_file().name == "PP-OCRv6_rec_small.onnx"

    def test_a_missing_wheel_is_named(self) -> None:
        with pytest.raises(
            AssetError,
            match=r"the teacher needs the package no_such_wheel 3.10.0 \(extra \[train\]\): it is not installed",
        ):
            weight_file("no_such_wheel")

    def test_a_wheel_without_them_is_named(self) -> None:
        with pytest.raises(AssetError, match=r"its wheel has no models/PP-OCRv6_rec_small\.onnx"):
            weight_file("click")

    @pytest.mark.parametrize("content", [b"", b"not a net", b"\x08\x07"], ids=["empty", "text", "header"])
    def test_damaged_ones_are_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
    ) -> None:
        damaged = tmp_path / "weights.onnx"
        damaged.write_bytes(content)
        monkeypatch.setattr(teacher, "weight_file", lambda: damaged)
        with pytest.raises(AssetError, match=r"weights\.onnx: not the recogniser that was expected"):
            PpOcrReader()

    def test_no_module_of_the_wheel_is_imported(self) -> None:
        code = "import sys, models.reader.teacher as t; t.PpOcrReader(); print('rapidocr' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
        )
        assert done.stdout.strip() == "False"
