"""Export the chosen checkpoint: `python -m models.detector.export --data ../shared/data --work DIR`.

Reads WORK/choice.json (choose.py) and writes, beside this file or below --out:

    plate.pt          half precision, no optimiser: what `engine: torch` runs, and the source of the others
    plate.xml .bin    OpenVINO: (1, h, w, 3) uint8 BGR in, (1, 5, n) out; precision as recipe.yaml says
    plate.onnx        ONNX twin: (1, 3, h, w) float RGB 0..1 in, (1, 5, n) out; weights stored in half precision
    plate.json        name, input size, thresholds and SHA-256 of each file (edge/detect/manifest.py)

WORK/export keeps the OpenVINO model in every precision, for report.py to compare.
"""

import hashlib
import json
import logging
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import openvino
from numpy.typing import NDArray

from edge.detect.letterbox import letterbox
from edge.detect.manifest import Manifest
from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from models.detector.engines import planes
from models.detector.prepare import is_held_out, picture_of, read_labels, usable
from models.detector.recipe import recipe_of

NAME = "plate-yolov8n"
LEAST_HALVED = 256  # smaller constants (strides, anchors' offsets) stay as they are


def strip(checkpoint: Path, out: Path) -> None:
    """Write the averaged weights of a training checkpoint in half precision, without optimiser, paths or dates."""
    import torch
    from ultralytics import __version__

    content = torch.load(checkpoint, map_location="cpu", weights_only=False)
    model = content.get("ema") or content["model"]
    model.criterion = None
    model.args = {"task": "detect", "imgsz": 640, "single_cls": True}
    model.pt_path = out.name
    model.half().requires_grad_(False)
    torch.save(
        {
            "epoch": -1,
            "model": model,
            "train_args": {"task": "detect", "imgsz": 640, "single_cls": True},
            "version": __version__,
            "license": "AGPL-3.0",
        },
        out,
    )


def to_onnx(weights: Path, *, width: int, height: int) -> Path:
    """Export ultralytics weights to ONNX beside them, fixed input size, no suppression inside."""
    from ultralytics import YOLO

    return Path(YOLO(str(weights), task="detect").export(format="onnx", imgsz=[height, width], simplify=True))


def slim_onnx(source: Path, out: Path) -> None:
    """Copy an ONNX model with its weights stored in half precision (cast up when loaded) and its metadata cleaned.

    Raises:
        onnx.checker.ValidationError: the result is no valid model.
    """
    model = onnx.load(str(source))
    casts = []
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < LEAST_HALVED:
            continue
        name, stored = weight.name, f"{weight.name}.half"
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(
            onnx.helper.make_node("Cast", [stored], [name], name=f"{name}.up", to=onnx.TensorProto.FLOAT)
        )
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {"name": NAME, "license": "AGPL-3.0", "classes": "plate"})
    model.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, str(out))


def quantised(
    model: openvino.Model, batches: Sequence[NDArray[np.float32]], *, fast: bool = False
) -> openvino.Model:
    """Quantise an OpenVINO model to int8, ranges measured on batches (1, 3, h, w).

    The head's decoding stays in floating point: one scale over pixels and scores would round scores away. Keeping
    its class branch in floating point as well halves what int8 does to scores (card.md), costs half as much time
    again on a processor without bfloat16, and finds no plate more.
    """
    import nncf

    logging.getLogger("nncf").setLevel(logging.WARNING)  # it tells of each operation
    head = [
        op.get_friendly_name()
        for op in model.get_ordered_ops()
        if op.get_type_name() == "Sigmoid" or _is_decoding(op.get_friendly_name())
    ]
    return nncf.quantize(
        model,
        nncf.Dataset(list(batches)),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batches),
        fast_bias_correction=fast,  # the slow one costs the export a minute and the box nothing
        ignored_scope=nncf.IgnoredScope(names=sorted(set(head)), validate=False),
    )


def _is_decoding(name: str) -> bool:
    """Say whether an operation is the head's arithmetic: in the last module, and no convolution of it."""
    return name.startswith("/model.22/") and not name.startswith(("/model.22/cv2", "/model.22/cv3"))


