"""Re-plated scenes: the plate is found, its light and blur are measured, another is painted likewise."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench.labels import load_pictures
from edge.types import Box
from models.synth.likeness import flat, measure, painted
from models.synth.patterns import find
from models.synth.plates import PlateSpec, render_plate
from models.synth.quads import find_quad
from models.synth.replate import Task, Want, detected, is_legible, paint, places, repaint, write_replated
from models.synth.reserved import RESERVED_SEEDS, TEST_SEEDS, is_reserved
from models.synth.sheets import class_sheet, fitted, free_sheet, parted, sheet_for

STREET = (420, 640)


def street(seed: int = 0) -> np.ndarray:
    """A body of one colour before a blurred clutter."""
    rng = np.random.default_rng(seed)
    clutter = cv2.resize(rng.integers(20, 200, (12, 18, 3)).astype(np.uint8), STREET[::-1])
    cv2.rectangle(clutter, (120, 110), (520, 330), (70, 40, 30), -1)
    return np.asarray(cv2.GaussianBlur(clutter, (0, 0), 3), np.uint8)


def quad(*, wide: float = 170, high: float = 82, turn_deg: float = 0.0, lean: float = 0.0) -> np.ndarray:
    """Corners of a plate in the middle of the street."""
    half = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]]) / 2
    half[1:3, 1] *= 1 - lean
    angle = np.radians(turn_deg)
    turned = half @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return turned + np.array([320, 220])


def box_around(corners: np.ndarray, *, grow: float = 0.0) -> Box:
    low, high = corners.min(axis=0), corners.max(axis=0)
    low, high = low - grow * (high - low), high + grow * (high - low)
    return Box(*low, *(high - low))


def photograph(
    corners: np.ndarray,
    *,
    blur: float = 0.8,
    light: float = 1.0,
    plate_class: str = "publico",
    text: str = "KRT582",
) -> np.ndarray:
    """A street with a rendered plate, blurred and darkened."""
    plate = render_plate(PlateSpec(text, "CO", plate_class, wear=0.0), np.random.default_rng(1)).bgr
    scene = cv2.resize(street(), None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
    source = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.array(plate.shape[1::-1], np.float32)
    warp = cv2.getPerspectiveTransform(source, (corners * 3).astype(np.float32))
    cv2.warpPerspective(
        plate, warp, scene.shape[1::-1], dst=scene, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
    )
    soft = cv2.GaussianBlur(scene.astype(np.float32) * light, (0, 0), 3 * blur)
    return np.asarray(cv2.resize(soft, STREET[::-1], interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize(
    ("turn_deg", "lean", "grow"),
    [(0, 0.0, 0.0), (7, 0.1, 0.02), (-14, 0.0, 0.0), (0, 0.15, 0.08), (22, 0.05, 0.0)],
)
def test_the_corners_are_found_from_the_box_alone(turn_deg: float, lean: float, grow: float) -> None:
    corners = quad(turn_deg=turn_deg, lean=lean)
    found = find_quad(photograph(corners), box_around(corners, grow=grow))
    assert found is not None
    assert np.abs(found.corners - corners).max() < 0.045 * 170
    assert found.tilt_deg == pytest.approx(turn_deg, abs=3.5)
    assert found.sides == pytest.approx((170, 82), rel=0.12)


def test_where_nothing_stands_out_no_corners_are_made_up() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    assert find_quad(noise, Box(80, 60, 140, 70)) is None
    assert find_quad(np.full((200, 300, 3), 90, np.uint8), Box(80, 60, 140, 70)) is None
    assert find_quad(street(), Box(0, 0, 4, 2)) is None


@pytest.mark.parametrize("blur", [0.7, 1.2, 2.0])
def test_the_blur_is_measured(blur: float) -> None:
    like = measure(photograph(quad(), blur=blur), quad())
    assert like.blur_px[0] == pytest.approx(blur, rel=0.45)
    assert like.blur_px[1] == pytest.approx(blur, rel=0.45)


def test_more_blur_is_more_and_light_is_light() -> None:
    likes = [measure(photograph(quad(), blur=b), quad()) for b in (0.6, 1.4, 2.4)]
    assert likes[0].blur_px[0] < likes[1].blur_px[0] < likes[2].blur_px[0]
    dim = measure(photograph(quad(), light=0.5), quad())
    assert dim.bright.mean() == pytest.approx(likes[0].bright.mean() * 0.5, rel=0.15)
    assert (dim.dark < dim.bright).all()


def test_a_yellow_ground_is_not_taken_for_yellow_light() -> None:
    yellow = measure(photograph(quad(), plate_class="particular"), quad())
    assert np.ptp(yellow.bright) == 0
    white = measure(photograph(quad()), quad())
    assert np.ptp(white.bright) < 20


def test_shading_follows_a_shadow_and_not_the_characters() -> None:
    scene = photograph(quad()).astype(np.float32)
    scene[:, 320:] *= 0.55
    like = measure(scene.astype(np.uint8), quad())
    assert like.shading[:, 14:].mean() < 0.75 * like.shading[:, :10].mean()
    plain = measure(photograph(quad()), quad())
    assert plain.shading.std() < 0.12


def test_noise_is_measured() -> None:
    scene = photograph(quad()).astype(np.float32)
    noisy = scene + np.random.default_rng(2).normal(0, 7, scene.shape)
    quiet, loud = (measure(np.clip(s, 0, 255).astype(np.uint8), quad()).grain for s in (scene, noisy))
    assert loud > quiet + 2


def test_what_is_painted_looks_as_what_was_there_and_nothing_else_changes() -> None:
    corners = quad(turn_deg=5)
    scene = photograph(corners, blur=1.3, light=0.7)
    before = scene.copy()
    plate = render_plate(PlateSpec("ZNG307", "CO", "publico", wear=0.0), np.random.default_rng(4)).bgr
    old = measure(scene, corners)
    new = painted(scene, corners, plate, old, np.random.default_rng(5))
    assert np.array_equal(scene, before)
    again = measure(new, corners)
    assert again.bright.mean() == pytest.approx(old.bright.mean(), rel=0.12)
    assert again.contrast == pytest.approx(old.contrast, rel=0.2)
    assert again.blur_px[0] == pytest.approx(old.blur_px[0], rel=0.4)
    changed = np.argwhere((new != scene).any(axis=2))[:, ::-1]
    assert (changed.min(axis=0) > corners.min(axis=0) - 12).all()
    assert (changed.max(axis=0) < corners.max(axis=0) + 12).all()
    assert is_legible(new, corners, plate)
    assert not is_legible(scene, corners, plate)


def test_a_plate_of_another_shape_covers_all_of_the_old_one() -> None:
    corners = quad(turn_deg=8, lean=0.05)
    for aspect in (1.6, 2.07, 3.0):
        there = fitted(corners, aspect)
        assert there is not None
        hull = there.astype(np.float32).reshape(-1, 1, 2)
        assert all(cv2.pointPolygonTest(hull, tuple(map(float, c)), measureDist=False) > 0 for c in corners)
    assert fitted(corners, 7.0) is None
    # A motorcycle's plate of two lines is given more room: sources say differently how wide it is.
    assert fitted(quad(wide=108, high=90), 235 / 105) is None
    assert fitted(quad(wide=108, high=90), 235 / 105, lines=2) is not None
    assert fitted(corners, 0.6) is None


def test_sheets_say_what_they_show_and_none_is_a_test_s() -> None:
    rng = np.random.default_rng(6)
    for number in range(12):
        sheet = (
            free_sheet(rng, ()) if number % 2 else class_sheet(PlateSpec("KRT58C", "CO", "motocicleta"), rng)
        )
        assert sheet.bgr.dtype == np.uint8
        assert sheet.bgr.shape[2] == 3
        assert sheet.aspect == pytest.approx(sheet.bgr.shape[1] / sheet.bgr.shape[0])
        assert 0 < min(sheet.character) <= max(sheet.character) < 1
        if number % 2:
            assert not is_reserved("".join(sheet.lines))
        else:
            assert sheet.lines == ("KRT", "58C")
    assert parted(PlateSpec("KRT582", "CO", "particular")) == ("KRT582",)


def test_square_places_get_two_lines_and_long_ones_one() -> None:
    rng = np.random.default_rng(7)
    square, long = quad(wide=120, high=90), quad(wide=220, high=60)
    two = [len(sheet_for(square, STREET, rng, ())[0].lines) for _ in range(12)]
    one = [len(sheet_for(long, STREET, rng, ())[0].lines) for _ in range(12)]
    assert sum(n == 2 for n in two) >= 9
    assert sum(n == 1 for n in one) >= 8
    with pytest.raises(LookupError, match="no plate can be read"):
        sheet_for(quad(wide=14, high=6), STREET, rng, ())


def test_only_clear_places_are_painted() -> None:
    corners = quad()
    scene = photograph(corners)
    box = box_around(corners)
    assert [p.number for p in places(scene, [None, box])] == [1]
    assert places(np.asarray(scene * 0.06, np.uint8), [box]) == []
    assert places(scene, [Box(box.x, box.y, 30, 14)]) == []
    new, done = repaint(scene, places(scene, [box]), np.random.default_rng(8), ())
    assert set(done) == {0}
    assert flat(new, corners, (60, 30)).std() > 10


def test_a_mirrored_place_lies_on_the_mirrored_plate() -> None:
    corners = quad(turn_deg=12)
    scene = photograph(corners)
    (place,) = places(scene, [box_around(corners)])
    mirrored = place.mirrored(scene.shape[1])
    found = find_quad(np.asarray(cv2.flip(scene, 1), np.uint8), box_around(mirrored.corners))
    assert found is not None
    assert np.abs(found.corners - mirrored.corners).max() < 6
    assert np.array_equal(mirrored.like.shading, place.like.shading[:, ::-1])


def test_a_detector_s_box_is_the_plate_s_within_a_few_percent() -> None:
    rng = np.random.default_rng(9)
    box = Box(50, 60, 200, 100)
    overlaps = [box.iou(detected(box, rng)) for _ in range(200)]
    assert min(overlaps) > 0.7
    assert np.ptp(overlaps) > 0.02


COLUMNS = "path,split,set,kind,country,plate,x,y,w,h,label,source,licence"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two train scenes, one of them with a second, tiny plate, and a valid one that must never be touched."""
    folder = tmp_path / "data"
    (folder / "scenes").mkdir(parents=True)
    lines = [COLUMNS]
    for name, split, turn in (("a", "train", 0), ("b", "train", 9), ("v", "valid", 0)):
        corners = quad(turn_deg=turn)
        cv2.imwrite(str(folder / f"scenes/{name}.jpg"), photograph(corners))
        b = box_around(corners)
        sides = f"{b.x:.1f},{b.y:.1f},{b.width:.1f},{b.height:.1f}"
        lines.append(f"scenes/{name}.jpg,{split},web,scene,INT,KRT582,{sides},human,who/what@1,MIT")
    lines.append("scenes/b.jpg,train,web,scene,INT,TINY,10.0,10.0,20.0,8.0,human,who/what@1,MIT")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_folder_of_scenes_is_painted_over(data: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    labels = write_replated(data, tmp_path / "out", Want(crops=5, seed=3), progress=seen.append)
    crops = [label for label in labels if label.kind == "crop"]
    scenes = [label for label in labels if label.kind == "scene"]
    assert len(crops) >= 5
    assert seen[-1] == len(crops)
    assert {label.scene for label in labels} <= {"scenes/a.jpg", "scenes/b.jpg"}
    assert {label.split for label in labels} == {"train"}
    assert len({label.path for label in labels}) == len({label.path for label in crops}) + len(
        {s.path for s in scenes}
    )
    for label in crops:
        assert label.plate == label.lines.replace("/", "")
        assert label.plate != "KRT582"
        assert not is_reserved(label.plate)
        assert (label.label, label.source, label.licence) == ("rendered", "who/what@1", "MIT")
    # What cannot be painted over keeps its own label beside the painted one.
    beside = [s for s in scenes if s.scene == "scenes/b.jpg"]
    assert {"TINY"} < {s.plate for s in beside}
    with (tmp_path / "out/labels.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(labels)
    pictures = load_pictures(tmp_path / "out", split="train")
    assert sum(p.is_crop for p in pictures) == len(crops)
    for picture in pictures:
        bgr = picture.load()
        assert all(b.x >= 0 and b.x + b.width <= bgr.shape[1] for b in picture.boxes)


def test_the_same_seed_paints_the_same_and_every_other_round_is_mirrored(data: Path) -> None:
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = tuple(r for r in csv.DictReader(file) if r["path"] == "scenes/a.jpg")
    straight, again, mirrored = (paint(Task(data, rows, number, 3, ())) for number in (0, 0, 1))
    assert straight == again
    assert straight.files.keys() != mirrored.files.keys()
    wide = STREET[1]
    old, there = straight.labels[0], mirrored.labels[0]
    middle = [float(label.x) + float(label.w) / 2 for label in (old, there)]
    assert middle[0] == pytest.approx(wide - middle[1], abs=12)


def test_seeds_and_data_that_cannot_be_are_refused(data: Path, tmp_path: Path) -> None:
    for seed in (RESERVED_SEEDS.start, TEST_SEEDS.stop - 1):
        with pytest.raises(ValueError, match="kept for"):
            write_replated(data, tmp_path / "out", Want(crops=1, seed=seed), progress=lambda _: None)
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "labels.csv").write_text(COLUMNS + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no plate of split train"):
        write_replated(empty, tmp_path / "out", Want(crops=1, seed=1), progress=lambda _: None)


def test_a_missing_picture_is_passed_over(data: Path) -> None:
    row = dict.fromkeys(COLUMNS.split(","), "") | {
        "path": "scenes/none.jpg",
        "x": "1",
        "y": "1",
        "w": "9",
        "h": "9",
    }
    assert paint(Task(data, (row,), 0, 3, ())).labels == ()


def test_class_sheets_part_their_text_as_the_class_does() -> None:
    for country, name, text, lines in (
        ("CO", "motocicleta", "ABC12D", ("ABC", "12D")),
        ("CL", "motocicleta", "BCD12", ("BCD", "12")),
    ):
        assert find(country, name).matches(text)
        assert parted(PlateSpec(text, country, name)) == lines
