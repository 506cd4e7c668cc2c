"""platedet's YOLOv8s and PP-OCRv6's recogniser behind it: what one would put together from packages."""

from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np

from edge.bench.baselines.port import Baseline, Guess, installed, versions
from edge.bench.baselines.pp_ocr import PpOcr
from edge.read.crop import cut
from edge.types import Bgr, Box

_PACKAGE: Final = "--no-deps platedet==0.0.2 (and onnxruntime, pillow)"


class PlateDetWithPpOcr:
    """Finds plates with platedet at its own thresholds, on one thread, and reads each with `PpOcr`."""

    name = "platedet + PP-OCRv6"
    finds = True
    reads_crops = False

    def __init__(self) -> None:
        """Load the weights that the packages carry.

        Raises:
            AssetError: a package is not installed.
        """
        self._reader = PpOcr()
        options = installed("onnxruntime", package=_PACKAGE).SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._net: Any = installed("platedet", package=_PACKAGE).Platedet(sess_options=options)
        self.version: Final = f"{versions('platedet')}, {self._reader.version}"

    def read(self, bgr: Bgr, *, country: str) -> list[Guess]:
        """What stands on the plates of a scene; one that cannot be read is a guess without a text."""
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        found = self._net.inference(rgb, return_types=["boxes"]).get("boxes", {"boxes": ()})
        guesses = []
        for left, top, right, bottom in np.asarray(found["boxes"], dtype=float).reshape(-1, 4):
            if right <= left or bottom <= top:
                continue
            box = Box(left, top, right - left, bottom - top)
            read = self._reader.read(cut(bgr, box), country=country) or [Guess("", 0.0)]
            guesses.append(replace(read[0], box=box))
        return guesses


def build() -> list[Baseline]:
    """The rows of this baseline.

    Raises:
        AssetError: it is not installed; says what to install.
    """
    return [PlateDetWithPpOcr()]
