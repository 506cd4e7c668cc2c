"""Plates are drawn as their class demands, the same way for the same seed, and none of the clips' for training."""

import re
import string
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from models.synth import glyphs, lettering, patterns
from models.synth.arrays import stream
from models.synth.patterns import CLASSES, PlateClass, find
from models.synth.plates import PlateImage, PlateSpec, render_plate
from models.synth.reserved import is_reserved
from models.synth.texts import sample_pattern, sample_text

ROOT = Path(__file__).resolve().parents[3]
IDS = [f"{c.country}-{c.name}" for c in CLASSES]
GRAMMAR_CO = {
    "particular", "publico", "oficial", "motocicleta", "motocarro", "diplomatico", "consular", "misiones",
    "organismos", "administrativo", "remolque", "semirremolque", "carga", "antiguo", "clasico", "maquinaria",
}  # fmt: skip


def plate_of(plate_class: PlateClass, seed: int, **look: object) -> PlateImage:
    rng = stream(seed, "test")
    text = sample_text(plate_class, rng)
    return render_plate(PlateSpec(text, plate_class.country, plate_class.name, **look), rng)  # type: ignore[arg-type]


def test_the_lettering_holds_every_letter_and_digit() -> None:
    assert set(string.ascii_uppercase + string.digits) <= set(glyphs.alphabet())


@pytest.mark.parametrize("character", string.ascii_uppercase + string.digits)
def test_a_glyph_fills_the_height_of_its_cell(character: str) -> None:
    mask = glyphs.draw(character, 100)
    rows = np.flatnonzero(mask.max(axis=1) > 128)
    assert rows[0] <= 3
    assert rows[-1] >= 96
    # The pen never leaves the cell: at the sides the ink stays inside.
    assert mask.shape == (100, round(glyphs.advance(character)))
    assert 0.15 < (mask > 128).mean() < 0.75


def test_every_two_glyphs_differ_somewhere_by_half_a_pen() -> None:
    cells = {c: glyphs.draw(c, 100, width_px=60) > 128 for c in string.ascii_uppercase + string.digits}
    spot = np.ones((7, 7), np.uint8)
    alike = [
        {a, b}
        for a in cells
        for b in cells
        if a < b and not cv2.erode((cells[a] ^ cells[b]).astype(np.uint8), spot).any()
    ]
    # O and 0 are told apart by their width as well, which a common cell takes away.
    assert alike in ([], [{"O", "0"}])
    assert glyphs.advance("O") > glyphs.advance("0") * 1.1


def test_an_unknown_glyph_is_refused() -> None:
    with pytest.raises(KeyError):
        glyphs.advance("ñ")


@pytest.mark.parametrize("font", lettering.FONTS)
def test_every_lettering_draws(font: str) -> None:
    mask = lettering.glyph("R", 60, 34, font)
    assert mask.shape == (60, 34)
    assert mask.max() > 200


def test_an_unknown_lettering_is_refused() -> None:
    with pytest.raises(ValueError, match="no lettering 'comic'"):
        lettering.glyph("A", 20, 10, "comic")


def test_writing_stays_inside_the_canvas() -> None:
    canvas = np.zeros((40, 80, 3), np.uint8)
    lettering.write(canvas, "A TEXT THAT IS MUCH TOO LONG FOR IT", (40, 20), 14, (255, 255, 255))
    assert canvas[:, 2:-2].max() > 100
    lettering.write(canvas, " ", (40, 20), 14, (255, 255, 255))


def test_every_colombian_class_of_the_grammar_is_there() -> None:
    assert {c.name for c in CLASSES if c.country == "CO"} == GRAMMAR_CO


def test_neighbours_and_the_open_pattern_are_there() -> None:
    assert {"VE", "EC", "PE", "BR", "AR", "CL", "PA", "MX", "BO", "GT", "PY", "UY", "XX"} <= {
        c.country for c in CLASSES
    }


@pytest.mark.parametrize("plate_class", CLASSES, ids=IDS)
def test_texts_match_their_class(plate_class: PlateClass) -> None:
    for seed in range(20):
        text = sample_text(plate_class, stream(seed, "text"))
        assert plate_class.matches(text)


@pytest.mark.parametrize("plate_class", CLASSES, ids=IDS)
def test_texts_match_the_products_grammar(plate_class: PlateClass) -> None:
    """What is drawn must be something that the product's own plate files accept for that country."""
    name = "open" if plate_class.country == "XX" else plate_class.country
    path = ROOT / "configs" / "plates" / f"{name}.yaml"
    grammar = [p for c in yaml.safe_load(path.read_text(encoding="utf-8"))["classes"] for p in c["patterns"]]
    for seed in range(20):
        text = sample_text(plate_class, stream(seed, "grammar"))
        assert any(re.fullmatch(pattern, text) for pattern in grammar), text


