"""The colour of a plate's ground, in sun and shadow, with a camera that sees colours and one that does not."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.read.colour import background
from edge.types import Bgr

BLACK, WHITE = (25, 25, 25), (240, 236, 231)
YELLOW, BLUE, GREEN, RED = (38, 196, 246), (140, 62, 16), (70, 110, 20), (38, 32, 178)


def plate(ground: tuple[int, int, int], ink: tuple[int, int, int]) -> Bgr:
    picture = np.full((80, 160, 3), ground, dtype=np.uint8)
    cv2.putText(picture, "ABC123", (8, 56), cv2.FONT_HERSHEY_SIMPLEX, 1.3, ink, 5, cv2.LINE_AA)
    return picture


def best(crop: Bgr) -> str:
    shares = background(crop)
    return max(shares, key=lambda name: shares[name])


COLOURS = [
    pytest.param(YELLOW, BLACK, "yellow", id="yellow"),
    pytest.param(WHITE, BLACK, "white", id="white"),
    pytest.param(BLUE, WHITE, "blue", id="blue"),
    pytest.param(GREEN, WHITE, "green", id="green"),
    pytest.param(RED, WHITE, "red", id="red"),
    pytest.param(BLACK, (210, 215, 225), "black", id="black"),
]


@pytest.mark.parametrize(("ground", "ink", "name"), COLOURS)
def test_the_ground_is_named(ground: tuple[int, int, int], ink: tuple[int, int, int], name: str) -> None:
    crop = plate(ground, ink)
    crop[:4] = (40, 60, 120)  # what is around the plate
    assert best(crop) == name


@pytest.mark.parametrize(("ground", "ink", "name"), [COLOURS[0], *COLOURS[2:5]])
def test_a_shadow_over_half_of_it_changes_no_colour(
    ground: tuple[int, int, int], ink: tuple[int, int, int], name: str
) -> None:
    crop = plate(ground, ink)
    crop[:40] = (crop[:40] * 0.45).astype(np.uint8)
    assert best(crop) == name


def test_yellow_light_leaves_a_white_plate_in_doubt() -> None:
    crop = (plate(WHITE, BLACK) * np.array([0.72, 0.9, 1.0])).astype(np.uint8)
    assert background(crop)["white"] > 0.3


def test_an_infrared_picture_has_no_colour_to_tell() -> None:
    grey = cv2.cvtColor(plate(YELLOW, BLACK), cv2.COLOR_BGR2GRAY)
    assert background(np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)) == {}


@given(st.integers(1, 90), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_any_crop_gives_shares_or_nothing(high: int, wide: int, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (high, wide, 3), dtype=np.uint8)
    shares = background(crop)
    assert not shares or 0.9 < sum(shares.values()) <= 1 + 1e-6
    assert all(0 < share <= 1 for share in shares.values())
