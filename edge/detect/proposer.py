"""The first of the detector's two nets on OpenVINO: it proposes boxes that may be plates."""

from typing import Final

import numpy as np

from edge import net
from edge.detect.decode import decode
from edge.detect.letterbox import Fit, letterbox
from edge.detect.manifest import checked_weights, load_manifest, version
from edge.errors import AssetError
from edge.types import Bgr, Detection

WEIGHTS: Final = ("plate.xml", "plate.bin")


class Proposer:
    """Proposes plates with the OpenVINO export of our YOLO.

    The exported model takes the letterboxed frame as it is, (1, height, width, 3) uint8 BGR: colour order, scaling
    and layout are part of it. Not for two threads at once.
    """

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load and compile the shipped weights.

        Args:
            threads: CPU threads of the net.
            least_score: least score of a proposal, 0..1; the threshold of the net by itself if None.

        Raises:
            AssetError: the weights are missing or damaged.
        """
        self._manifest, folder = load_manifest()
        graph, weights = checked_weights(self._manifest, folder, *WEIGHTS)
        self._least_score = self._manifest.score if least_score is None else least_score
        self._request = net.compiled(net.load(graph, weights), threads=threads).create_infer_request()
        expected = [1, self._manifest.height, self._manifest.width, 3]
        found = list(self._request.get_input_tensor().shape)
        if found != expected:
            raise AssetError(f"{graph}: input is {found}, the manifest says {expected}")

    @property
    def version(self) -> str:
        """name@first 12 hex digits of the weights' SHA-256."""
        return version(self._manifest, "plate.bin")

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
        self._request.infer([picture[np.newaxis]])
        raw = self._request.get_output_tensor().data[0].copy()
        return decode(raw, fit=fit, least_score=self._least_score, most_overlap=self._manifest.overlap)
