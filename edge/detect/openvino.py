"""The plate detector on OpenVINO: what an edge box runs."""

import threading
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge import net
from edge.assets import checked
from edge.detect.letterbox import letterbox
from edge.detect.proposer import Proposer
from edge.detect.second_look import Manifest, Net, SecondLook, load_manifest, version_with
from edge.detect.views import Grey
from edge.types import Bgr, Detection

WEIGHTS: Final = ("look.xml", "look.bin")


class OpenVinoDetector:
    """Finds plates with the OpenVINO exports of our YOLO and of the second look.

    `detect` may be called from several threads; they take turns.
    """

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load and compile the shipped weights.

        Args:
            threads: CPU threads of the nets.
            least_score: least score of a detection, 0..1; the threshold that the weights were chosen at if None.

        Raises:
            AssetError: the weights are missing or damaged.
        """
        manifest, path = load_manifest()
        self._proposer = Proposer(threads=threads, least_score=manifest.proposal)
        self._look = SecondLook(
            net=_net(manifest, path, threads=threads),
            manifest=manifest,
            least_score=manifest.score if least_score is None else least_score,
        )
        self._turn = threading.Lock()

    @property
    def version(self) -> str:
        """Both nets' names @ 12 hex digits of a SHA-256 over both nets' weights."""
        return version_with(self._proposer.version, self._look.manifest, WEIGHTS[1])

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


def _net(manifest: Manifest, path: Path, *, threads: int) -> Net:
    """The second look's net."""
    graph, weights = checked(path, manifest.sha256, *WEIGHTS)
    request = net.compiled(net.load(graph, weights), threads=threads).create_infer_request()

    def run(near: Grey, far: Grey) -> NDArray[np.float32]:
        request.infer({"near": near[np.newaxis], "far": far[np.newaxis]})
        return np.array(request.get_output_tensor().data[0], np.float32)

    return run
