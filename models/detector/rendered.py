"""Mix rendered street scenes in, for the last epochs: `python -m models.detector.rendered --work DIR SCENES...`.

Colombian two-line plates on motorcycles exist only as rendered ones. SCENES are folders that
`python -m models.synth plates` wrote: vehicles, plates and streets of the sample clips are never among them.
Windows are cut around their plates, and shown together with a share of the real pictures that prepare.py listed and
with rendered streets that have no plate (render.py; --no-streets leaves them out):

    data/polish.txt, polish.yaml   as train.txt and data.yaml, for `train.py --stage polish`

The manifests of what the shipped weights saw lie beside this file (rendered-*.yaml).
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from models.detector.prepare import Writer, read_labels, write_list, write_names
from models.detector.recipe import recipe_of
from models.detector.streets import without_plates
from models.synth.reserved import overlap

CLIPS = Path(__file__).resolve().parents[2] / "sample_videos" / "manifest.yaml"


def windows(scenes: Path, out: Path, rules: dict[str, Any], rng: random.Random) -> list[Path]:
    """Cut windows around plates of rendered scenes, at most the recipe's number from each scene.

    Raises:
        FileNotFoundError: the folder has no labels.csv.
    """
    writer = Writer(scenes, out)
    paths = []
    for picture in read_labels(scenes, split="train"):
        wide = [i for i, box in enumerate(picture.boxes) if box[2] >= rules["smallest_plate_px"]]
        if picture.kind == "scene":
            chosen = rng.sample(wide, min(rules["windows_a_scene"], len(wide)))
            paths += [
                writer.closeup(picture, widths=tuple(rules["widths"]), rng=rng, plate=i) for i in chosen
            ]
    return paths


def write_mix(
    folders: list[Path], out: Path, recipe: dict[str, Any], *, others: Sequence[Path] = ()
) -> dict[str, int]:
    """Write polish.txt and polish.yaml into `out`, the data folder of prepare.py; returns the counts.

    Args:
        folders: rendered scenes.
        out: the data folder.
        recipe: the detector's.
        others: pictures without a plate.

    Raises:
        FileNotFoundError: prepare.py has not run, or a folder has no labels.csv or manifest.yaml.
        ValueError: a folder shares a plate, vehicle or street with the sample clips.
    """
    for folder in folders:
        check(folder)
    rules = recipe["rendered"]
    rng = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret
    listed = (out / "train.txt").read_text(encoding="utf-8").splitlines()
    real = rng.sample(listed, round(rules["real_share"] * len(listed)))
    cut = [str(path.absolute()) for folder in folders for path in windows(folder, out, rules, rng)]
    write_list(out / "polish.txt", [Path(line) for line in [*real, *cut]] + list(others))
    write_names(out, "polish.yaml", train="polish.txt")
    return {"real": len(real), "rendered": len(cut), "without_plates": len(others)}


def check(folder: Path) -> None:
    """Refuse rendered scenes that share anything with the sample clips.

    Raises:
        FileNotFoundError: the folder has no manifest.yaml.
        ValueError: it shares a plate, vehicle or street with them; names what.
    """
    clips, scenes = (
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CLIPS, folder / "manifest.yaml")
    )
    if shared := overlap(clips, scenes):
        raise ValueError(f"{folder}: shown in the sample clips too: {', '.join(shared)}")


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--streets/--no-streets", default=True, show_default=True)
@click.argument("scenes", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
def main(work: Path, streets: bool, scenes: tuple[Path, ...]) -> None:
    """Mix windows of rendered SCENES into the pictures of WORK/data."""
    rules = recipe_of(work)
    count = rules["rendered"]["streets"] if streets else 0
    others = without_plates(work, rules, streets=count, lettered_count=count, words=0) if count else []
    counts = write_mix(list(scenes), work / "data", rules, others=others)
    click.echo(" ".join(f"{key}={value}" for key, value in counts.items()))


if __name__ == "__main__":
    main()
