"""Straightening, and telling lines from small print, on drawn plates."""

import numpy as np
import pytest
from plates import car, framed, line, motorcycle, stack, turned

from models.reader import textlines
from models.reader.textlines import Row, beside, layouts, tall


class TestTilt:
    @pytest.mark.parametrize("degrees", [-25, -16, -8, 0, 8, 16, 25])
    def test_the_slope_of_the_text_is_found(self, degrees: float) -> None:
        edges = textlines._edges(turned(car("ABC123"), degrees))
        assert textlines.tilt(edges) == pytest.approx(degrees, abs=4)

    def test_without_text_there_is_no_tilt(self) -> None:
        assert textlines.tilt(np.zeros((64, 128), dtype=np.float32)) == 0

    @pytest.mark.parametrize("degrees", [-20, 12])
    def test_straightening_keeps_the_size_and_levels_the_text(self, degrees: float) -> None:
        picture = turned(car("ABC123"), degrees)
        level = textlines.sheared(picture, textlines.tilt(textlines._edges(picture)))
        assert level.shape == picture.shape
        assert abs(textlines.tilt(textlines._edges(level))) <= 4


class TestRows:
    def test_one_line_is_one_row(self) -> None:
        (row,) = textlines.rows(textlines._edges(framed(line("ABC123"))))
        assert row.top == pytest.approx(0.25, abs=0.1)
        assert row.bottom == pytest.approx(0.75, abs=0.1)

    def test_the_municipality_is_a_low_row(self) -> None:
        found = textlines.rows(textlines._edges(car("ABC123", city="MEDELLIN")))
        assert len(found) == 2
        assert found[1].height < 0.5 * found[0].height
        assert tall(found) == found[:1]

    def test_two_lines_are_two_rows(self) -> None:
        upper, lower = tall(textlines.rows(textlines._edges(motorcycle("ABC", "12D"))))
        assert upper.bottom <= lower.top
        assert upper.height == pytest.approx(lower.height, rel=0.2)

    def test_bare_ground_has_none(self) -> None:
        assert textlines.rows(np.zeros((64, 100), dtype=np.float32)) == []
        assert tall([]) == []

    def test_a_row_of_faint_edges_is_no_line(self) -> None:
        assert tall([Row(0, 0.4, 0.3), Row(0.5, 0.9, 1.0)]) == [Row(0.5, 0.9, 1.0)]


class TestLayouts:
    def test_a_long_plate_is_left_alone(self) -> None:
        picture = car("ABC123")
        assert [[each.shape for each in lines] for lines in layouts(picture)] == [[picture.shape]]

    def test_a_square_plate_with_two_lines_is_parted(self) -> None:
        ((upper, lower),) = layouts(motorcycle("ABC", "12D"))
        assert upper.shape[1] == lower.shape[1]
        assert upper.shape[0] + lower.shape[0] <= 1.2 * motorcycle("ABC", "12D").shape[0]

    def test_in_between_both_ways_are_offered(self) -> None:
        ways = layouts(framed(stack(line("ABCDEF"), line("123456"))))
        assert [len(lines) for lines in ways] == [1, 2]

    def test_small_print_is_left_out_of_the_second_way(self) -> None:
        picture = car("ABC123", city="MEDELLIN")
        (whole,), (number,) = layouts(picture)
        assert whole.shape == picture.shape
        assert number.shape[0] < 0.75 * picture.shape[0]

    def test_lines_put_side_by_side_are_one_of_the_higher_ones_height(self) -> None:
        upper, lower = line("ABC", height=60), line("12D", height=30)
        joined = beside([upper, lower])
        assert joined.shape == (60, upper.shape[1] + 12 + 2 * lower.shape[1], 3)
        assert np.array_equal(joined[:, : upper.shape[1]], upper)

    def test_one_line_stays_as_it_is(self) -> None:
        assert np.array_equal(beside([line("ABC")]), line("ABC"))

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3), (5, 5), (400, 900), (64, 64)])
    @pytest.mark.parametrize("what", ["black", "noise", "half"])
    def test_any_crop_has_a_layout_of_pixels(self, shape: tuple[int, int], what: str) -> None:
        picture = np.zeros((*shape, 3), dtype=np.uint8)
        if what == "noise":
            picture[:] = np.random.default_rng(1).integers(0, 255, picture.shape)
        elif what == "half":
            picture[:, : shape[1] // 2] = 255
        ways = layouts(picture)
        assert 1 <= len(ways) <= 2
        assert all(line.size > 0 and line.dtype == np.uint8 for lines in ways for line in lines)
