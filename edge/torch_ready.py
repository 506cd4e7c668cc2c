"""Make torch, torchvision and ultralytics fit to import on an edge box or a training machine.

Two traps, both silent until the first frame:

- PyPI's torchvision beside a CPU build of torch fails on import ("operator torchvision::nms does not exist"),
  because its native library wants the other build. `make_torchvision_importable` gives torch the two operators
  that torchvision looks for, with an own CPU implementation of NMS. A native torchvision is left alone.
- ultralytics calls home, installs packages at run time and writes into the user's home unless told otherwise.
  `quiet_ultralytics` sets its environment before the first import.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def quiet_ultralytics(config_dir: Path | None = None) -> None:
    """Keep ultralytics offline: no update checks, no installs, no analytics; settings below `config_dir`.

    Must run before the first `import ultralytics`. Values the user has set in the environment win.

    Args:
        config_dir: Folder for ultralytics' own settings file; a folder of the system's temporary space if None.
    """
    folder = config_dir or Path(tempfile.gettempdir()) / f"atalaya-ultralytics-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    for key, value in (("YOLO_OFFLINE", "true"), ("YOLO_AUTOINSTALL", "false"), ("YOLO_VERBOSE", "false")):
        os.environ.setdefault(key, value)
    os.environ.setdefault("YOLO_CONFIG_DIR", str(folder))


def make_torchvision_importable() -> bool:
    """Import torchvision, curing a build whose native library does not load.

    Returns:
        True when the cure was needed, False when torchvision is native.

    Raises:
        ImportError: when torch or torchvision is not installed.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    else:
        return False
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # the failed import left half of itself behind
    _define_operators()
    importlib.import_module("torchvision")
    extension: Any = importlib.import_module("torchvision.extension")
    extension._has_ops = lambda: True
    return True


_libraries: list[Any] = []  # torch forgets an operator when its Library is collected


def _define_operators() -> None:
    """Register `torchvision::nms` and `torchvision::qnms` for the CPU."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.impl(name, nms, "CPU")
    _libraries.append(library)


def nms(dets: "torch.Tensor", scores: "torch.Tensor", iou_threshold: float) -> "torch.Tensor":
    """Greedy non-maximum suppression as torchvision defines it.

    Args:
        dets: Tensor (n, 4) of float, boxes as x1 y1 x2 y2.
        scores: Tensor (n,) of float.
        iou_threshold: A box is dropped when its IoU with a kept, better one is greater than this.

    Returns:
        Tensor (k,) of int64: indices of the kept boxes, best first.
    """
    import torch

    order = torch.argsort(scores, descending=True, stable=True)
    area = (dets[:, 2] - dets[:, 0]) * (dets[:, 3] - dets[:, 1])
    kept: list[Any] = []
    while order.numel():
        best, order = order[0], order[1:]
        kept.append(best)
        top_left = torch.maximum(dets[best, :2], dets[order, :2])
        bottom_right = torch.minimum(dets[best, 2:], dets[order, 2:])
        shared = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        iou = shared / (area[best] + area[order] - shared)
        order = order[iou <= iou_threshold]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.int64)
