"""The plate detector on ultralytics and torch: `engine: torch`, on the very weights that the export came from."""

import importlib
import threading
from typing import Any

from edge.detect.letterbox import letterbox
from edge.detect.manifest import checked_weights, load_manifest, version
from edge.errors import AssetError
from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from edge.types import Bgr, Detection

WEIGHTS = "plate.pt"
MOST = 50  # detections of one frame, as in the other engine


class YoloDetector:
    """Finds plates with ultralytics itself.

    Frames are letterboxed by us, so that both engines see the same pixels. `detect` may be called from several
    threads; they take turns.
    """

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load the shipped weights.

        Args:
            threads: CPU threads of torch, for the whole process.
            least_score: least score of a detection, 0..1; the threshold that the weights were chosen at if None.

        Raises:
            AssetError: the weights are missing or damaged, or torch and ultralytics are not installed.
        """
        self._manifest, folder = load_manifest()
        (path,) = checked_weights(self._manifest, folder, WEIGHTS)
        self._least_score = self._manifest.score if least_score is None else least_score
        self._turn = threading.Lock()
        quiet_ultralytics()
        try:
            make_torchvision_importable()
            torch: Any = importlib.import_module("torch")
            ultralytics: Any = importlib.import_module("ultralytics")
        except ImportError as error:
            raise AssetError(
                f"engine torch needs the extra [train] (torch, ultralytics): {error}; or set engine: openvino"
            ) from error
        torch.set_num_threads(threads)
        self._model = ultralytics.YOLO(str(path), task="detect")

    @property
    def version(self) -> str:
        """name@first 12 hex digits of the weights' SHA-256."""
        return version(self._manifest, WEIGHTS)

    def detect(self, bgr: Bgr) -> list[Detection]:
        """Plates in a frame of any size, best first, boxes clipped to the frame.

        Args:
            bgr: (h, w, 3) uint8, BGR.

        Raises:
            ValueError: the frame is empty or of another type.
        """
        picture, fit = letterbox(bgr, width=self._manifest.width, height=self._manifest.height)
        with self._turn:
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
