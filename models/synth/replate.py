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
from models.synth.arrays import Floats, Rng, stream
from models.synth.clips.truth import box as box_of
from models.synth.likeness import Likeness, flat, measure, painted
from models.synth.quads import find_quad
from models.synth.reserved import check_training_seed
from models.synth.sheets import Sheet, sheet_for
from models.synth.training import Label

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
