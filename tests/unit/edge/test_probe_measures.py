"""What a probe measures in pictures, against pictures of which the answer is known."""

from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import START, at
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contract.read import Scored
from edge.pipeline import Seen
from edge.probe import plates
from edge.probe.letters import Letters, measure
from edge.probe.plates import Plates, masked, rise_px
from edge.probe.scene import Scene
from edge.types import Bgr, Box, Frame, Verdict

_FONT = cv2.FONT_HERSHEY_DUPLEX


def plate(
    *lines: str, scale: float = 2.0, ink: int = 20, ground: int = 210, rotate: float = 0.0, lean: float = 0.0
) -> tuple[Bgr, float]:
    """A drawn plate, and how high its characters are, px."""
    high = round(_capital_px(scale))
    step, thick = round(1.5 * high), max(1, round(2 * scale))
    picture = np.full((step * len(lines) + high, high * (2 + max(map(len, lines))), 3), ground, np.uint8)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):  # one by one: they must not touch
            spot = (high + column * high, 3 * high // 2 + row * step)
            cv2.putText(picture, letter, spot, _FONT, scale, (ink,) * 3, thick, cv2.LINE_AA)
    rows, columns = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), -rotate, 1.0)
    shear = np.tan(np.radians(lean))
    skew = np.array([[1, -shear, shear * rows / 2], [0, 1, 0]], np.float32)
    for matrix in (skew, turn.astype(np.float32)):
        picture = np.asarray(
            cv2.warpAffine(picture, matrix, (columns, rows), borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
    return picture, float(high)


def _capital_px(scale: float) -> float:
    """How high an H is drawn."""
    drawn = np.zeros((round(60 * scale) + 20, round(60 * scale) + 20), np.uint8)
    cv2.putText(drawn, "H", (5, drawn.shape[0] - 8), _FONT, scale, 255, max(1, round(2 * scale)), cv2.LINE_AA)
    return float(np.sum((drawn > 127).any(axis=1)))


def found(picture: Bgr) -> Letters:
    letters = measure(picture)
    assert letters is not None
    return letters


class TestLetters:
    @pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
    @pytest.mark.parametrize("lines", [("ABC123",), ("FZY", "03S")])
    @pytest.mark.parametrize(("ink", "ground"), [(20, 210), (230, 40)])
    def test_their_height_is_that_drawn(
        self, lines: tuple[str, ...], scale: float, ink: int, ground: int
    ) -> None:
        picture, high = plate(*lines, scale=scale, ink=ink, ground=ground)
        letters = found(picture)
        assert letters.count == sum(map(len, lines))
        assert letters.height_px == pytest.approx(high, rel=0.15)
        assert 0.3 * high < letters.width_px < 1.2 * high

    @pytest.mark.parametrize("degrees", [-12.0, -4.0, 0.0, 7.0, 15.0])
    def test_a_turned_row_is_turned_clockwise_by_so_much(self, degrees: float) -> None:
        assert found(plate("HNE482", rotate=degrees)[0]).rotation_deg == pytest.approx(degrees, abs=2.0)

    @pytest.mark.parametrize("degrees", [-20.0, 0.0, 14.0])
    def test_leaning_strokes_lean_clockwise_by_so_much(self, degrees: float) -> None:
        letters = found(plate("HNE482", lean=degrees)[0])
        assert letters.lean_deg == pytest.approx(degrees, abs=4.0)
        assert abs(letters.rotation_deg) < 3.0

    @pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (40, 1, 3), (30, 90, 3)])
    def test_what_shows_none_says_nothing(self, shape: tuple[int, int, int]) -> None:
        assert measure(np.full(shape, 90, np.uint8)) is None

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 60), st.integers(1, 120), st.integers(0, 1000))
    def test_any_crop_gives_none_or_sizes_that_fit_into_it(self, high: int, wide: int, seed: int) -> None:
        crop = np.random.default_rng(seed).integers(0, 255, (high, wide, 3), dtype=np.uint8)
        letters = measure(crop)
        if letters is not None:
            assert 0 < letters.height_px <= high
            assert 0 < letters.width_px <= wide
            assert abs(letters.rotation_deg) <= 45


