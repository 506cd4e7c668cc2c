"""Export the second look: `python -m models.second_look.export --work DIR`.

Reads WORK/look/fit.json (fit.py) and writes, beside this file or below --out:

    look.onnx       (1, 60, 96) and (1, 64, 64) uint8 in, (1, 9) out: what `engine: torch` runs
    look.xml .bin   OpenVINO: the same
    look.json       name, weights of the score, thresholds and SHA-256 of each file (edge/detect/second_look.py)
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import onnx
import openvino
import torch
from torch import Tensor, nn

from edge.detect.second_look import Manifest
from edge.detect.views import FAR, NEAR
from models.second_look.measure import Views
from models.second_look.net import SecondLook
from models.second_look.recipe import recipe_of
from models.second_look.train import load

NAME: Final = "second-look"
FILES: Final = ("look.onnx", "look.xml", "look.bin")


class Whole(nn.Module):
    """What a box runs: both views as they are in, the answers out."""

    def __init__(self, net: SecondLook) -> None:
        super().__init__()
        self.net = net

    def forward(self, near: Tensor, far: Tensor) -> Tensor:
        """(1, 60, 96) and (1, 64, 64) uint8 to (1, 9) float."""
        answers: Tensor = self.net(near[:, None].float(), far[:, None].float())
        return answers


def to_onnx(net: SecondLook, path: Path) -> None:
    """Write the ONNX twin, without dates or paths.

    Raises:
        onnx.checker.ValidationError: the result is no valid model.
    """
    views = (
        torch.zeros(1, NEAR[1], NEAR[0], dtype=torch.uint8),
        torch.zeros(1, FAR[1], FAR[0], dtype=torch.uint8),
    )
    torch.onnx.export(
        Whole(net).eval(),
        views,
        str(path),
        input_names=["near", "far"],
        output_names=["answers"],
        dynamo=False,
    )
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {"name": NAME, "license": "AGPL-3.0"})
    model.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def quantised(model: openvino.Model, views: Views, *, count: int, seed: int) -> openvino.Model:
    """Quantise to int8, ranges measured on views of plates and of what is none."""
    import nncf

    rows = np.random.default_rng(seed).permutation(len(views.score))[:count]
    batches = [{"near": views.near[row][None], "far": views.far[row][None]} for row in rows]
    return nncf.quantize(
        model,
        nncf.Dataset(batches),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batches),
        fast_bias_correction=False,
    )


def write(
    net: SecondLook,
    folder: Path,
    *,
    manifest: dict[str, Any],
    views: Views,
    precision: str,
    recipe: dict[str, Any],
) -> None:
    """Write every form of the net and its manifest into `folder`; int8 ranges as the recipe says."""
    to_onnx(net, folder / "look.onnx")
    model = openvino.convert_model(str(folder / "look.onnx"))
    if precision == "int8":
        model = quantised(model, views, count=recipe["export"]["calibration"], seed=recipe["seed"])
    openvino.save_model(model, str(folder / "look.xml"), compress_to_fp16=precision != "fp32")
    sha256 = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    whole = Manifest(**(manifest | {"name": NAME, "sha256": sha256}))
    (folder / "look.json").write_text(whole.model_dump_json(indent=2) + "\n", encoding="utf-8")


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(__file__).parent, help="Where look.* go."
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), help="Instead of the recipe's.")
def main(work: Path, out: Path, precision: str | None) -> None:
    """Export the weights that fit.py weighed."""
    choice = json.loads((work / "look" / "fit.json").read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    recipe = recipe_of(work)
    write(
        load(work / "look" / f"epoch{choice['epoch']}.pt"),
        out,
        manifest=choice["manifest"],
        precision=precision or recipe["export"]["precision"],
        views=Views.load(work / "fold.npz"),
        recipe=recipe,
    )
    for name in (*FILES, "look.json"):
        click.echo(f"{name}: {(out / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
