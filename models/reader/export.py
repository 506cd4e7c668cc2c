"""Export the chosen weights: `python -m models.reader.export --work DIR`.

reader.xml, reader.bin   OpenVINO, int8 (quantise.py): (1, 64, 192) uint8 to log-probabilities (97, 37) and (kinds,)
reader.onnx              its twin in float32
atalaya_plate.pth, .yaml EasyOCR's: the state dict, keys prefixed as EasyOCR expects, and what it must know
reader.json              sizes, kinds and the SHA-256 of each file
"""

import hashlib
import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import openvino
import torch
import yaml
from torch import Tensor, nn

from edge.contract.pattern import ALPHABET
from edge.read.normalise import HEIGHT, WIDTH
from models.reader import calibrate
from models.reader.atalaya_plate import Model
from models.reader.data import fold, rendered_fold, scaled
from models.reader.measure import read
from models.reader.prepare import KINDS, RECIPE
from models.reader.quantise import Heads, Text, int8
from models.reader.train import build, network_params

NAME = "atalaya-plate"
NETWORK = Path(__file__).with_name("atalaya_plate.py")
FILES = (
    "reader.xml",
    "reader.bin",
    "reader.onnx",
    "atalaya_plate.pth",
    "atalaya_plate.yaml",
    "atalaya_plate.py",
)


class Whole(nn.Module):
    """What a box runs: the picture as it is in, log-probabilities and kind out.

    Args:
        heads: `quantise.Heads`, or what was made of it.
        model: joins the looks.
        temperature: divides the logits.
    """

    def __init__(self, heads: nn.Module, model: Model, temperature: float) -> None:
        super().__init__()
        self.heads, self.temperature = heads, temperature
        self.joined = model.joined

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 64, 192) uint8 to (97, 37) log-probabilities and (kinds,) log-probabilities."""
        looks, kind = self.heads(scaled(picture)[:, None])
        return (self.joined(looks) / self.temperature).log_softmax(dim=2)[0], kind.log_softmax(dim=1)[0]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the weights beside them.

    Attributes:
        params: what `Model` takes.
        temperature: of the logits.
        shares: how common each kind was in training.
    """

    params: dict[str, Any]
    temperature: float
    shares: list[float]


def load(path: Path, recipe: dict[str, Any]) -> Model:
    """The net with a checkpoint's weights."""
    model = build(recipe)
    model.load_state_dict(torch.load(path, weights_only=True))
    model.eval()
    return model


def kind_shares(bank: Path) -> list[float]:
    """How common each kind is in a bank of rendered plates; one that is missing counts as one plate."""
    facts = json.loads((bank / "bank.json").read_text(encoding="utf-8"))
    counts = [max(1, sum(fact["kind"] == kind for fact in facts)) for kind in range(len(KINDS))]
    return [round(count / sum(counts), 6) for count in counts]


def _traced(box: nn.Module, model: Model, facts: Facts) -> openvino.Model:
    # NNCF's rounding can't go through torch.export (it asks whether a scale is one number), and OpenVINO traces with
    # what torch calls deprecated from 2.13 on.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace", DeprecationWarning)
        return openvino.convert_model(
            Whole(box, model, facts.temperature).eval(),
            example_input=torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8),
            input=[1, HEIGHT, WIDTH],
        )


def write(model: Model, folder: Path, *, box: nn.Module | None = None, facts: Facts) -> None:
    """Write every form of the net into `folder`; `box` is what boxes run, the float net itself where not given."""
    torch.onnx.export(
        Whole(Heads(model), model, facts.temperature).eval(),
        (torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8),),
        str(folder / "reader.onnx"),
        input_names=["picture"],
        output_names=["text", "kind"],
        dynamo=False,
    )
    exported = (
        openvino.convert_model(str(folder / "reader.onnx")) if box is None else _traced(box, model, facts)
    )
    openvino.save_model(exported, str(folder / "reader.xml"), compress_to_fp16=True)
    state = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save(state, folder / "atalaya_plate.pth")
    network = {
        "network_params": facts.params,
        "imgH": HEIGHT,
        "lang_list": ["en"],
        "character_list": ALPHABET,
    }
    if not (folder / NETWORK.name).exists():
        shutil.copy(NETWORK, folder)
    (folder / "atalaya_plate.yaml").write_text(yaml.safe_dump(network, sort_keys=False), encoding="utf-8")
    manifest = {
        "name": NAME,
        "alphabet": ALPHABET,
        "kinds": dict(zip(KINDS, facts.shares, strict=True)),
        "temperature": facts.temperature,
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES},
    }
    (folder / "reader.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _exact(net: nn.Module, pairs: calibrate.Pairs) -> str:
    said = read(net, np.stack([picture for picture, _ in pairs]))
    return f"{sum(a == b for a, (_, b) in zip(said, pairs, strict=True))} of {len(pairs)}"


@click.command()
@click.option(
    "--work",
    type=click.Path(path_type=Path, exists=True),
    default=Path("../atalaya-work/reader"),
    show_default=True,
)
@click.option("--checkpoint", default="best.pt", show_default=True)
@click.option("--temperature", type=float, help="of the logits; fitted on the held-out fold if not given")
@click.option("--float", "in_float", is_flag=True, help="boxes run float32: three times as slow")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(__file__).parent, help="Where the files go."
)
def main(*, work: Path, checkpoint: str, temperature: float | None, in_float: bool, out: Path) -> None:
    """Export WORK's checkpoint."""
    torch.set_num_threads(2)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    model = load(work / checkpoint, recipe)
    box = None if in_float else int8(model, work, recipe)
    pairs = [pair for pairs in fold(work).values() for pair in pairs]
    pairs = pairs or rendered_fold(work, 1000, seed=recipe["seed"])
    net = model if box is None else Text(box, model)
    click.echo(
        f"exact on the held-out pictures: {_exact(model, pairs)} in float32, {_exact(net, pairs)} here"
    )
    if temperature is None:
        fitted = calibrate.fit(net, pairs)
        click.echo(
            f"temperature {fitted.temperature:g}: {fitted.after:.4f} nats a held-out picture ({fitted.n}),"
            f" {fitted.before:.4f} without"
        )
        temperature = fitted.temperature
    params = {key: list(v) if isinstance(v, tuple) else v for key, v in network_params(recipe).items()}
    write(model, out, box=box, facts=Facts(params, temperature, kind_shares(work / "bank")))
    for name in FILES:
        click.echo(f"{name}: {(out / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
