"""``python -m models.synth``: the sample clips, pictures for training, and a test set apart from both."""

from __future__ import annotations

from pathlib import Path

import click
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from models.synth import typefaces
from models.synth.clips.calm import EVERY
from models.synth.clips.make import make_all
from models.synth.negatives import write_lettering
from models.synth.replate import Want, write_replated
from models.synth.reserved import TEST_SEEDS
from models.synth.testset import write_testset
from models.synth.training import write_set

_typefaces = click.option(
    "--typefaces",
    "recipe",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=Path("models/reader/recipe.yaml"),
    show_default=True,
    help="A YAML file whose `typefaces` names those for the plates of no country.",
)
"""The option that both writers of training pictures share."""


def _faces(recipe: Path) -> tuple[str, ...]:
    return typefaces.installed(yaml.safe_load(recipe.read_text(encoding="utf-8"))["typefaces"])


@click.group()
def main() -> None:
    """Renders plates and street scenes with exact truth."""


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("sample_videos"),
    show_default=True,
)
@click.option(
    "--only", type=click.Choice([clip.name for clip in EVERY]), multiple=True, help="Only these clips."
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Drawing processes."
)
def clips(out: Path, only: tuple[str, ...], workers: int) -> None:
    """Renders the sample clips, their truth and their manifest."""
    chosen = [clip for clip in EVERY if not only or clip.name in only]
    console = Console(stderr=True)
    with _bar(console) as bar:
        tasks = {clip.name: bar.add_task(clip.name, total=clip.frames) for clip in chosen}
        made = make_all(
            chosen,
            out,
            workers=workers,
            progress=lambda name, done, _total: bar.update(tasks[name], completed=done),
        )
    table = Table("clip", "frames", "MB", "passages", title=f"written to {out}")
    for clip in made:
        size = clip.path.stat().st_size / 1e6
        table.add_row(clip.programme.name, str(clip.programme.frames), f"{size:.1f}", str(len(clip.truth)))
    Console().print(table)


@main.command()
@click.option(
    "--n", "crops", type=click.IntRange(0), default=1000, show_default=True, help="Plates to render."
)
@click.option(
    "--scenes", type=click.IntRange(0), default=0, show_default=True, help="Street scenes to render."
)
@click.option("--seed", type=click.IntRange(0), required=True, help="Same seed, same pictures.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
def plates(crops: int, scenes: int, seed: int, out: Path) -> None:
    """Renders plates and scenes for training, with labels.csv and manifest.yaml."""
    with _bar(Console(stderr=True)) as bar:
        task = bar.add_task("pictures", total=crops + scenes)
        labels = write_set(
            out, crops=crops, scenes=scenes, seed=seed, progress=lambda done: bar.update(task, completed=done)
        )
    Console().print(f"{crops + scenes} pictures, {len(labels)} plates in {out}")


@main.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Real pictures with labels.csv; only its split train is used.",
)
@click.option("--crops", type=click.IntRange(1), default=4000, show_default=True, help="Plates to paint.")
@click.option("--seed", type=click.IntRange(0), required=True, help="Same seed, same pictures.")
@_typefaces
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Outside the repository: what is written holds real pictures.",
)
def replate(data: Path, crops: int, seed: int, recipe: Path, workers: int, out: Path) -> None:
    """Paints rendered plates over those of real scenes: scenes/, crops/ and labels.csv."""
    with _bar(Console(stderr=True)) as bar:
        task = bar.add_task("plates", total=crops)
        labels = write_replated(
            data,
            out,
            Want(crops, seed, _faces(recipe), workers),
            progress=lambda done: bar.update(task, completed=done),
        )
    painted = sum(label.kind == "crop" for label in labels)
    scenes = len({label.path for label in labels if label.kind == "scene"})
    Console().print(f"{painted} plates in {scenes} scenes in {out}")


@main.command()
@click.option("--n", "count", type=click.IntRange(1), default=2000, show_default=True, help="Pictures.")
@click.option("--seed", type=click.IntRange(0), required=True, help="Same seed, same pictures.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Real pictures whose train scenes are the background; then --out lies outside the repository.",
)
@_typefaces
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
def lettering(count: int, seed: int, data: Path | None, recipe: Path, out: Path) -> None:
    """Renders lettering and time stamps that are no plates: crops/ and labels.csv."""
    with _bar(Console(stderr=True)) as bar:
        task = bar.add_task("pictures", total=count)
        labels = write_lettering(
            out,
            count=count,
            seed=seed,
            faces=_faces(recipe),
            data=data,
            progress=lambda done: bar.update(task, completed=done),
        )
    Console().print(f"{len(labels)} pictures without a plate in {out}")


@main.command()
@click.option("--n", "count", type=click.IntRange(1), default=3000, show_default=True, help="Crops.")
@click.option(
    "--seed",
    type=click.IntRange(TEST_SEEDS.start, TEST_SEEDS.stop - 1),
    default=TEST_SEEDS.start,
    show_default=True,
    help="Same seed, same pictures; none that training may use.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
def testset(count: int, seed: int, out: Path) -> None:
    """Renders a test set that no training saw: crops/, labels.csv and manifest.yaml."""
    with _bar(Console(stderr=True)) as bar:
        task = bar.add_task("crops", total=count)
        labels = write_testset(
            out, count=count, seed=seed, progress=lambda done: bar.update(task, completed=done)
        )
    Console().print(f"{len(labels)} crops in {out}")


if __name__ == "__main__":
    main()
