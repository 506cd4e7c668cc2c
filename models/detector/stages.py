"""The whole training of the detector, one stage after the other: `python -m models.detector.stages --work DIR`.

    render -> pictures -> train -> choose [-> polish -> average] -> export
           -> second look: banks -> train -> weigh -> export -> table -> ship

Each stage is a program of its own (models/detector, models/second_look) and leaves WORK/done/STAGE when it came to its
end; called again, the training goes on with the first stage that has not. Inside a stage rendered folders that are
whole, and epochs that are done, are kept. What is in brackets needs real pictures (--data); without them everything
that is learnt from and measured on is rendered. WORK/detector.yaml and WORK/second_look.yaml say what it goes by.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import yaml

from models.detector.recipe import RECIPE, SECTIONS, read_recipe
from models.second_look.recipe import RECIPE as LOOK_RECIPE

ROOT: Final = Path(__file__).resolve().parents[2]
MODELS: Final = ROOT / "models"
FILES: Final = {
    "detector": ("plate.pt", "plate.onnx", "plate.xml", "plate.bin", "plate.json"),
    "second_look": ("look.onnx", "look.xml", "look.bin", "look.json"),
}
"""What is shipped, by folder below models/; the manifests last."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One program of the training.

    Attributes:
        name: of its marker.
        says: what it does, for the terminal.
        module: the program.
        arguments: what it is called with, --work excepted.
    """

    name: str
    says: str
    module: str
    arguments: tuple[str, ...] = ()


def stages(work: Path, recipe: dict[str, Any], data: Path | None) -> list[Stage]:
    """The training's stages in order."""
    labelled = ("--data", str(data)) if data is not None else ()
    scenes = [work / "synth" / str(seed) for seed in recipe["render"]["scenes"]["seeds"]]
    return [*_pictures(labelled), *_detector(work, scenes, labelled), *_look(work, scenes, labelled)]


def _pictures(labelled: tuple[str, ...]) -> Iterator[Stage]:
    yield Stage("render", "render scenes, streets and lettering", "models.detector.render")
    alone = "models.detector.alone"
    if labelled:
        yield Stage("fold", "write the rendered fold", alone, ("--fold-only",))
        yield Stage("pictures", "link and cut the labelled pictures", "models.detector.prepare", labelled)
    else:
        yield Stage("pictures", "cut the pictures that the detector learns from", alone)


def _detector(work: Path, scenes: Sequence[Path], labelled: tuple[str, ...]) -> Iterator[Stage]:
    choose, train = "models.detector.choose", "models.detector.train"
    yield Stage("train", "train the detector", train)
    yield Stage("choose", "choose checkpoint and threshold on the fold", choose, labelled)
    if labelled:
        folders = tuple(str(folder) for folder in scenes)
        yield Stage("mix", "mix rendered windows in", "models.detector.rendered", folders)
        yield Stage("polish", "train the last epochs on the mix", train, ("--stage", "polish"))
        yield Stage("choose-polish", "choose among them", choose, ("--run", "polish", *labelled))
        yield Stage("average", "average before and after", "models.detector.average")
        yield Stage("choose-average", "choose the average", choose, ("--run", "average", *labelled))
    out = ("--out", str(work / "out" / "detector"))
    yield Stage("export", "export the detector", "models.detector.export", (*labelled, *out))