@pytest.mark.parametrize("plate_class", CLASSES, ids=IDS)
def test_a_plate_is_rendered_as_its_class_demands(plate_class: PlateClass) -> None:
    image = plate_of(plate_class, 3)
    assert image.size_mm == plate_class.size_mm
    height, width = image.bgr.shape[:2]
    assert width / height == pytest.approx(plate_class.size_mm[0] / plate_class.size_mm[1], rel=0.02)
    assert "".join(box.character for box in image.chars) == image.text
    for box in image.chars:
        assert box.x >= 0
        assert box.x + box.w <= width
        assert box.y >= 0
        assert box.y + box.h <= height
    rows = {box.y for box in image.chars}
    assert len(rows) == (2 if plate_class.lines else 1)


def test_characters_do_not_touch_one_another() -> None:
    for plate_class in CLASSES:
        boxes = plate_of(plate_class, 5).chars
        for first, second in pairwise(boxes):
            if first.y == second.y:
                assert second.x >= first.x + first.w - 1


def test_the_boxes_hold_the_ink() -> None:
    image = render_plate(PlateSpec("HVK358", wear=0.0), stream(1, "ink"))
    grey = cv2.cvtColor(image.bgr, cv2.COLOR_BGR2GRAY)
    for box in image.chars:
        cell = grey[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)]
        assert 0.15 < (cell < 100).mean() < 0.7


@pytest.mark.parametrize(
    ("name", "text", "ground"),
    [
        ("particular", "ABC123", "yellow"),
        ("publico", "ABC123", "white"),
        ("motocicleta", "ABC12D", "yellow"),
        ("carga", "T1234", "red"),
        ("diplomatico", "DK1234", "blue"),
        ("remolque", "R12345", "green"),
    ],
)
def test_colours(name: str, text: str, ground: str) -> None:
    image = render_plate(PlateSpec(text, "CO", name, wear=0.0), stream(1, "colour"))
    height, width = image.bgr.shape[:2]
    margin = image.bgr[height // 8 : -height // 8, 12:24].reshape(-1, 3)
    blue, green, red = (float(value) for value in np.median(margin, axis=0))
    seen = {
        "yellow": red > 180 and green > 140 and blue < 90,
        "white": min(red, green, blue) > 190,
        "red": red > 120 and green < 80 and blue < 80,
        "blue": blue > 100 and red < 60,
        "green": green > 80 and red < 70,
    }
    assert [colour for colour, is_it in seen.items() if is_it] == [ground]
    assert width > height


def test_the_same_seed_draws_the_same_plate() -> None:
    spec = PlateSpec("KLM456", wear=0.6, frame=True)
    assert np.array_equal(render_plate(spec, stream(9, "a")).bgr, render_plate(spec, stream(9, "a")).bgr)
    assert not np.array_equal(render_plate(spec, stream(9, "a")).bgr, render_plate(spec, stream(10, "a")).bgr)


def test_a_text_of_another_class_is_refused() -> None:
    with pytest.raises(ValueError, match="'ABC12' is no plate of class CO particular"):
        render_plate(PlateSpec("ABC12"), stream(1, "x"))


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(KeyError, match="no plate class 'spaceship' of country 'CO'"):
        find("CO", "spaceship")


def test_a_pattern_beyond_the_small_language_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot draw from"):
        sample_pattern("[A-Z]+", stream(1, "x"))


def test_wear_changes_the_plate() -> None:
    clean, worn = (
        render_plate(PlateSpec("ABC123", wear=wear), stream(2, "w")).bgr.astype(float) for wear in (0.0, 1.0)
    )
    assert np.abs(clean - worn).mean() > 5


def test_plates_fall_on_one_side_or_the_other() -> None:
    particular = find("CO", "particular")
    for seed in range(30):
        assert is_reserved(sample_text(particular, stream(seed, "r"), reserved=True))
        assert not is_reserved(sample_text(particular, stream(seed, "r")))


def test_about_sixteen_in_a_thousand_plates_are_kept() -> None:
    texts = [f"ABC{number:03d}" for number in range(1000)] + [f"XYZ{number:03d}" for number in range(1000)]
    assert 0.008 < sum(map(is_reserved, texts)) / len(texts) < 0.026


def test_every_class_names_vehicles_that_can_be_built() -> None:
    assert {kind for c in patterns.CLASSES for kind in c.vehicles} <= {
        "car",
        "taxi",
        "bus",
        "truck",
        "motorcycle",
    }
