"""Re-plated scenes: real pictures of streets and vehicles whose plates are painted over with rendered ones.

    labels.csv of real pictures -> quads (corners) -> likeness (light, blur, grain) -> a plate of any country
        -> painted scene -> scene, its labels, and each plate as a detector would cut it

What is written holds real pictures: it goes into a folder outside the repository and is never committed.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from itertools import count, groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.read.crop import cut
from edge.types import Bgr, Box
from models.synth.arrays import Floats, Rng, pick, stream
from models.synth.clips.truth import box as box_of
from models.synth.freeplates import free_plate
from models.synth.likeness import Likeness, flat, measure, painted
from models.synth.patterns import find
from models.synth.plates import PlateSpec, render_plate
from models.synth.quads import find_quad
from models.synth.reserved import check_training_seed
from models.synth.training import Label, random_spec

LEAST_WIDE_PX: Final = 45
"""Narrower plates are left as they are."""
LEAST_HIGH_PX: Final = 14
"""So are lower ones."""
LEAST_CONTRAST: Final = 34.0
"""Grey levels between white and black below which a place is too dark or too bright to write on."""
LEAST_LEFT: Final = 24.0
"""Grey levels between characters and ground that must be left of a painted plate."""
_LEAST_ALIKE: Final = 0.72
"""Correlation of what is seen with what was painted: below it, shade and grain outweigh the characters."""
_SQUARE: Final = 1.75
_LONG: Final = 2.9
"""Places narrower than the one get plates of two lines, wider than the other of one."""
_TWO_LINE_SHARE: Final = 0.4
"""Between them."""
_TRIES: Final = 12
_LEAST_CHARACTER_PX: Final = (4.6, 8.0)
"""Width and height below which nobody could read a character."""
_GROW: Final = 1.03
"""A painted plate is a little larger than what it covers, so that no rim is left."""
_STRETCH: Final = (1.18, 1.35)
"""A plate of one line and of two is drawn so much wider or narrower than it is; what is missing then is covered
beyond the old one. Two lines more: how wide the plates of motorcycles are, sources say differently."""
_REACH: Final = 1.5
"""A plate of another shape than the old one covers up to so many times its width or height."""
_FREE_SHARE: Final = 0.45
_TINTS: Final = (
    (255, 255, 255), (255, 255, 255), (250, 250, 244), (60, 205, 255), (90, 220, 250), (235, 245, 225), (225, 240, 255),
    (245, 225, 205),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A plate of a scene that can be painted over.

    Attributes:
        number: of its row among the scene's.
        corners: (4, 2) px, from the top left clockwise.
        like: how the camera saw the plate.
    """

    number: int
    corners: Floats
    like: Likeness

    def mirrored(self, wide: int) -> Place:
        """The same place in the mirrored scene, `wide` px wide."""
        corners = np.array([wide, 0]) + self.corners[[1, 0, 3, 2]] * [-1, 1]
        return Place(self.number, corners, replace(self.like, shading=self.like.shading[:, ::-1].copy()))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plate to paint: (h, w, 3) uint8 BGR, width over height as it is, its lines of text, country and class."""

    bgr: Bgr
    aspect: float
    lines: tuple[str, ...]
    country: str
    plate_class: str
    character: tuple[float, float]
    """Least width and height of a character, shares of the plate's width and height."""


@dataclass(frozen=True, slots=True)
class Replated(Label):
    """A label, the real picture that it stands on, and how the text is parted ("ABC/12D")."""

    scene: str = ""
    lines: str = ""


def places(bgr: Bgr, boxes: Sequence[Box | None]) -> list[Place]:
    """The plates of a scene that are large, flat and clear enough to be painted over.

    Args:
        bgr: the scene.
        boxes: the labelled ones; None where a row has none.
    """
    found = []
    for number, box in enumerate(boxes):
        if box is None or box.width < LEAST_WIDE_PX:
            continue
        quad = find_quad(bgr, box) if box.height >= LEAST_HIGH_PX else None
        if quad is None:
            continue
        like = measure(bgr, quad.corners)
        clear = like.contrast >= LEAST_CONTRAST and min(quad.sides) >= 3.5 * like.blur_px[0]
        if clear and quad.sides[1] >= LEAST_HIGH_PX:
            found.append(Place(number, quad.corners, like))
    return found


