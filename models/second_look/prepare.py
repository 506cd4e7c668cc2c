"""Cut what the second look is trained on: `python -m models.second_look.prepare PART --work DIR`.

Parts, each written below WORK:

    train      bank/real: patches around plates and around what is none, larger than the views
    written    bank/written: lettering that is no plate
    rendered   bank/NAME: the same of rendered scenes (--scenes, as `python -m models.synth plates` wrote them)
    fold       fold.npz: the detector's proposals on the held-out fold, as the edge would see them
    valid      valid.npz: the same of the pictures that report.py measures on

A bank is near.npy, far.npy and boxes.npz: where the box lies in the patches, and what it is.
"""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from edge.detect.proposer import Proposer
from edge.detect.second_look import VEHICLES
from edge.detect.views import FAR_RISE, far_view, near_view, size_of, view
from edge.types import Bgr, Box, Detection
from models.detector.prepare import Picture, is_held_out, read_labels, usable
from models.detector.prepare import read_recipe as detector_recipe
from models.detector.rendered import check
from models.second_look.written import over

RECIPE = Path(__file__).with_name("recipe.yaml")
UNKNOWN = -1
"""Of a vehicle: not known here."""
NEAR_IOU = 0.3
"""A proposal with at least this overlap means the labelled plate."""
APART_IOU = 0.05
"""A proposal with less overlap is not that plate."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One box of one picture.

    Attributes:
        near, far: grey patches, (h, w) uint8.
        box: the labelled plate, or what is none, in px of the near patch, (4,) x y w h.
        scale: px of the far patch per px of the near one.
        shift: place of the near patch's left top corner in the far one, px.
        proposal: the detector's box for it in px of the near patch; the box itself where it has none.
        plate: whether it is one.
        exact: whether its sides were set by a person.
        vehicle: place in `VEHICLES` where rendering knows it, otherwise `UNKNOWN`.
        name: the picture's path, and which of its plates, as teach.py names them.
        set_name: source set.
    """

    near: NDArray[np.uint8]
    far: NDArray[np.uint8]
    box: NDArray[np.float32]
    scale: float
    shift: NDArray[np.float32]
    proposal: NDArray[np.float32]
    plate: bool
    exact: bool
    vehicle: int
    set_name: str
    name: str = ""


def read_recipe(path: Path = RECIPE) -> dict[str, Any]:
    """Read the recipe as plain data."""
    recipe: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return recipe


def patches(bgr: Bgr, box: Box, proposal: Box, rules: dict[str, Any]) -> dict[str, Any]:
    """Cut both patches around a box; returns the fields of a `Sample` that depend on them."""
    size, (x, y) = size_of(box), box.centre
    near_sizes, near_px = rules["near"]
    far_sizes, far_px = rules["far"]
    shape = (round(near_sizes * near_px), round(near_sizes * near_px * 0.65))
    near = view(bgr, (x, y), width=near_sizes * size, shape=shape)
    side = round(far_sizes * far_px)
    far = view(bgr, (x, y - FAR_RISE * size), width=far_sizes * size, shape=(side, side))
    scale = near_px / size
    left, top = x - shape[0] / scale / 2, y - shape[1] / scale / 2

    def inside(b: Box) -> NDArray[np.float32]:
        return np.array([(b.x - left) * scale, (b.y - top) * scale, b.width * scale, b.height * scale], "f4")

    far_left, far_top = x - far_sizes * size / 2, y - FAR_RISE * size - far_sizes * size / 2
    shift = np.array([left - far_left, top - far_top], np.float32) * np.float32(far_px / size)
    return {
        "near": near,
        "far": far,
        "box": inside(box),
        "scale": far_px / near_px,
        "shift": shift,
        "proposal": inside(proposal),
    }


def variants(bgr: Bgr, count: int, rng: random.Random) -> Iterator[Bgr]:
    """The picture itself, then parts of it, enlarged, mirrored, darker or lighter."""
    yield bgr
    height, width = bgr.shape[:2]
    for _ in range(count - 1):
        share = rng.uniform(0.35, 1.0)
        w, h = max(16, round(width * share)), max(16, round(height * share))
        x, y = rng.randint(0, width - w), rng.randint(0, height - h)
        part = bgr[y : y + h, x : x + w]
        if rng.random() < 0.5:
            part = part[:, ::-1]
        yield np.asarray(
            cv2.convertScaleAbs(
                np.ascontiguousarray(part), alpha=rng.uniform(0.6, 1.4), beta=rng.uniform(-30, 30)
            ),
            np.uint8,
        )


def anywhere(bgr: Bgr, count: int, rng: random.Random) -> Iterator[Box]:
    """Boxes shaped like plates at random places."""
    height, width = bgr.shape[:2]
    for _ in range(count):
        w = width * 10 ** rng.uniform(-1.9, -0.35)
        h = w / rng.uniform(1.1, 5.5)
        yield Box(rng.uniform(-0.2 * w, width - 0.8 * w), rng.uniform(0, max(1.0, height - h)), w, h)


