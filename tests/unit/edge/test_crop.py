"""Cutting plates out of frames."""

import numpy as np
import pytest

from edge.read.crop import cut
from edge.types import Bgr, Box


def ground(high: int = 100, wide: int = 200) -> Bgr:
    return np.arange(high * wide * 3, dtype=np.uint32).astype(np.uint8).reshape(high, wide, 3)


class TestCut:
    def test_the_margins_are_shares_of_the_box(self) -> None:
        picture = ground()
        assert np.array_equal(
            cut(picture, Box(50, 20, 100, 50), across=0.1, down=0.2), picture[10:80, 40:160]
        )

    def test_without_a_margin_the_box_itself(self) -> None:
        assert cut(ground(), Box(10.2, 10.7, 20.5, 5.1), across=0, down=0).shape == (6, 21, 3)

    @pytest.mark.parametrize(
        "box",
        [
            Box(-30, -30, 60, 60), Box(190, 95, 40, 40), Box(0, 0, 200, 100), Box(-500, -500, 2000, 2000),
            Box(199, 99, 1, 1), Box(5, 5, 0.01, 0.01), Box(200, 100, 3, 3), Box(-9, -9, 3, 3),
        ],
    )  # fmt: skip
    def test_a_crop_lies_within_the_picture_and_is_never_empty(self, box: Box) -> None:
        high, wide = cut(ground(), box).shape[:2]
        assert 1 <= high <= 100
        assert 1 <= wide <= 200

    def test_it_is_a_view(self) -> None:
        picture = ground()
        assert np.shares_memory(cut(picture, Box(1, 1, 9, 9)), picture)