def parted(spec: PlateSpec) -> tuple[str, ...]:
    """The text's lines as its class parts them."""
    first = (find(spec.country, spec.plate_class).lines or (len(spec.text),))[0]
    return tuple(line for line in (spec.text[:first], spec.text[first:]) if line)


def class_sheet(spec: PlateSpec, rng: Rng) -> Sheet:
    """A plate of a known class, in paint."""
    plate = render_plate(spec, rng)
    high, wide = plate.bgr.shape[:2]
    character = (min(c.w for c in plate.chars) / wide, min(c.h for c in plate.chars) / high)
    return Sheet(plate.bgr, wide / high, parted(spec), plate.country, plate.plate_class, character)


def free_sheet(rng: Rng, faces: Sequence[str]) -> Sheet:
    """A plate of no country, in paint; its own light is taken off, since that of a scene will be put on.

    Args:
        rng: chance.
        faces: typefaces; may be none.
    """
    free = free_plate(rng, faces)
    low, high = (float(v) for v in np.percentile(free.grey, (1, 99)))
    paint = (free.grey - low) / max(high - low, 1.0)
    black, white = float(rng.uniform(20, 70)), float(rng.uniform(180, 240))
    tint = np.array(pick(rng, _TINTS), np.float32) / 255
    bgr = np.asarray(np.clip((black + (white - black) * paint)[..., None] * tint, 0, 255), np.uint8)
    character = (0.8 / max(len(line) for line in free.lines), 0.62 / len(free.lines))
    return Sheet(bgr, bgr.shape[1] / bgr.shape[0], free.lines, "XX", "open", character)


def fitted(corners: Floats, aspect: float, *, lines: int = 1) -> Floats | None:
    """Corners for a plate of another shape that covers all of the old one; None where the shapes differ too much.

    Args:
        corners: (4, 2) px of the old plate.
        aspect: width over height of the new one.
        lines: its lines, 1 or 2.
    """
    ratio, stretch = aspect / _aspect(corners), _STRETCH[lines - 1]
    across, down = max(ratio / stretch, 1.0), max(1 / (ratio * stretch), 1.0)
    if max(across, down) > _REACH:
        return None
    half = np.array([across, down]) * _GROW / 2
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + 0.5
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    warp = cv2.getPerspectiveTransform(unit, corners.astype(np.float32))
    grown = cv2.perspectiveTransform(square[None].astype(np.float32), warp)[0]
    return np.asarray(grown, np.float64)


def sheet_for(
    corners: Floats, shape: tuple[int, int], rng: Rng, faces: Sequence[str]
) -> tuple[Sheet, Floats]:
    """A plate that suits a place, and its corners there.

    Args:
        corners: (4, 2) px of the old plate.
        shape: height and width of the scene, px.
        rng: chance.
        faces: typefaces for the plates of no country.

    Raises:
        LookupError: of many plates none could be read there.
    """
    for _ in range(_TRIES):
        sheet = _draw(corners, rng, faces)
        there = fitted(corners, sheet.aspect, lines=len(sheet.lines)) if sheet is not None else None
        if (
            sheet is None
            or there is None
            or there.min() < 2
            or (there.max(axis=0) > [shape[1] - 3, shape[0] - 3]).any()
        ):
            continue
        size = np.array(_sides(there)) * sheet.character
        if (size >= _LEAST_CHARACTER_PX).all():
            return sheet, there
    raise LookupError(f"no plate can be read on {np.round(corners).astype(int).tolist()}")


def _draw(corners: Floats, rng: Rng, faces: Sequence[str]) -> Sheet | None:
    """A plate whose shape and number of lines suit a place; None where chance brought none."""
    aspect = _aspect(corners)
    two_lines = (
        True if aspect < _SQUARE else False if aspect > _LONG else bool(rng.random() < _TWO_LINE_SHARE)
    )
    if rng.random() < _FREE_SHARE:
        sheet = free_sheet(rng, faces)
        unlike = aspect < _SQUARE and len(sheet.lines) == 1
        return None if unlike and rng.random() < 0.85 else sheet
    for _ in range(_TRIES):
        spec = random_spec(rng, two_line=two_lines)
        plate_class = find(spec.country, spec.plate_class)
        wide, high = plate_class.size_mm
        there = fitted(corners, wide / high, lines=2 if plate_class.lines else 1)
        # Narrower than this no character can become wide enough: not worth drawing.
        longest = max(plate_class.lines or (len(spec.text),))
        if there is not None and _sides(there)[0] > longest * _LEAST_CHARACTER_PX[0] * 1.25:
            return class_sheet(spec, rng)
    return None


