"""The rendered test set: apart from all training (seeds, plates, glyphs, modules), and legible throughout."""

import ast
import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from edge.bench.labels import load_pictures
from models.synth import lettering, testglyphs, typefaces
from models.synth.patterns import find
from models.synth.reserved import (
    RESERVED_SEEDS,
    TEST_SEEDS,
    check_test_seed,
    check_training_seed,
    is_reserved,
    leaked_plates,
)
from models.synth.testcamera import Pose, corners, random_pose, shoot
from models.synth.testglyphs import ALPHABET, Style, advance, draw, outline, random_style
from models.synth.testplates import surface
from models.synth.testset import (
    LEAST_CONTRAST,
    LEAST_FIDELITY,
    LEAST_HIGH_PX,
    LEAST_TRUTH,
    _shows,
    write_testset,
)
from models.synth.testset import (
    draw as draw_test,
)
from models.synth.training import street_seed, vehicle_seed

ROOT = Path(__file__).resolve().parents[3]
SEED = TEST_SEEDS.start
TEST_MODULES = {f"models.synth.{name}" for name in ("testglyphs", "testplates", "testcamera", "testset")}
CURVED = "BCGJQRS0235689"


@pytest.fixture(scope="module")
def drawn() -> list:
    return [draw_test(SEED, number) for number in range(30)]


# --- apart from training


def test_no_training_may_use_a_test_s_seed_and_no_test_a_training_s() -> None:
    assert not set(TEST_SEEDS) & set(RESERVED_SEEDS)
    for seed in (TEST_SEEDS.start, TEST_SEEDS.stop - 1):
        assert check_test_seed(seed) == seed
        with pytest.raises(ValueError, match="kept for test sets"):
            check_training_seed(seed)
    for seed in (0, 71, TEST_SEEDS.start - 1, TEST_SEEDS.stop, RESERVED_SEEDS.start):
        with pytest.raises(ValueError, match="no test set's"):
            check_test_seed(seed)
    for name in ("reader", "detector"):
        recipe = yaml.safe_load((ROOT / f"models/{name}/recipe.yaml").read_text(encoding="utf-8"))
        assert recipe["seed"] not in TEST_SEEDS
    for seed in (0, 42, 71, 7_999, 123_456):
        assert street_seed(seed, 999) not in TEST_SEEDS
        assert vehicle_seed(seed, 9_000) not in TEST_SEEDS


def test_every_plate_is_one_that_training_never_draws(drawn: list) -> None:
    plates = [made.facts["plate"] for made in drawn]
    assert len(set(plates)) > 25
    assert all(is_reserved(plate) for plate in plates)
    assert leaked_plates(plates) == sorted(set(plates))


def test_no_training_module_reaches_the_test_s_glyphs_and_cameras() -> None:
    """Of all modules of models/, only the test's own and the command line import them."""
    users = {}
    for path in (ROOT / "models").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        if found & TEST_MODULES:
            users[name] = found & TEST_MODULES
    assert set(users) <= TEST_MODULES | {"models.synth.__main__"}
    assert users["models.synth.__main__"] == {"models.synth.testset"}


