"""From the net's two heads to a reading."""

import numpy as np
import pytest

from edge import ctc
from edge.contract.pattern import ALPHABET
from edge.read.manifest import Manifest
from edge.read.posterior import reading
from edge.types import Bgr

STEPS = 9
CROP: Bgr = np.full((40, 80, 3), (38, 196, 246), dtype=np.uint8)
MANIFEST = Manifest(
    name="test",
    alphabet=ALPHABET,
    kinds={"CO particular": 0.6, "CO motocicleta": 0.1, "ZZ other": 0.3},
    temperature=1.0,
    sha256={},
)


def spelt(upper: str, lower: str) -> np.ndarray:
    """(steps, characters) log-probabilities that spell two lines, a step a character, blanks between."""
    sure = np.full((2 * STEPS + 1, 1 + len(ALPHABET)), 1e-6)
    sure[:, 0] = 1.0
    for start, line in ((0, upper), (STEPS + 1, lower)):
        for place, char in enumerate(line):
            row = sure[start + 2 * place]
            row[0], row[ALPHABET.index(char) + 1] = 1e-6, 1.0
    return np.log(sure / sure.sum(axis=1, keepdims=True)).astype(np.float32)


def kinds(*shares: float) -> np.ndarray:
    return np.log(np.array(shares, dtype=np.float32))


@pytest.mark.parametrize(
    ("upper", "lower", "text", "lines"),
    [
        ("ABC1", "", "ABC1", 1),
        ("ABC", "12D", "ABC12D", 2),
        ("", "12D", "12D", 1),
        ("", "", "", 1),
        ("AB", "BA", "ABBA", 2),
    ],
)
def test_two_looks_are_one_string(upper: str, lower: str, text: str, lines: int) -> None:
    said = reading(CROP, text=spelt(upper, lower), kind=kinds(0.6, 0.1, 0.3), manifest=MANIFEST)
    assert (said.text_raw, said.lines) == (text, lines)
    (likeliest,) = ctc.n_best(said.log_probs, count=1)
    assert "".join(ALPHABET[k - 1] for k in likeliest) == text


def test_a_kind_that_was_taught_often_is_no_likelier_for_it() -> None:
    said = reading(CROP, text=spelt("A", ""), kind=kinds(0.6, 0.1, 0.3), manifest=MANIFEST)
    assert said.look == pytest.approx({("CO", "particular"): 1 / 3, ("CO", "motocicleta"): 1 / 3})


def test_a_look_of_no_known_class_leaves_little_to_the_others() -> None:
    said = reading(CROP, text=spelt("A", ""), kind=kinds(0.02, 0.01, 0.97), manifest=MANIFEST)
    assert sum(said.look.values()) < 0.1


def test_the_colour_comes_from_the_crop() -> None:
    said = reading(CROP, text=spelt("A", ""), kind=kinds(0.6, 0.1, 0.3), manifest=MANIFEST)
    assert max(said.background, key=lambda name: said.background[name]) == "yellow"
