"""The first of the detector's two nets on OpenVINO: it proposes boxes that may be plates."""

from typing import Final

import numpy as np

from edge import net
from edge.assets import checked
from edge.detect.decode import decode
from edge.detect.letterbox import Fit
from edge.detect.manifest import load_manifest
from edge.detect.nets import FirstNet
from edge.errors import AssetError
from edge.types import Bgr, Detection

WEIGHTS: Final = ("plate.xml", "plate.bin")


class Proposer(FirstNet):
    """Proposes plates with the OpenVINO export of our YOLO.

    The exported model takes the letterboxed frame as it is, (1, height, width, 3) uint8 BGR: colour order, scaling
    and layout are part of it.
    """

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load and compile the shipped weights.

        Args:
            threads: CPU threads of the net.
            least_score: least score of a proposal, 0..1; the threshold of the net by itself if None.

        Raises:
            AssetError: the weights are missing or damaged.
        """
        manifest, path = load_manifest()
        super().__init__(manifest, file=WEIGHTS[1], least_score=least_score)
        graph, weights = checked(path, manifest.sha256, *WEIGHTS)
        self._request = net.compiled(net.load(graph, weights), threads=threads).create_infer_request()
        expected = [1, manifest.height, manifest.width, 3]
        found = list(self._request.get_input_tensor().shape)
        if found != expected:
            raise AssetError(f"{graph}: input is {found}, the manifest says {expected}")

    def propose(self, picture: Bgr, fit: Fit) -> list[Detection]:
        """Proposals in a letterboxed frame, in px of the frame, best first."""
        self._request.infer([picture[np.newaxis]])
        raw = self._request.get_output_tensor().data[0].copy()
        return decode(raw, fit=fit, least_score=self._least_score, most_overlap=self._manifest.overlap)
