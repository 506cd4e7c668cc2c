"""Gather what the reader learns from: `python -m models.reader.prepare --data ../shared/data --work DIR`.

    WORK/bank/grey.npy, bank.json   flat rendered plates, their lines, classes and true shape
    WORK/sources.json               folders that the crops come from
    WORK/crops.npz, crops.json      real crops with a text that is known or that two agree on, and street behind

Without --data only rendered plates are made. A machine's reading becomes a label only where it is sure (the
teacher, likelihood of the whole string), where it agrees with what the source proposes, or, for what is not held out,
where the shipped reader says the same or is very sure itself.
"""

import csv
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from rich.progress import track

from edge.bench.decode import likeliest
from edge.bench.record import Said
from edge.read.crop import cut
from edge.read.openvino import OpenVinoReader
from edge.types import Bgr, Box
from models.reader.teacher import PpOcrReader
from models.synth import typefaces
from models.synth.arrays import pick, stream
from models.synth.freeplates import free_plate
from models.synth.patterns import CLASSES
from models.synth.plates import PlateImage, render_plate
from models.synth.training import random_spec

BANK_SHAPE = (96, 288)
KINDS = [*(f"{c.country} {c.name}" for c in CLASSES if c.country != "XX"), "ZZ other"]
"""Country and class by look; the last is a look that is none of the others'."""
RECIPE = Path(__file__).with_name("recipe.yaml")


def flat_plates(
    count: int, *, seed: int, faces: tuple[str, ...]
) -> Iterator[tuple[NDArray[np.uint8], dict[str, Any]]]:
    """Rendered plates in grey, two of three of no country, and what is known of each."""
    for number in range(count):
        rng = stream(seed, "flat", number)
        if rng.random() < 0.68:
            free = free_plate(rng, faces)
            yield free.grey, {"lines": free.lines, "kind": len(KINDS) - 1, "ink": _rounded(free.ink)}
            continue
        plate = render_plate(random_spec(rng), rng)
        grey = cv2.cvtColor(plate.bgr, cv2.COLOR_BGR2GRAY)
        if rng.random() < 0.25:  # infrared light shows the plate's coating, not its colours
            grey = np.asarray(plate.bgr[:, :, 2 if rng.random() < 0.8 else 0], np.uint8)
        lines = _lines(plate.country, plate.plate_class, plate.text)
        name = f"{plate.country} {plate.plate_class}"
        kind = KINDS.index(name) if name in KINDS else len(KINDS) - 1
        yield np.asarray(grey, np.uint8), {"lines": lines, "kind": kind, "ink": _rounded(_ink(plate))}


def _ink(plate: PlateImage) -> tuple[float, float, float, float]:
    """Where the characters are: left, top, right, bottom, shares of the plate."""
    high, wide = plate.bgr.shape[:2]
    left, top = min(c.x for c in plate.chars), min(c.y for c in plate.chars)
    right, bottom = max(c.x + c.w for c in plate.chars), max(c.y + c.h for c in plate.chars)
    return left / wide, top / high, right / wide, bottom / high


def _rounded(shares: tuple[float, ...]) -> list[float]:
    return [round(share, 3) for share in shares]


def _lines(country: str, name: str, text: str) -> tuple[str, ...]:
    (found,) = (c for c in CLASSES if (c.country, c.name) == (country, name))
    return (text[: found.lines[0]], text[found.lines[0] :]) if found.lines else (text,)


def write_bank(folder: Path, count: int, *, seed: int, faces: tuple[str, ...]) -> None:
    """Write the bank of flat plates."""
    folder.mkdir(parents=True, exist_ok=True)
    grey = np.lib.format.open_memmap(
        folder / "grey.npy", mode="w+", dtype=np.uint8, shape=(count, *BANK_SHAPE)
    )
    known = []
    plates = flat_plates(count, seed=seed, faces=faces)
    for number, (plate, facts) in enumerate(track(plates, total=count, description="rendered plates")):
        grey[number] = cv2.resize(plate, BANK_SHAPE[::-1], interpolation=cv2.INTER_AREA)
        known.append({**facts, "aspect": round(plate.shape[1] / plate.shape[0], 3)})
    grey.flush()
    (folder / "bank.json").write_text(json.dumps(known), encoding="utf-8")


def held_out(path: str, share: float) -> bool:
    """Whether a picture belongs to the fold that chooses checkpoints and temperatures."""
    return zlib.crc32(f"reader:{path}".encode()) % 1000 < 1000 * share