class Miner:
    """Makes samples from pictures."""

    def __init__(self, detector: Proposer, recipe: dict[str, Any]) -> None:
        """Mine with the detector's proposals."""
        self._detector, self._recipe = detector, recipe
        self._rng = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret

    def plates(self, picture: Picture, bgr: Bgr, vehicles: Sequence[int] | None = None) -> Iterator[Sample]:
        """The labelled plates of a picture."""
        proposals = [d.box for d in self._detector.detect(bgr)]
        for number, row in enumerate(picture.boxes):
            box, vehicle = Box(*row), vehicles[number] if vehicles else UNKNOWN
            near = max(proposals, key=box.iou, default=box)
            proposal = near if near.iou(box) >= NEAR_IOU else box
            exact = picture.set_name in self._recipe["data"]["exact"]
            fields = patches(bgr, box, proposal, self._recipe["patches"])
            name = f"{picture.path}#{number}"
            yield Sample(
                **fields, plate=True, exact=exact, vehicle=vehicle, set_name=picture.set_name, name=name
            )

    def others(self, picture: Picture, bgr: Bgr) -> Iterator[Sample]:
        """What is no plate in a picture whose every plate is labelled: proposals, and boxes anywhere."""
        rules = self._recipe["data"]
        if picture.set_name not in rules["negatives"]:
            return
        plates = [Box(*row) for row in picture.boxes]
        yield from self._apart(picture, bgr, plates, [d.box for d in self._detector.detect(bgr)])
        count = rules["random"][picture.set_name]
        yield from self._apart(picture, bgr, plates, list(anywhere(bgr, count, self._rng)))
        blank = bgr.copy()
        for box in plates:  # a plate cut in two by the part's edge must not be called none
            x, y = max(0, round(box.x - 2)), max(0, round(box.y - 2))
            blank[y : round(box.y + box.height + 2), x : round(box.x + box.width + 2)] = 114
        parts = variants(blank, rules["variants"][picture.set_name], self._rng)
        next(parts)
        for part in parts:
            yield from self._apart(picture, part, [], [d.box for d in self._detector.detect(part)])

    def _apart(
        self, picture: Picture, bgr: Bgr, plates: Sequence[Box], boxes: Sequence[Box]
    ) -> Iterator[Sample]:
        for box in boxes:
            if any(box.iou(plate) >= APART_IOU or plate.share_in(box) > 0.3 for plate in plates):
                continue
            fields = patches(bgr, box, box, self._recipe["patches"])
            yield Sample(**fields, plate=False, exact=False, vehicle=UNKNOWN, set_name=picture.set_name)


def write_bank(samples: Sequence[Sample], folder: Path) -> None:
    """Write samples below a folder, as the module says."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "near.npy", np.stack([s.near for s in samples]))
    np.save(folder / "far.npy", np.stack([s.far for s in samples]))
    np.savez(
        folder / "boxes.npz",
        box=np.stack([s.box for s in samples]),
        proposal=np.stack([s.proposal for s in samples]),
        scale=np.array([s.scale for s in samples], np.float32),
        shift=np.stack([s.shift for s in samples]),
        plate=np.array([s.plate for s in samples]),
        exact=np.array([s.exact for s in samples]),
        vehicle=np.array([s.vehicle for s in samples], np.int8),
        set_name=np.array([s.set_name for s in samples]),
        name=np.array([s.name for s in samples]),
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal of the fold, as the edge would see it."""

    picture: int
    detection: Detection
    near: NDArray[np.uint8]
    far: NDArray[np.uint8]


def propose(bgr: Bgr, detector: Proposer, number: int) -> list[Proposal]:
    """The detector's proposals on a picture, with their views."""
    shown, fit = detector.letterboxed(bgr)
    return [
        Proposal(number, d, near_view(bgr, d.box), far_view(shown, fit.to_input(d.box)))
        for d in detector.propose(shown, fit)
    ]


def write_views(pictures: Iterable[tuple[Picture, Bgr]], *, detector: Proposer, out: Path) -> None:
    """Write the proposals on pictures with their views, the pictures' plates and what the pictures are."""
    found: list[Proposal] = []
    truth: list[tuple[float, ...]] = []
    frames, names, paths = [], [], []
    for number, (picture, bgr) in enumerate(pictures):
        frames.append(bgr.shape[:2])
        names.append(picture.set_name)
        paths.append(picture.path)
        found += propose(bgr, detector, number)
        truth += [(number, *box) for box in picture.boxes]
    np.savez(
        out,
        near=np.stack([p.near for p in found]),
        far=np.stack([p.far for p in found]),
        picture=np.array([p.picture for p in found]),
        box=np.array([(b.x, b.y, b.width, b.height) for b in (p.detection.box for p in found)], np.float32),
        score=np.array([p.detection.score for p in found], np.float32),
        truth=np.array(truth, np.float32),
        frames=np.array(frames),
        set_name=np.array(names),
        paths=np.array(paths),
    )


