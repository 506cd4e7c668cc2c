"""Plates of no country: what they say is what they show, and none is kept for the sample clips."""

import numpy as np
import pytest

from models.reader.view import seen, shaken, taken
from models.synth import typefaces
from models.synth.freeplates import class_text, free_plate, free_text
from models.synth.patterns import CLASSES
from models.synth.reserved import is_reserved


@pytest.mark.parametrize("lines", [1, 2])
def test_a_text_has_as_many_lines_as_asked_and_is_kept_from_no_clip(lines: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        text = free_text(rng, lines=lines)
        assert len(text) == lines
        assert all(text)
        assert 2 <= len("".join(text)) <= 9
        assert set("".join(text)) <= set(typefaces.ALPHABET)
        assert not is_reserved("".join(text))


def test_a_class_s_text_is_parted_as_the_class_parts_it() -> None:
    rng = np.random.default_rng(2)
    two = {c.lines[0] for c in CLASSES if c.lines}
    drawn = [class_text(rng) for _ in range(400)]
    assert {len(lines[0]) for lines in drawn if len(lines) == 2} <= two
    assert {1, 2} == {len(lines) for lines in drawn}


def test_the_same_chance_draws_the_same_plate() -> None:
    one, other = (free_plate(np.random.default_rng(7), ()) for _ in range(2))
    assert one.lines == other.lines
    assert np.array_equal(one.grey, other.grey)


def test_every_plate_shows_strokes() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        plate = free_plate(rng, ())
        assert plate.grey.dtype == np.uint8
        assert plate.grey.ndim == 2
        assert np.percentile(plate.grey, 98) - np.percentile(plate.grey, 2) > 30
        assert 0.4 < plate.grey.shape[1] / plate.grey.shape[0] < 12


@pytest.mark.parametrize("character", typefaces.ALPHABET)
@pytest.mark.parametrize("face", typefaces.OWN)
def test_a_glyph_is_as_high_as_a_capital(character: str, face: str) -> None:
    drawn = typefaces.glyph(character, face)
    rows = np.flatnonzero(drawn.ink.max(axis=1) > 60)
    assert rows[-1] - rows[0] > 0.9 * typefaces.CAP_PX
    assert drawn.ink.max() == 255


def test_no_two_glyphs_are_alike() -> None:
    inks = {typefaces.glyph(c, "stroke").ink.tobytes() for c in typefaces.ALPHABET}
    assert len(inks) == len(typefaces.ALPHABET)


def test_strokes_grow_and_shrink() -> None:
    ink = typefaces.glyph("H", "stroke").ink
    thin, thick = (typefaces.weighted(ink, w) for w in (-3, 3))
    assert thin.sum() < ink.sum() < thick.sum()
    assert typefaces.weighted(ink, 0) is ink


def test_a_view_is_small_and_never_empty() -> None:
    rng = np.random.default_rng(4)
    plate = free_plate(rng, ())
    aspect = plate.grey.shape[1] / plate.grey.shape[0]
    for _ in range(200):
        picture = seen(plate.grey, aspect, rng, characters=max(map(len, plate.lines)))
        assert picture.dtype == np.uint8
        assert 8 <= picture.shape[0] <= 420
        assert 8 <= picture.shape[1] <= 420


def test_a_real_crop_keeps_its_text_in_the_picture() -> None:
    """A crop shaken is still the crop: its dark middle stays in the middle."""
    crop = np.full((40, 120), 220, np.uint8)
    crop[12:28, 40:80] = 20
    rng = np.random.default_rng(5)
    for _ in range(100):
        turned = shaken(crop, rng).astype(float)
        middle = turned[
            turned.shape[0] * 2 // 5 : turned.shape[0] * 3 // 5,
            turned.shape[1] * 2 // 5 : turned.shape[1] * 3 // 5,
        ]
        assert abs(middle.mean() - np.median(turned)) > 4


def test_what_is_taken_keeps_its_size() -> None:
    rng = np.random.default_rng(6)
    assert {taken(np.full((31, 77), 128, np.uint8), rng).shape for _ in range(50)} == {(31, 77)}