def agreed(row: dict[str, str], reading: tuple[str, float], rules: dict[str, Any]) -> str | None:
    """The text of a crop where it can be trusted, None where not."""
    said, likelihood = reading
    text = "".join(c for c in row["plate"].upper() if c in typefaces.ALPHABET)
    if text and row["label"] in rules["trusted"]:
        return text
    if text and row["label"] in rules["proposed"]:
        alike = said.translate(_SAME) == text.translate(_SAME)
        return text if alike and likelihood > rules["agree"] else None
    return said if likelihood > rules["alone"] and 4 <= len(said) <= 9 else None


def agreed_with_own(theirs: Said, own: Said, rules: dict[str, Any]) -> str | None:
    """The text of a crop that neither its source nor the teacher alone can name, None where not.

    Args:
        theirs: what the teacher reads.
        own: what the shipped reader reads, which never learnt from this crop: nobody could name it.
        rules: the recipe's `real`.
    """
    if not 4 <= len(own.text) <= 9:
        return None
    both = own.text == theirs.text and min(own.likelihood, theirs.likelihood) > rules["both"]
    return own.text if both or own.likelihood > rules["own"] else None


_SAME = str.maketrans("O", "0")


def real_crops(data: Path, rules: dict[str, Any]) -> Iterator[tuple[NDArray[np.uint8], dict[str, Any]]]:
    """Grey crops of `train` with a text, and whether they are held out.

    What the shipped reader helped to name is never held out: that fold would flatter what is trained on its words.
    """
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "train" and r["set"] in rules["sets"]]
    if not rows:
        return
    teacher, shipped = PpOcrReader(), OpenVinoReader()
    for row in track(rows, description="real crops"):
        picture = cv2.imread(str(data / row["path"]))
        if picture is None or (row["kind"] == "scene" and not row["w"]):
            continue
        crop: Bgr = np.asarray(picture, np.uint8)
        if row["kind"] == "scene":
            box = Box(*(float(row[key]) for key in "xywh"))
            if box.width < rules["least_px"]:
                continue
            crop = cut(crop, box, across=0.03, down=0.02)
        said, kept = likeliest(teacher.read([crop])[0]), held_out(row["path"], rules["fold_share"])
        text = agreed(row, (said.text, said.likelihood), rules)
        if not text and not kept:
            text = agreed_with_own(said, likeliest(shipped.read([crop])[0]), rules)
        if text:
            grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
            facts = {
                "text": text,
                "set": row["set"],
                "path": row["path"],
                "source": row["source"],
                "fold": kept,
            }
            yield np.asarray(grey, np.uint8), facts


def replated_crops(folder: Path, rules: dict[str, Any]) -> Iterator[tuple[NDArray[np.uint8], dict[str, Any]]]:
    """Grey crops of real scenes with rendered plates, as `models.synth replate` writes them; none of the fold's."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["kind"] == "crop" and r["plate"]]
    rows = [r for r in rows if not held_out(r["scene"], rules["fold_share"])]
    for row in rows:
        grey = cv2.imread(str(folder / row["path"]), cv2.IMREAD_GRAYSCALE)
        if grey is not None:
            facts = {"text": row["plate"], "set": "replated", "path": row["path"], "source": row["source"]}
            yield np.asarray(grey, np.uint8), {**facts, "lines": row["lines"].split("/")}


def lettering(folder: Path) -> Iterator[NDArray[np.uint8]]:
    """Grey pictures of words that are no plate, as `models.synth lettering` writes them."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            grey = cv2.imread(str(folder / row["path"]), cv2.IMREAD_GRAYSCALE)
            if grey is not None and not row["plate"]:
                yield np.asarray(grey, np.uint8)