def bake(model: openvino.Model) -> openvino.Model:
    """Put letterboxed uint8 BGR pictures (1, h, w, 3) before a net that wants RGB planes in 0..1."""
    steps = openvino.preprocess.PrePostProcessor(model)
    given = steps.input().tensor()
    given.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    given.set_color_format(openvino.preprocess.ColorFormat.BGR)
    wanted = steps.input().preprocess()
    wanted.convert_element_type(openvino.Type.f32).convert_color(openvino.preprocess.ColorFormat.RGB).scale(
        255.0
    )
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()


def calibration_pictures(work: Path, data: Path | None, recipe: dict[str, Any]) -> list[Path]:
    """Pictures of training, none of the held-out fold: scenes of DATA, or what an epoch of WORK shows."""
    count = recipe["export"]["calibration_pictures"]
    draw = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret
    if data is None:
        lines = (work / "data" / "train.txt").read_text(encoding="utf-8").splitlines()
        listed = [Path(line) for line in sorted(set(lines))]
    else:
        listed = [
            data / p.path
            for p in usable(read_labels(data, split="train"), recipe["data"])
            if p.kind == "scene" and not is_held_out(p, recipe["data"]["holdout"])
        ]
    return draw.sample(listed, min(count, len(listed)))


def calibration(pictures: Sequence[Path], rules: dict[str, Any]) -> list[NDArray[np.float32]]:
    """Letterbox pictures as batches (1, 3, h, w)."""
    return [
        planes(letterbox(picture_of(path), width=rules["width"], height=rules["height"])[0])
        for path in pictures
    ]


def save_openvino(
    source: Path, folder: Path, batches: Sequence[NDArray[np.float32]], *, fast: bool = False
) -> dict[str, Path]:
    """Write the OpenVINO model in fp32, fp16 (weights) and int8 below `folder`; returns the .xml of each."""
    paths = {}
    for precision in ("fp32", "fp16", "int8"):
        model = openvino.convert_model(str(source))
        model.outputs[0].tensor.set_names({"boxes"})
        if precision == "int8":
            model = quantised(model, batches, fast=fast)
        paths[precision] = folder / f"plate-{precision}.xml"
        openvino.save_model(bake(model), str(paths[precision]), compress_to_fp16=precision != "fp32")
    return paths


def write_manifest(folder: Path, *, recipe: dict[str, Any], score: float) -> None:
    """Write plate.json for the weight files in `folder`."""
    files = ("plate.pt", "plate.onnx", "plate.xml", "plate.bin")
    manifest = Manifest(
        name=NAME,
        width=recipe["export"]["width"],
        height=recipe["export"]["height"],
        score=score,
        overlap=recipe["export"]["overlap"],
        sha256={file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files},
    )
    (folder / "plate.json").write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="labelled pictures; none: rendered alone"
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(__file__).parent, help="Where plate.* go."
)
def main(data: Path | None, work: Path, out: Path) -> None:
    """Export the checkpoint that choose.py chose."""
    quiet_ultralytics()
    make_torchvision_importable()
    recipe = recipe_of(work)
    rules = recipe["export"]
    choice = json.loads((work / "choice.json").read_text(encoding="utf-8"))
    folder = work / "export"
    for path in (folder, out):
        path.mkdir(parents=True, exist_ok=True)
    strip(work / choice["run"] / "weights" / choice["checkpoint"], folder / "plate.pt")
    full = to_onnx(folder / "plate.pt", width=rules["width"], height=rules["height"])
    batches = calibration(calibration_pictures(work, data, recipe), rules)
    models = save_openvino(full, folder, batches, fast=rules["fast_correction"])
    shutil.copy(folder / "plate.pt", out / "plate.pt")
    slim_onnx(full, out / "plate.onnx")
    shipped = models[rules["precision"]]
    shutil.copy(shipped, out / "plate.xml")
    shutil.copy(shipped.with_suffix(".bin"), out / "plate.bin")
    write_manifest(out, recipe=recipe, score=choice["epochs"][choice["checkpoint"]]["threshold"])
    for path in sorted(out.glob("plate.*")):
        click.echo(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
