import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.read.normalise import HEIGHT, WIDTH, normalised


@given(st.integers(1, 300), st.integers(1, 500), st.integers(0, 2**32 - 1), st.booleans())
def test_any_crop_becomes_one_size(high: int, wide: int, seed: int, colour: bool) -> None:
    shape = (high, wide, 3) if colour else (high, wide)
    crop = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    seen = normalised(crop)
    assert (seen.shape, seen.dtype) == ((HEIGHT, WIDTH), np.uint8)


@pytest.mark.parametrize(("low", "high"), [(10, 60), (100, 140), (0, 255), (200, 250)])
def test_contrast_is_stretched_whatever_the_light(low: int, high: int) -> None:
    crop = np.full((64, 192), high, np.uint8)
    crop[20:44, 50:140] = low
    seen = normalised(crop)
    assert (seen.min(), seen.max()) == (0, 255)


def test_noise_alone_is_not_blown_up() -> None:
    crop = np.random.default_rng(1).integers(120, 124, (64, 192), dtype=np.uint8)
    assert np.ptp(normalised(crop).astype(int)) < 60


def test_light_and_gain_make_no_difference() -> None:
    """The same plate under less light looks the same to the reader."""
    crop = np.random.default_rng(2).integers(0, 200, (64, 192)).astype(np.uint8)
    dim = (crop.astype(float) * 0.5 + 40).astype(np.uint8)
    assert np.abs(normalised(crop).astype(int) - normalised(dim)).mean() < 3


def test_colours_count_by_their_brightness() -> None:
    crop = np.zeros((64, 192, 3), np.uint8)
    crop[:, :96] = (0, 200, 255)
    assert normalised(crop)[:, :90].min() > normalised(crop)[:, 100:].max()