def _look(work: Path, scenes: Sequence[Path], labelled: tuple[str, ...]) -> Iterator[Stage]:
    prepare, first = "models.second_look.prepare", ("--detector", str(work / "out" / "detector"))
    if labelled:
        yield Stage(
            "teach", "name the vehicles of labelled plates", "models.second_look.teach", ("train", *labelled)
        )
        for part in ("train", "written"):
            arguments = (part, *labelled, *first)
            yield Stage(f"look-{part}", f"second look: cut samples, {part}", prepare, arguments)
    for folder in scenes:
        arguments = ("rendered", "--scenes", str(folder), *first)
        says = f"second look: cut samples, scenes of seed {folder.name}"
        yield Stage(f"look-{folder.name}", says, prepare, arguments)
    yield Stage("look-streets", "second look: cut samples, streets", prepare, ("streets", *first))
    words = ("lettering", *labelled, *first)
    yield Stage("look-lettering", "second look: cut samples, lettering", prepare, words)
    yield Stage(
        "look-fold", "second look: the detector's proposals on the fold", prepare, ("fold", *labelled, *first)
    )
    yield Stage("look", "train the second look", "models.second_look.train")
    yield Stage("look-fit", "weigh both nets and choose the threshold on the fold", "models.second_look.fit")
    out = ("--out", str(work / "out" / "second_look"))
    yield Stage("look-export", "export the second look", "models.second_look.export", out)


def begin(work: Path, *, section: str, data: Path | None) -> dict[str, Any]:
    """Write what the training goes by, or read what it was begun with; returns the detector's recipe.

    Raises:
        click.ClickException: it was begun with another section, or with other pictures.
    """
    asked = {"section": section, "data": None if data is None else str(data.resolve())}
    path = work / "begun.json"
    if path.is_file():
        begun = json.loads(path.read_text(encoding="utf-8"))
        if begun != asked:
            raise click.ClickException(f"{work} was begun with {begun}, not {asked}: name another --work")
        return read_recipe(work / "detector.yaml")
    work.mkdir(parents=True, exist_ok=True)
    recipe = read_recipe(RECIPE, section=section, alone=data is None)
    for name, content in (("detector", recipe), ("second_look", read_recipe(LOOK_RECIPE, section=section))):
        (work / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    path.write_text(json.dumps(asked), encoding="utf-8")
    return recipe


def run(listed: Sequence[Stage], work: Path) -> None:
    """Run the stages that are left.

    Raises:
        click.ClickException: a stage failed; names it.
    """
    done = work / "done"
    done.mkdir(exist_ok=True)
    for number, stage in enumerate(listed, start=1):
        marker = done / stage.name
        if marker.is_file():
            click.echo(
                f"[{number}/{len(listed)}] {stage.says}: done before, {marker.read_text(encoding='utf-8')}"
            )
            continue
        click.secho(f"[{number}/{len(listed)}] {stage.says}", bold=True)
        begun = time.monotonic()
        call = [sys.executable, "-m", stage.module, *stage.arguments, "--work", str(work)]
        code = subprocess.run(call, cwd=ROOT, env=_environment(), check=False).returncode
        if code:
            raise click.ClickException(
                f"stage {stage.name} ended with {code}; called again, it goes on there"
            )
        marker.write_text(f"{time.monotonic() - begun:.0f} s", encoding="utf-8")


def _environment() -> dict[str, str]:
    """The stages' environment: ours, and the checkout's modules first."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def ship(work: Path, out: Path) -> None:
    """Copy what was exported to where the edge finds it, both nets at once: one fits the other."""
    for folder, names in FILES.items():
        (out / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(work / "out" / folder / name, out / folder / name)


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="labelled pictures; none: rendered ones alone",
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option(
    "--section", type=click.Choice(SECTIONS), default="cpu", show_default=True, help="of the recipe"
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=MODELS, help="Where detector/ and second_look/ lie."
)
def main(data: Path | None, work: Path, section: str, out: Path) -> None:
    """Train the detector and its second look, or go on with it, and put the weights where the edge finds them."""
    if section == "tiny" and data is not None:
        raise click.ClickException("section tiny is for rendered pictures alone: leave --data away")
    work = work.resolve()
    recipe = begin(work, section=section, data=data)
    listed = stages(work, recipe, data.resolve() if data is not None else None)
    run(listed, work)
    subprocess.run(
        [sys.executable, "-m", "models.second_look.table", "--work", str(work)],
        cwd=ROOT,
        env=_environment(),
        check=True,
    )
    ship(work, out)
    click.echo(f"written to {out}")


if __name__ == "__main__":
    main()