def alike(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Overlap of an outline with others (n, ...): intersection over union."""
    common = (others & one).sum(axis=(1, 2))
    return np.asarray(common / (others | one).sum(axis=(1, 2)))


def canonical(mask: np.ndarray, *, high: int = 48, wide: int = 72) -> np.ndarray:
    """(high, wide) bool: the ink cut close, of one height, in the middle."""
    x, y, w, h = cv2.boundingRect((mask > 127).astype(np.uint8))
    cut = cv2.resize(
        mask[y : y + h, x : x + w],
        (min(max(1, round(w * high / h)), wide), high),
        interpolation=cv2.INTER_AREA,
    )
    left = (wide - cut.shape[1]) // 2
    return np.pad(cut > 127, ((0, 0), (left, wide - cut.shape[1] - left)))


def nearest(character: str, styles: list[Style], faces: list[str]) -> list[float]:
    """For each style the greatest overlap with the character as any lettering of the training draws it."""
    training = [typefaces.glyph(character, face).ink for face in faces]
    training += [lettering.glyph(character, 90, 50, font) for font in lettering.FONTS]
    known = np.stack([canonical(np.asarray(ink)) for ink in training])
    return [float(alike(canonical(draw(character, style, 90)), known).max()) for style in styles]


def test_no_glyph_is_one_of_the_training_s() -> None:
    """An L or a T is two bars in every lettering, and some typeface's may be this one's; nothing else is.

    Over all 219 typefaces of the recipe and four styles: the nearest overlap has its median at 0.88; of glyphs with
    a curve 0.93 at most (D, J, P, U: 0.97); E, F, H and I, of straight bars, 0.95 to 0.98; L and T 1.0.
    """
    recipe = yaml.safe_load((ROOT / "models/reader/recipe.yaml").read_text(encoding="utf-8"))
    faces = [*typefaces.OWN, *typefaces.installed(recipe["typefaces"][-6:])]
    if lettering.fe_font_path():
        faces.append("fe")
    styles = [random_style(np.random.default_rng([5, number])) for number in range(4)]
    found = {character: nearest(character, styles, faces) for character in ALPHABET}
    assert max(max(overlaps) for character, overlaps in found.items() if character not in "LT") < 0.99
    assert max(max(found[character]) for character in CURVED) < 0.94
    for number in range(len(styles)):
        assert np.median([overlaps[number] for overlaps in found.values()]) < 0.92


# --- glyphs


@pytest.mark.parametrize("character", ALPHABET)
def test_a_glyph_fills_its_cell(character: str) -> None:
    style = Style(0.5, 0.14, 0.2)
    mask = draw(character, style, 80)
    assert mask.shape == (80, max(3, round(advance(character, style) * 80)))
    rows, columns = np.flatnonzero(mask.max(axis=1) > 127), np.flatnonzero(mask.max(axis=0) > 127)
    assert rows[0] <= 3
    assert rows[-1] >= 76
    assert columns[0] <= 3
    # A 1 keeps the width of its die, as figures on plates do: air at its right.
    assert columns[-1] >= mask.shape[1] * (0.6 if character == "1" else 0.88)
    assert 0.08 < (mask > 127).mean() < 0.8
    assert all(len(path) >= 2 for path, _ in outline(character, style))


def test_glyphs_are_told_apart_in_every_style() -> None:
    for number in range(6):
        style = random_style(np.random.default_rng(number))
        masks = np.stack([canonical(draw(c, style, 90)) for c in ALPHABET])
        for k, character in enumerate(ALPHABET):
            overlaps = alike(masks[k], np.delete(masks, k, axis=0))
            assert overlaps.max() < 0.97, character


def test_strokes_follow_the_style() -> None:
    thin, thick = (draw("H", Style(0.5, pen, 0.2), 100).mean() for pen in (0.1, 0.18))
    assert thick > 1.4 * thin
    assert (
        draw("O", Style(0.5, 0.14, 0.2), 60, stretch=1.4).shape[1]
        > draw("O", Style(0.5, 0.14, 0.2), 60).shape[1]
    )
    square, round_ = (draw("O", Style(0.6, 0.12, arc), 100) for arc in (0.02, 0.3))
    assert square[2, 3] > round_[2, 3]


# --- plates and cameras


@pytest.mark.parametrize(
    ("country", "name", "text"),
    [
        ("CO", "particular", "KRT582"),
        ("CO", "motocicleta", "KRT58C"),
        ("BR", "motocicleta", "KRT5C82"),
        ("CO", "motocicleta", "KRT58"),
    ],
)
def test_no_character_is_ever_hidden(country: str, name: str, text: str) -> None:
    plate_class = find(country, name)
    for seed in range(12):
        made = surface(text, plate_class, 300, np.random.default_rng(seed))
        assert len(made.chars) == len(text)
        x, y, w, h = made.plate
        assert (made.chars[:, :2] >= [x, y]).all()
        assert (made.chars[:, :2] + made.chars[:, 2:] <= [x + w, y + h]).all()
        for cx, cy, cw, ch in made.chars.astype(int):
            part = made.day[cy : cy + ch, cx : cx + cw].mean(axis=2)
            ground, ink = np.percentile(part, (92, 6))
            assert ground > 1.25 * ink
    lines = 2 if plate_class.lines else 1
    assert len(np.unique(np.round(made.chars[:, 1] / made.chars[:, 3].max()))) == lines


def test_a_plate_lies_where_the_pose_says() -> None:
    square = np.array([[0, 0], [200, 0], [200, 100], [0, 100]], np.float64)
    straight = corners(square, (0, 0, 200, 100), Pose(0, 0, 0, 80, 20))
    assert np.allclose(straight, [[-40, -20], [40, -20], [40, 20], [-40, 20]])
    turned = corners(square, (0, 0, 200, 100), Pose(45, 0, 0, 80, 1000))
    assert np.ptp(turned[:, 0]) == pytest.approx(80 * np.cos(np.pi / 4), rel=0.01)
    assert np.ptp(turned[:, 1]) == pytest.approx(40, rel=0.01)
    near = corners(square, (0, 0, 200, 100), Pose(45, 0, 0, 80, 4))
    left, right = abs(near[3, 1] - near[0, 1]), abs(near[2, 1] - near[1, 1])
    assert left != pytest.approx(right, rel=0.05)


def test_no_camera_is_steeper_than_45_degrees_and_some_are_steep() -> None:
    rng = np.random.default_rng(1)
    poses = [random_pose(rng, 100) for _ in range(2000)]
    tilt = [
        np.degrees(np.arccos(np.cos(np.radians(p.yaw_deg)) * np.cos(np.radians(p.pitch_deg)))) for p in poses
    ]
    assert max(tilt) <= 45.5
    assert sum(t > 25 for t in tilt) > 100


@pytest.mark.parametrize("night", [False, True])
def test_by_night_a_plate_shines_and_by_day_it_has_its_colour(night: bool) -> None:
    made = surface("KRT582", find("CO", "particular"), 300, np.random.default_rng(3))
    saturation, inside, outside = [], [], []
    for seed in range(8):
        shot = shoot(made, Pose(5, 5, 0, 150, 15), night=night, rng=np.random.default_rng(seed))
        mask = np.zeros(shot.bgr.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, shot.quad.astype(np.int32), 255)
        pixels = shot.bgr[mask > 0].astype(float)
        saturation.append(np.median(pixels[:, 2] - pixels[:, 0]))
        inside.append(np.median(pixels))
        outside.append(np.median(shot.bgr[mask == 0]))
    if night:
        assert np.median(inside) > 1.5 * np.median(outside)
        assert abs(np.median(saturation)) < 25
    else:
        assert np.median(saturation) > 60


def test_glare_that_takes_a_character_s_part_is_seen_and_a_shadow_is_forgiven() -> None:
    """What the light hides lowers `truth` alone; what the lens and the encoder do lowers `fidelity`."""
    made = surface("KRT582", find("CO", "publico"), 300, np.random.default_rng(3))
    shots = [
        shoot(made, Pose(0, 0, 0, 160, 20), night=bool(seed % 2), rng=np.random.default_rng(seed))
        for seed in range(60)
    ]
    assert all(-1 <= value <= 1 for shot in shots for value in (shot.fidelity, shot.truth))
    assert np.median([shot.truth for shot in shots]) > 0.8
    hidden = [shot for shot in shots if shot.fidelity > LEAST_FIDELITY and shot.truth < LEAST_TRUTH]
    assert 0 < len(hidden) < 12


@pytest.mark.parametrize(("low", "far", "shown"), [(0, 60, True), (-3, 60, False), (0, 105, False)])
def test_a_character_at_the_crop_s_edge_is_not_cut_off(low: float, far: float, shown: bool) -> None:
    chars = np.array(
        [[[low, 5], [far, 5], [far, 40], [low, 40]], [[20, 5], [30, 5], [30, 40], [20, 40]]], float
    )
    assert _shows(np.zeros((50, 100, 3), np.uint8), chars) is shown


# --- the set


def test_every_crop_can_be_read(drawn: list) -> None:
    for made in drawn:
        facts = made.facts
        assert facts["height_px"] >= LEAST_HIGH_PX
        assert facts["contrast"] >= LEAST_CONTRAST
        assert facts["fidelity"] >= LEAST_FIDELITY
        assert facts["tilt_deg"] <= 46
        assert find(str(facts["country"]), str(facts["plate_class"])).matches(str(facts["plate"]))
        quad = np.array([float(v) for v in str(facts["quad"]).split()]).reshape(4, 2)
        high, wide = made.crop.shape[:2]
        share = cv2.contourArea(quad.astype(np.float32)) / (high * wide)
        assert share > 0.35
        assert quad.min() > -0.06 * wide
        assert (quad.max(axis=0) < [1.06 * wide, 1.06 * high]).all()


def test_the_set_holds_what_it_should(drawn: list) -> None:
    assert {made.facts["light"] for made in drawn} == {"day", "night"}
    assert {made.facts["lines"] for made in drawn} == {1, 2}
    assert {"car", "motorcycle"} <= {made.facts["class_"] for made in drawn}
    assert any(made.facts["country"] != "CO" for made in drawn)
    assert all(made.facts["class_"] == "motorcycle" for made in drawn if made.facts["lines"] == 2)


def test_a_number_of_a_seed_is_one_picture(drawn: list) -> None:
    again = draw_test(SEED, 3)
    assert np.array_equal(again.crop, drawn[3].crop)
    assert again.facts == drawn[3].facts
    other = draw_test(SEED + 1, 3)
    assert other.facts["plate"] != drawn[3].facts["plate"]


def test_the_folder_is_one_that_the_bench_reads(tmp_path: Path) -> None:
    done: list[int] = []
    labels = write_testset(tmp_path, count=6, seed=SEED, progress=done.append)
    assert done == [1, 2, 3, 4, 5, 6]
    pictures = load_pictures(tmp_path)
    assert len(pictures) == 6
    assert all(p.is_crop and p.set_name == "synth" for p in pictures)
    assert [p.labels[0].plate for p in pictures] == [label.plate for label in labels]
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"class", "light", "lines", "tilt_deg", "width_px"} <= rows[0].keys()
    manifest = yaml.safe_load((tmp_path / "manifest.yaml").read_text(encoding="utf-8"))
    assert manifest["seed"] == SEED
    assert manifest["plates"] == sorted({label.plate for label in labels})
    assert testglyphs.__name__.rsplit(".", 1)[-1] in manifest["glyphs"]


def test_a_training_s_seed_renders_no_test_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no test set's"):
        write_testset(tmp_path, count=1, seed=71, progress=lambda _: None)