def _sides(corners: Floats) -> tuple[float, float]:
    """Mean width and height along the sides, px."""
    top, right, bottom, left = (float(np.linalg.norm(corners[(k + 1) % 4] - corners[k])) for k in range(4))
    return (top + bottom) / 2, (left + right) / 2


def _aspect(corners: Floats) -> float:
    wide, high = _sides(corners)
    return wide / high


def is_legible(bgr: Bgr, corners: Floats, plate: Bgr) -> bool:
    """Whether a painted plate still shows what it says after all that the camera did to it.

    Args:
        bgr: the painted scene.
        corners: (4, 2) px of the plate in it.
        plate: what was painted.
    """
    size = (120, 48)
    seen = flat(bgr, corners, size).astype(np.float32).mean(axis=2)[4:-4, 6:-6].ravel()
    meant = (
        cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
        .astype(np.float32)
        .mean(axis=2)[4:-4, 6:-6]
        .ravel()
    )
    spread = meant - meant.mean()
    slope = float((seen - seen.mean()) @ spread) / max(float(spread @ spread), 1.0)
    alike = float(np.corrcoef(seen, meant)[0, 1])
    return slope * float(np.subtract(*np.percentile(meant, (95, 5)))) > LEAST_LEFT and alike > _LEAST_ALIKE


def repaint(
    bgr: Bgr, found: Sequence[Place], rng: Rng, faces: Sequence[str]
) -> tuple[Bgr, dict[int, tuple[Sheet, Floats]]]:
    """Paint a plate of its own over each place.

    Returns:
        The new scene; by the place's number its plate and its corners. Places where nothing legible came about
        stay as they were and are missing.
    """
    done: dict[int, tuple[Sheet, Floats]] = {}
    for place in found:
        try:
            sheet, there = sheet_for(place.corners, (bgr.shape[0], bgr.shape[1]), rng, faces)
        except LookupError:
            continue
        scene = painted(bgr, there, sheet.bgr, place.like, rng)
        if is_legible(scene, there, sheet.bgr):
            bgr = scene
            done[place.number] = (sheet, there)
    return bgr, done


def detected(box: Box, rng: Rng) -> Box:
    """A plate's box as a detector finds it: each side a few percent off."""
    left, right = (float(v) * box.width for v in np.clip(rng.normal(0.01, 0.025, 2), -0.04, 0.08))
    above, below = (float(v) * box.height for v in np.clip(rng.normal(0.02, 0.035, 2), -0.05, 0.12))
    return Box(box.x - left, box.y - above, box.width + left + right, box.height + above + below)


@dataclass(frozen=True, slots=True)
class Want:
    """What is to be painted.

    Attributes:
        crops: how many plates at least; every place is painted as often as the others, give or take one.
        seed: of everything: the same pictures come about with any number of workers.
        faces: typefaces for the plates of no country; may be none.
        workers: processes.
    """

    crops: int
    seed: int
    faces: tuple[str, ...] = ()
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Task:
    """One scene to paint: its rows, the folder that it lies in, which time it is painted, and what with."""

    data: Path
    rows: tuple[dict[str, str], ...]
    round_number: int
    seed: int
    faces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Painted:
    """A painted scene: files' contents by their path in the folder, and their labels, the crops' last."""

    files: dict[str, bytes]
    labels: tuple[Replated, ...]


def paint(task: Task) -> Painted:
    """Paint one scene, every other time mirrored; nothing where none of its plates can be painted over."""
    cv2.setNumThreads(1)
    name = f"{Path(task.rows[0]['path']).stem}_{task.round_number}"
    loaded = cv2.imread(str(task.data / task.rows[0]["path"]))
    if loaded is None:
        return Painted({}, ())
    picture = np.asarray(loaded, np.uint8)
    boxes = [_box(row) for row in task.rows]
    found = places(picture, boxes)
    if task.round_number % 2:
        wide = picture.shape[1]
        picture = np.asarray(cv2.flip(picture, 1), np.uint8)
        found = [place.mirrored(wide) for place in found]
        boxes = [b and Box(wide - b.x - b.width, b.y, b.width, b.height) for b in boxes]
    rng = stream(task.seed, "replate", task.rows[0]["path"], task.round_number)
    scene, done = repaint(picture, found, rng, task.faces)
    if not done:
        return Painted({}, ())
    packed = cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(72, 96))])[1]
    seen = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    files = {f"scenes/{name}.jpg": packed.tobytes()}
    labels = [
        _row(row, f"scenes/{name}.jpg", "scene", done.get(number), boxes[number])
        for number, row in enumerate(task.rows)
    ]
    for number, (_, corners) in done.items():
        path = f"crops/{name}_{number}.png"
        crop = cut(seen, detected(Box(*box_of(corners)), rng), across=0.03, down=0.02)
        files[path] = cv2.imencode(".png", crop)[1].tobytes()
        labels.append(_row(task.rows[number], path, "crop", done[number], None))
    return Painted(files, tuple(labels))