def street(data: Path, count: int, *, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Grey windows of train scenes that show no marked plate."""
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            r
            for r in csv.DictReader(file)
            if r["split"] == "train" and r["kind"] == "scene" and r["set"] != "negative"
        ]
    boxes: dict[str, list[Box]] = {}
    for row in rows:
        boxes.setdefault(row["path"], [])
        if row["w"]:
            boxes[row["path"]].append(Box(*(float(row[key]) for key in "xywh")))
    marked = [path for path, found in boxes.items() if found]
    rng = stream(seed, "street")
    found = 0
    while found < count:
        path = pick(rng, marked)
        grey = cv2.imread(str(data / path), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            continue
        for _ in range(4):
            w, h = int(rng.integers(80, 420)), int(rng.integers(40, 200))
            if grey.shape[1] <= w or grey.shape[0] <= h:
                continue
            x, y = int(rng.integers(grey.shape[1] - w)), int(rng.integers(grey.shape[0] - h))
            window = Box(x, y, w, h)
            if all(window.iou(box) == 0 for box in boxes[path]):
                found += 1
                yield np.asarray(grey[y : y + h, x : x + w], np.uint8)


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders of pictures: the labelled ones, and what was rendered into them; none where there are none."""

    data: Path
    replated: tuple[Path, ...] = ()
    lettering: tuple[Path, ...] = ()

    def said(self) -> dict[str, list[str]]:
        """The folders' absolute paths, as sources.json keeps them."""
        return {
            "data": [str(self.data.resolve())],
            "replated": [str(folder.resolve()) for folder in self.replated],
            "lettering": [str(folder.resolve()) for folder in self.lettering],
        }


def check_sources(sources: Sources, work: Path) -> None:
    """See that crops that are there already come from these folders.

    Raises:
        click.UsageError: they come from others, or nobody knows from which and plates or words are to be in them.
    """
    crops, kept = work / "crops.json", work / "sources.json"
    if not crops.exists():
        return
    way_out = "name another --work, or delete crops.json"
    if kept.exists():
        begun = json.loads(kept.read_text(encoding="utf-8"))
        for name, folders in sources.said().items():
            if folders != begun[name]:
                were, are = (", ".join(each) or "none" for each in (begun[name], folders))
                raise click.UsageError(f"{crops} was made with other {name}: {were}, not {are}: {way_out}")
    elif sources.replated or sources.lettering:
        raise click.UsageError(f"{crops} does not say which --replated and --lettering are in it: {way_out}")


def write_real(sources: Sources, work: Path, rules: dict[str, Any], *, seed: int) -> None:
    """Write the real crops, those with other plates, the streets and the words."""
    pictures: dict[str, NDArray[np.uint8]] = {}
    known = []
    for number, (grey, facts) in enumerate(real_crops(sources.data, rules)):
        pictures[f"crop{number}"] = grey
        known.append(facts)
    painted = (crop for folder in sources.replated for crop in replated_crops(folder, rules))
    for number, (grey, facts) in enumerate(painted, start=len(known)):
        pictures[f"crop{number}"] = grey
        known.append({**facts, "fold": False})
    for number, grey in enumerate(street(sources.data, rules["streets"], seed=seed)):
        pictures[f"street{number}"] = grey
    for number, grey in enumerate(word for folder in sources.lettering for word in lettering(folder)):
        pictures[f"word{number}"] = grey
    (work / "sources.json").write_text(json.dumps(sources.said(), indent=1), encoding="utf-8")
    np.savez(work / "crops.npz", **pictures)  # type: ignore[arg-type]
    (work / "crops.json").write_text(json.dumps(known), encoding="utf-8")


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="labelled pictures; none: rendered plates alone",
)
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("../atalaya-work/reader"), show_default=True
)
@click.option(
    "--replated",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="folder of `python -m models.synth replate`; only with --data",
)
@click.option(
    "--lettering",
    "words",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="folder of `python -m models.synth lettering`; only with --data",
)
@click.option("--plates", type=int, help="number of rendered plates (the recipe's if not given)")
def main(
    data: Path | None,
    work: Path,
    replated: tuple[Path, ...],
    words: tuple[Path, ...],
    plates: int | None,
) -> None:
    """Write the training set of the reader into WORK; what is there already is kept."""
    if data is None and (replated or words):
        raise click.UsageError(
            "--replated and --lettering are for --data: without it no real crops are written"
        )
    sources = Sources(data, replated, words) if data is not None else None
    if sources is not None:
        check_sources(sources, work)
    cv2.setNumThreads(1)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    faces = typefaces.installed(recipe["typefaces"])
    click.echo(f"{len(faces)} typefaces of Debian's packages")
    work.mkdir(parents=True, exist_ok=True)
    if sources is not None and not (work / "crops.json").exists():
        write_real(sources, work, recipe["real"], seed=recipe["seed"])
    if not (work / "bank" / "bank.json").exists():
        write_bank(work / "bank", plates or recipe["plates"], seed=recipe["seed"], faces=faces)


if __name__ == "__main__":
    main()