class TestRise:
    def edge(self, *, smear: int, axis: int) -> np.ndarray:
        row = np.repeat([20.0, 200.0] * 4, 24)
        ramp = np.convolve(np.pad(row, 40, mode="edge"), np.ones(smear) / smear, mode="same")[40:-40]
        across = np.repeat(ramp[None, :], 120, axis=0).astype(np.float32)
        return across if axis == 1 else across.T.copy()

    @pytest.mark.parametrize("axis", [0, 1])
    @pytest.mark.parametrize("smear", [1, 4, 9])
    def test_a_smear_is_as_long_as_it_was_made(self, smear: int, axis: int) -> None:
        grey = self.edge(smear=smear, axis=axis)
        assert rise_px(grey, axis=axis) == pytest.approx(smear, abs=1.0)

    def test_nothing_rises_in_an_even_picture(self) -> None:
        assert rise_px(np.full((9, 9), 50, np.float32), axis=1) == 0.0
        assert rise_px(np.zeros((1, 1), np.float32), axis=0) == 0.0


def frame(seconds: float, boxes: list[Box], *, size: tuple[int, int] = (640, 360)) -> Frame:
    """A grey road with a drawn plate in every box."""
    bgr = np.full((size[1], size[0], 3), 90, np.uint8)
    drawn, _ = plate("ABC123", scale=1.0)
    for box in boxes:
        left, top, wide, high = (round(v) for v in (box.x, box.y, box.width, box.height))
        patch = np.asarray(cv2.resize(drawn, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
        part = bgr[top : top + high, left : left + wide]
        part[:] = patch[: part.shape[0], : part.shape[1]]
    return Frame("cam", at(seconds), bgr)


def verdict(text: str, likelihood: float, *, country: str | None = "CO") -> Verdict:
    known = Scored(value=country, likelihood=0.9) if country else None
    return Verdict(text, text, likelihood, (), known, None, None, 1, 1)


def facts(watched: Plates, index: int = 0, **changes: Any) -> Any:
    times: dict[str, datetime] = {"began_at": START, "ended_at": at(20)}
    return plates.facts(watched.passages[index], legible=0.5, **{**times, **changes})


class TestPlates:
    def test_a_passage_is_measured_at_its_best_picture(self) -> None:
        watched = Plates()
        sizes = [60.0, 120.0, 90.0]
        for n, wide in enumerate(sizes):
            box = Box(100.0 + 50 * n, 200.0, wide, wide / 2.5)
            watched.note(frame(5 + 0.25 * n, [box]), [Seen(box, verdict("ABC123", 0.9), emitted=n > 0)])
        it = facts(watched)
        assert (it.width_px, it.pictures, it.seen_s, it.text) == (120.0, 3, 0.5, "ABC123")
        assert it.is_read
        assert it.is_whole
        drawn, high = plate("ABC123", scale=1.0)
        assert it.letter_height_px == pytest.approx(48.0 * high / drawn.shape[0], rel=0.2)
        assert it.speed_px_s == pytest.approx(np.quantile([320.9, 145.6], 0.9), rel=0.05)
        assert it.sharpness > 0.6
        assert not it.is_cut

    def test_two_passages_stay_two_and_are_numbered_as_they_came(self) -> None:
        watched = Plates()
        boxes = [Box(50.0, 60.0, 90.0, 36.0), Box(300.0, 60.0, 90.0, 36.0)]
        for seconds in (4.0, 4.2):
            seen = [Seen(boxes[0], None, False, 7), Seen(boxes[1], None, False, 3)]
            watched.note(frame(seconds, boxes), seen)
        assert [p.number for p in watched.passages] == [1, 2]
        assert (watched.number_of(7), watched.number_of(3), watched.number_of(9)) == (1, 2, None)
        watched.said(3, verdict("XYZ987", 0.97))
        watched.said(99, verdict("XYZ987", 0.97))
        assert [(facts(watched, n).is_read, facts(watched, n).text) for n in range(2)] == [
            (False, None),
            (True, "XYZ987"),
        ]

    @pytest.mark.parametrize(
        ("first", "last", "whole"),
        [(5.0, 6.0, True), (0.2, 1.0, False), (19.0, 19.9, False), (0.0, 20.0, True)],
    )
    def test_what_came_with_the_look_or_stayed_beyond_it_proves_nothing_unless_it_stayed_long(
        self, first: float, last: float, whole: bool
    ) -> None:
        watched = Plates()
        box = Box(50.0, 60.0, 90.0, 36.0)
        for seconds in (first, last):
            watched.note(frame(seconds, [box]), [Seen(box, None, False)])
        assert facts(watched).is_whole is whole

    @pytest.mark.parametrize(
        ("told", "moves", "likely"),
        [
            (None, True, True),
            (None, False, False),
            (verdict("ABC123", 0.2), False, True),
            (verdict("ANDINO", 0.9, country=None), True, False),  # a maker's name on a lorry
            (verdict("AB", 0.9), False, False),
        ],
    )
    def test_scenery_is_told_from_plates_that_were_not_read(
        self, told: Verdict | None, moves: bool, likely: bool
    ) -> None:
        watched = Plates()
        for n in range(3):
            box = Box(50.0 + 30 * n * moves, 60.0, 90.0, 36.0)
            watched.note(frame(5 + 0.2 * n, [box]), [Seen(box, told, False)])
        assert facts(watched).is_likely is likely

    def test_a_plate_at_the_border_is_cut(self) -> None:
        watched = Plates()
        box = Box(550.0, 60.0, 90.0, 36.0)
        watched.note(frame(5, [box]), [Seen(box, None, False)])
        assert facts(watched).is_cut

    def test_too_many_are_counted_and_not_kept(self) -> None:
        watched = Plates()
        box = Box(50.0, 60.0, 30.0, 12.0)
        still = frame(5, [box])
        watched.note(still, [Seen(box, None, False, n) for n in range(310)])
        watched.note(still, [Seen(box, None, False, n) for n in range(310)])
        assert (len(watched.passages), watched.not_kept) == (300, 10)

    def test_a_mask_leaves_the_form(self) -> None:
        assert masked("FZY03S") == "AAA99A"
        assert masked(None) is None


class TestScene:
    def test_a_dark_grey_picture_with_a_lamp_in_it(self) -> None:
        picture = np.full((180, 320, 3), 24, np.uint8)
        picture[:18] = 255
        scene = Scene()
        for _ in range(3):
            scene.note(picture)
        assert scene.brightness == 24
        assert scene.burnt == pytest.approx(0.1)
        assert scene.is_grey

    def test_a_street_by_day_has_colour(self) -> None:
        picture = np.full((180, 320, 3), 120, np.uint8)
        picture[100:, :, 0] = 40
        scene = Scene()
        scene.note(picture)
        assert not scene.is_grey

    def test_without_a_picture_there_is_nothing(self) -> None:
        assert (Scene().brightness, Scene().burnt, Scene().is_grey) == (0.0, 0.0, False)


def test_the_newest_of_a_passage_counts_where_pictures_come_at_one_time() -> None:
    """Two frames of one capture time: no speed, and no fault."""
    watched = Plates()
    box = Box(50.0, 60.0, 90.0, 36.0)
    for _ in range(2):
        watched.note(frame(5, [box]), [Seen(box, None, False)])
    assert facts(watched).speed_px_s is None
    assert watched.passages[0].last_at - watched.passages[0].first_at == timedelta(0)
