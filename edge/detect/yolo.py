"""The plate detector on ultralytics and torch: `engine: torch`, on the very weights that the export came from.

The second look runs on ONNX Runtime there: its network is part of the training code, which a box does not have.
"""

import importlib
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.assets import checked
from edge.detect import second_look
from edge.detect.letterbox import Fit, letterbox
from edge.detect.manifest import checked_weights, load_manifest, version
from edge.detect.second_look import Net, SecondLook, version_with
from edge.detect.views import Grey
from edge.errors import AssetError
from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from edge.types import Bgr, Detection

WEIGHTS: Final = "plate.pt"
LOOK_WEIGHTS: Final = "look.onnx"
MOST: Final = 50  # proposals of one frame, as in the other engine


class YoloProposer:
    """Proposes plates with ultralytics itself: the first of the detector's two nets.

    Frames are letterboxed by us, so that both engines see the same pixels. Not for two threads at once.
    """

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load the shipped weights.

        Args:
            threads: CPU threads of torch, for the whole process.
            least_score: least score of a proposal, 0..1; the threshold of the net by itself if None.

        Raises:
            AssetError: the weights are missing or damaged, or torch and ultralytics are not installed.
        """
        self._manifest, folder = load_manifest()
        (path,) = checked_weights(self._manifest, folder, WEIGHTS)
        self._least_score = self._manifest.score if least_score is None else least_score
        quiet_ultralytics()
        torch, ultralytics = _imported("torch"), _imported("ultralytics")
        torch.set_num_threads(threads)
        self._model = ultralytics.YOLO(str(path), task="detect")

    @property
    def version(self) -> str:
        """name@first 12 hex digits of the weights' SHA-256."""
        return version(self._manifest, WEIGHTS)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the input, px."""
        return self._manifest.width, self._manifest.height

    def detect(self, bgr: Bgr) -> list[Detection]:
        """Proposals in a frame of any size, best first, boxes clipped to the frame.

        Raises:
            ValueError: the frame is empty or of another type.
        """
        return self.propose(*letterbox(bgr, width=self._manifest.width, height=self._manifest.height))

    def propose(self, picture: Bgr, fit: Fit) -> list[Detection]:
        """Proposals in a letterboxed frame, in px of the frame, best first."""
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


class YoloDetector:
    """Finds plates with ultralytics and the second look. `detect` may be called from several threads in turn."""

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load the shipped weights.

        Args:
            threads: CPU threads of torch, for the whole process, and of the second look.
            least_score: least score of a detection, 0..1; the threshold that the weights were chosen at if None.

        Raises:
            AssetError: the weights are missing or damaged, or torch and ultralytics are not installed.
        """
        manifest, path = second_look.load_manifest()
        self._proposer = YoloProposer(threads=threads, least_score=manifest.proposal)
        self._look = SecondLook(
            net=_net(*checked(path, manifest.sha256, LOOK_WEIGHTS), threads=threads),
            manifest=manifest,
            least_score=manifest.score if least_score is None else least_score,
        )
        self._turn = threading.Lock()

    @property
    def version(self) -> str:
        """Both nets' names @ 12 hex digits of a SHA-256 over both nets' weights."""
        return version_with(self._proposer.version, self._look.manifest, LOOK_WEIGHTS)

    def detect(self, bgr: Bgr) -> list[Detection]:
        """Plates in a frame of any size, best first, boxes clipped to the frame.

        Args:
            bgr: (h, w, 3) uint8, BGR.

        Raises:
            ValueError: the frame is empty or of another type.
        """
        width, height = self._proposer.size
        picture, fit = letterbox(bgr, width=width, height=height)
        with self._turn:
            proposals = self._proposer.propose(picture, fit)
            return self._look.look(bgr, proposals, picture=picture, fit=fit)


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