def write_replated(
    data: Path,
    out: Path,
    want: Want,
    *,
    progress: Callable[[int], None],
) -> list[Replated]:
    """Write scenes/, crops/ and labels.csv, which grows as the pictures do.

    Args:
        data: real pictures with labels.csv; only rows of split train are used.
        out: made if it is not there; outside the repository.
        want: how many, and of what.
        progress: called with the number of crops done.

    Raises:
        ValueError: the seed is kept for tests, or no plate of the pictures can be painted over.
    """
    check_training_seed(want.seed)
    for name in ("scenes", "crops"):
        (out / name).mkdir(parents=True, exist_ok=True)
    labels: list[Replated] = []
    done = 0
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(Replated)], lineterminator="\n")
        writer.writeheader()
        for painted_scene in _rounds(data, want):
            for path, content in painted_scene.files.items():
                (out / path).write_bytes(content)
            writer.writerows(asdict(label) for label in painted_scene.labels)
            file.flush()
            labels.extend(painted_scene.labels)
            done += sum(label.kind == "crop" for label in painted_scene.labels)
            progress(done)
            if done >= want.crops:
                return labels
    raise ValueError(f"{data}: no plate of split train that can be painted over")


def _rounds(data: Path, want: Want) -> Iterator[Painted]:
    """Painted scenes without end, round after round; ends only where a whole round brought none."""
    # In an order of chance: a last round that is not full takes from every set.
    scenes = sorted(_scenes(data), key=lambda rows: zlib.crc32(rows[0]["path"].encode()))
    for round_number in count():
        tasks = [Task(data, tuple(rows), round_number, want.seed, want.faces) for rows in scenes]
        any_left = False
        for made in _mapped(tasks, want.workers):
            if made.labels:
                any_left = True
                yield made
        if not any_left:
            return


def _mapped(tasks: Sequence[Task], workers: int) -> Iterator[Painted]:
    """Every task done, in order; what nobody waits for any more is dropped."""
    if workers == 1:
        yield from map(paint, tasks)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield from pool.map(paint, tasks, chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


def _row(
    source: dict[str, str], path: str, kind: str, done: tuple[Sheet, Floats] | None, old: Box | None
) -> Replated:
    sheet, corners = done if done is not None else (None, None)
    box = None if kind == "crop" else old if corners is None else Box(*box_of(corners))
    sides = [f"{v:.1f}" for v in (box.x, box.y, box.width, box.height)] if box is not None else [""] * 4
    is_scene = kind == "scene"
    return Replated(
        path=path,
        split="train",
        set=f"replate_{source['set']}",
        kind=kind,
        country=sheet.country if sheet else source["country"],
        plate="".join(sheet.lines) if sheet else source["plate"],
        **dict(zip("xywh", sides, strict=True)),
        label="rendered" if sheet else source["label"],
        source=source["source"],
        licence=source["licence"],
        plate_class=sheet.plate_class if sheet else "",
        quad=" ".join(f"{v:.1f}" for v in corners.ravel()) if is_scene and corners is not None else "",
        scene=source["path"],
        lines="/".join(sheet.lines) if sheet else "",
    )


def _scenes(data: Path) -> list[list[dict[str, str]]]:
    """The rows of the scenes of split train, by scene."""
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "train" and r["kind"] == "scene" and r["w"]]
    rows.sort(key=lambda row: row["path"])
    return [list(group) for _, group in groupby(rows, key=lambda row: row["path"])]


def _box(row: dict[str, str]) -> Box | None:
    return Box(*(float(row[side]) for side in "xywh")) if row["w"] else None
