"""The plate detector on ultralytics and torch: `engine: torch`, on the very weights that the export came from.

The second look runs on ONNX Runtime there: its network is part of the training code, which a box does not have.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.assets import checked
from edge.detect import second_look
from edge.detect.letterbox import Fit
from edge.detect.manifest import load_manifest
from edge.detect.nets import FirstNet, TwoNets
from edge.detect.second_look import Net, SecondLook
from edge.detect.views import Grey
from edge.detect.window import Window
from edge.errors import AssetError
from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from edge.types import Bgr, Detection

WEIGHTS: Final = "plate.pt"
LOOK_WEIGHTS: Final = "look.onnx"
MOST: Final = 50  # proposals of one frame, as in the other engine


class YoloProposer(FirstNet):
    """Proposes plates with ultralytics itself: the first of the detector's two nets.

    Frames are letterboxed by us, so that both engines see the same pixels.
    """

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load the shipped weights.

        Args:
            threads: CPU threads of torch, for the whole process.
            least_score: least score of a proposal, 0..1; the threshold of the net by itself if None.

        Raises:
            AssetError: the weights are missing or damaged, or torch and ultralytics are not installed.
        """
        manifest, beside = load_manifest()
        super().__init__(manifest, file=WEIGHTS, least_score=least_score)
        (path,) = checked(beside, manifest.sha256, WEIGHTS)
        quiet_ultralytics()
        torch, ultralytics = _imported("torch"), _imported("ultralytics")
        torch.set_num_threads(threads)
        self._model = ultralytics.YOLO(str(path), task="detect")

    def propose(self, picture: Bgr, fit: Fit, windows: Sequence[Window]) -> list[Detection]:
        """Proposals in a letterboxed frame, in px of the frame, best first; parts are not looked at apart here."""
        if not windows:
            return []
        (result,) = self._model.predict(
            picture,
            imgsz=[self._manifest.height, self._manifest.width],
            conf=self._least_score,
            iou=self._manifest.overlap,
            max_det=MOST,
            device="cpu",
            verbose=False,
        )
        found = []
        for corners, score in zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), strict=True):
            box = fit.to_frame(*corners)
            if box is not None:
                found.append(Detection(box, score))
        return found


class YoloDetector(TwoNets):
    """Finds plates with ultralytics and the second look."""

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load the shipped weights.

        Args:
            threads: CPU threads of torch, for the whole process, and of the second look.
            least_score: least score of a detection, 0..1; the threshold that the weights were chosen at if None.

        Raises:
            AssetError: the weights are missing or damaged, or torch and ultralytics are not installed.
        """
        manifest, path = second_look.load_manifest()
        look = SecondLook(
            net=_net(*checked(path, manifest.sha256, LOOK_WEIGHTS), threads=threads),
            manifest=manifest,
            least_score=manifest.score if least_score is None else least_score,
        )
        first = YoloProposer(threads=threads, least_score=manifest.proposal)
        super().__init__(first, look, file=LOOK_WEIGHTS)


def _imported(name: str) -> Any:  # noqa: ANN401 - untyped
    try:
        if name == "torch":
            make_torchvision_importable()
        return importlib.import_module(name)
    except ImportError as error:
        raise AssetError(
            f"engine torch needs the extra [train] (torch, ultralytics, onnxruntime): {error}; "
            "or set engine: openvino"
        ) from error


def _net(path: Path, *, threads: int) -> Net:
    """The second look's net on ONNX Runtime."""
    onnxruntime = _imported("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(near: Grey, far: Grey) -> NDArray[np.float32]:
        answers = session.run(None, {"near": near[np.newaxis], "far": far[np.newaxis]})[0][0]
        return np.asarray(answers, np.float32)

    return run
