"""What the reader says of passages, to be replayed: `python -m models.reader.posteriors --out FILE --synth DIR`.

`python -m central bench match` makes days of a city from it. A passage is a picture shown as a track would show it
(models/reader/frames.py): some frames, each degraded anew, voted on until the vote is certain. The pictures are those
of a rendered test set (`python -m models.synth testset`), or with `--data DIR` the labelled crops of `train` that no
training saw and whose text a person or a file's name gave. One line of JSON a passage:

    {"of": "rendered" or "real", "picture": digits that tell pictures apart, "truth": what the plate bears,
     "likelihood": that the whole is right, "characters": [["A", 0.98, "4", 0.01, "H", 0.004], ...]}

where `characters` is as in the message: what was decoded and up to two alternatives. Passages of which nothing legible
was read are left out: a box publishes none of them.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from rich.progress import track

from edge.engine import Engine, build
from edge.read.crop import cut
from edge.settings import VoteSettings
from edge.types import Box, Verdict
from edge.vote import Vote
from models.reader.frames import COUNTRIES, observations
from models.reader.prepare import RECIPE, held_out

WRITTEN_BY_PEOPLE: Final = ("human", "filename", "filename+ocr agree")
"""Labels of texts that no machine alone has read: one that was sure of itself would leave out what is hard."""
FRAMES: Final = (2, 8)
"""Of a passage, at least and at most."""
CITY: Final = {"CO": 1.0}
"""What a camera of the model city is told."""

Grey = NDArray[np.uint8]


def rendered(folder: Path) -> Iterator[tuple[str, Grey, str, dict[str, float]]]:
    """Name, grey crop, text and the camera's countries of the Colombian plates of a rendered test set."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["country"] == "CO"]
    for row in rows:
        grey = cv2.imread(str(folder / row["path"]), cv2.IMREAD_GRAYSCALE)
        if grey is not None:
            yield row["path"], np.asarray(grey, np.uint8), row["plate"], CITY


def real(data: Path, rules: dict[str, Any]) -> Iterator[tuple[str, Grey, str, dict[str, float]]]:
    """The same of the labelled pictures of `train` that are held out."""
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if (
            row["split"] != "train"
            or row["set"] not in rules["sets"]
            or row["label"] not in WRITTEN_BY_PEOPLE
            or not held_out(row["path"], rules["fold_share"])
            or not (row["plate"].isascii() and row["plate"].isalnum())
        ):
            continue
        picture = cv2.imread(str(data / row["path"]))
        if picture is None:
            continue
        crop = np.asarray(picture, np.uint8)
        if row["kind"] == "scene":
            box = Box(*(float(row[key]) for key in "xywh"))
            if box.width < rules["least_px"]:
                continue
            crop = cut(crop, box, across=0.03, down=0.02)
        grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
        yield row["path"], grey, row["plate"].upper(), COUNTRIES.get(row["set"], {"ZZ": 1.0})


def passage(
    crop: Grey, engine: Engine, countries: dict[str, float], settings: VoteSettings, *, seed: int
) -> Verdict | None:
    """What a box would publish of a passage; None where nothing is legible."""
    frames = int(np.random.default_rng([seed, 9]).integers(FRAMES[0], FRAMES[1] + 1))
    vote = Vote(grammar=engine.grammar, settings=settings, countries=countries)
    verdict = None
    for observation in observations(crop, engine.reader, frames=frames, seed=seed):
        vote.add(observation)
        verdict = vote.verdict()
        if verdict is not None and verdict.likelihood >= settings.certain:
            break
    return verdict if verdict is not None and verdict.likelihood >= settings.legible else None


def line(of: str, name: str, truth: str, verdict: Verdict) -> str:
    """A passage as the file has it."""
    characters = [
        [c.char, _short(c.likelihood), *(v for a in c.alternatives for v in (a.char, _short(a.likelihood)))]
        for c in verdict.characters
    ]
    picture = int.from_bytes(sha256(name.encode()).digest()[:6])
    told = {"of": of, "picture": picture, "truth": truth, "likelihood": _short(verdict.likelihood)}
    return json.dumps(told | {"characters": characters}, separators=(",", ":"))


def _short(likelihood: float) -> float:
    return float(f"{likelihood:.4g}")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="FILE.jsonl.gz")
@click.option("--synth", type=click.Path(path_type=Path, exists=True), help="a rendered test set")
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="labelled pictures")
@click.option("--pictures", type=int, default=1500, show_default=True, help="at most")
@click.option("--times", type=int, default=4, show_default=True, help="passages of each picture")
def main(out: Path, synth: Path | None, data: Path | None, pictures: int, times: int) -> None:
    """Write the bank of one of the two."""
    cv2.setNumThreads(1)
    engine, settings = build("openvino"), VoteSettings()
    rules = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["real"]
    if synth is not None and data is None:
        of, source = "rendered", rendered(synth)
    elif data is not None and synth is None:
        of, source = "real", real(data, rules)
    else:
        raise click.UsageError("name one of --synth and --data")
    told = right = shown = 0
    with gzip.GzipFile(out, "wb", mtime=0) as file:
        for number, (name, crop, truth, countries) in enumerate(
            track(islice(source, pictures), total=pictures, description="pictures")
        ):
            for time in range(times):
                shown += 1
                verdict = passage(crop, engine, countries, settings, seed=number * times + time)
                if verdict is None:
                    continue
                told += 1
                right += verdict.plate == truth
                file.write(f"{line(of, name, truth, verdict)}\n".encode())
    click.echo(f"{shown} passages, {told} legible, of these {right} right")


if __name__ == "__main__":
    main()
