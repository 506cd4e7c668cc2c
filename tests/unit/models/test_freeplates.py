"""Plates of no country: what they say is what they show, and none is kept for the sample clips."""

import numpy as np
import pytest

from models.reader.view import _margins, seen, shaken, taken
from models.synth import typefaces
from models.synth.emblems import emblem
from models.synth.freeplates import _town_text, class_text, free_plate, free_text
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


def test_an_emblem_leaves_its_rim_free_and_is_never_the_same() -> None:
    rng = np.random.default_rng(6)
    drawn = [emblem(rng, 40) for _ in range(60)]
    assert all(e.shape == (40, 40) for e in drawn)
    assert all(e.max() > 30 for e in drawn)
    assert len({e.tobytes() for e in drawn}) == 60
    assert all(e.mean() < 200 for e in drawn)


def test_some_crops_cut_into_the_characters_and_none_loses_one() -> None:
    """Real boxes are tight now and then; a reader that never saw a cut character stumbles over it."""
    rng = np.random.default_rng(7)
    ink, characters = (0.1, 0.2, 0.94, 0.7), 6
    lost = []
    for _ in range(600):
        (left, top), (right, bottom) = (
            m / [100, 40] for m in _margins(rng, np.array([100.0, 40.0]), ink=ink, characters=characters)
        )
        lost.append(max(-left - ink[0], -right - (1 - ink[2])) / (0.84 / characters))
        assert max(-top - ink[1], -bottom - (1 - ink[3])) < 0.07 * 0.5
    assert max(lost) < 0.43
    assert 0.05 < np.mean(np.array(lost) > 0.1) < 0.25


def test_the_ink_of_a_plate_is_where_it_says() -> None:
    rng = np.random.default_rng(11)
    for _ in range(60):
        plate = free_plate(rng, ())
        left, top, right, bottom = plate.ink
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert right - left > 0.4


def test_colombian_layouts_bear_colombian_strings() -> None:
    rng = np.random.default_rng(12)
    for _ in range(100):
        text = "".join(_town_text(rng))
        assert any(c.country == "CO" and c.matches(text) for c in CLASSES)