def read(path: Path) -> Bgr:
    """Read a picture.

    Raises:
        ValueError: it cannot be read.
    """
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise ValueError(f"{path}: not a readable picture")
    return np.asarray(bgr, np.uint8)


def rendered(folder: Path) -> tuple[list[Picture], dict[str, list[int]]]:
    """Scenes of a rendered folder, and the vehicle of each of their plates (a taxi is a car)."""
    vehicles: dict[str, list[int]] = {}
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "scene":
                kind = "car" if row["vehicle"] == "taxi" else row["vehicle"]
                vehicles.setdefault(row["path"], []).append(VEHICLES.index(kind))
    return [p for p in read_labels(folder, split="train") if p.kind == "scene"], vehicles


def fold_pictures(data: Path, negative_copies: int, rng: random.Random) -> Iterator[tuple[Picture, Bgr]]:
    """The held-out fold; each picture without a plate also in parts, for there are few."""
    rules = detector_recipe()["data"]
    for picture in usable(read_labels(data, split="train"), rules):
        if picture.kind == "scene" and is_held_out(picture, rules["holdout"]):
            bgr = read(data / picture.path)
            count = 1 if picture.boxes else negative_copies
            for number, part in enumerate(variants(bgr, count, rng)):
                name = picture.set_name if number == 0 else f"{picture.set_name}_part"
                yield Picture(picture.path, name, picture.kind, picture.boxes), part


def valid_pictures(data: Path) -> Iterator[tuple[Picture, Bgr]]:
    """What the report looks at: the gate's pictures "without a plate" show plates, and are left out."""
    for picture in read_labels(data, split="valid"):
        if picture.kind == "scene" and (picture.boxes or picture.set_name == "negative"):
            yield picture, read(data / picture.path)


def real_samples(data: Path, miner: Miner) -> Iterator[Sample]:
    """Samples of the labelled pictures that are not held out."""
    rules = detector_recipe()["data"]
    for picture in usable(read_labels(data, split="train"), rules):
        if picture.kind == "scene" and not is_held_out(picture, rules["holdout"]):
            bgr = read(data / picture.path)
            yield from miner.plates(picture, bgr)
            yield from miner.others(picture, bgr)


def written_samples(data: Path, recipe: dict[str, Any]) -> Iterator[Sample]:
    """Lettering written over the labelled pictures that are not held out."""
    rules, counts = detector_recipe()["data"], recipe["data"]["written"]
    rng = np.random.default_rng(recipe["seed"])
    for picture in usable(read_labels(data, split="train"), rules):
        if (
            picture.kind == "scene"
            and picture.set_name in counts
            and not is_held_out(picture, rules["holdout"])
        ):
            bgr, plates = read(data / picture.path), [Box(*row) for row in picture.boxes]
            for written, box in over(bgr, plates, rng, counts[picture.set_name]):
                fields = patches(written, box, box, recipe["patches"])
                yield Sample(**fields, plate=False, exact=False, vehicle=UNKNOWN, set_name="written")


def rendered_samples(folder: Path, miner: Miner) -> Iterator[Sample]:
    """Samples of rendered scenes."""
    check(folder)
    pictures, vehicles = rendered(folder)
    for picture in pictures:
        yield from miner.plates(picture, read(folder / picture.path), vehicles[picture.path])


@click.command()
@click.argument("part", type=click.Choice(["train", "written", "fold", "valid", "rendered"]))
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--scenes", type=click.Path(path_type=Path, exists=True), help="Rendered scenes.")
def main(part: str, data: Path, work: Path, scenes: Path | None) -> None:
    """Write a bank of samples, or the views of a fold, below WORK."""
    cv2.setNumThreads(1)
    recipe = read_recipe()
    rng = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret
    detector = Proposer(threads=1, least_score=recipe["data"]["proposal"])
    if part == "fold":
        copies = recipe["data"]["variants"]["negative"]
        write_views(fold_pictures(data, copies, rng), detector=detector, out=work / "fold.npz")
    elif part == "valid":
        write_views(valid_pictures(data), detector=detector, out=work / "valid.npz")
    elif part == "train":
        samples = list(real_samples(data, Miner(detector, recipe)))
        write_bank(samples, work / "bank" / "real")
        click.echo(f"{sum(s.plate for s in samples)} plates, {sum(not s.plate for s in samples)} others")
    elif part == "written":
        write_bank(list(written_samples(data, recipe)), work / "bank" / "written")
    elif scenes is None:
        raise click.UsageError("rendered needs --scenes")
    else:
        write_bank(list(rendered_samples(scenes, Miner(detector, recipe))), work / "bank" / scenes.name)


if __name__ == "__main__":
    main()
