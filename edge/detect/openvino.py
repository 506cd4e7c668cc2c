"""The plate detector on OpenVINO: what an edge box runs."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge import net
from edge.assets import checked
from edge.detect.nets import TwoNets
from edge.detect.proposer import Proposer
from edge.detect.second_look import Manifest, Net, SecondLook, load_manifest
from edge.detect.views import Grey

WEIGHTS: Final = ("look.xml", "look.bin")


class OpenVinoDetector(TwoNets):
    """Finds plates with the OpenVINO exports of our YOLO and of the second look."""

    def __init__(self, *, threads: int = 1, least_score: float | None = None) -> None:
        """Load and compile the shipped weights.

        Args:
            threads: CPU threads of the nets.
            least_score: least score of a detection, 0..1; the threshold that the weights were chosen at if None.

        Raises:
            AssetError: the weights are missing or damaged.
        """
        manifest, path = load_manifest()
        look = SecondLook(
            net=_net(manifest, path, threads=threads),
            manifest=manifest,
            least_score=manifest.score if least_score is None else least_score,
        )
        super().__init__(Proposer(threads=threads, least_score=manifest.proposal), look, file=WEIGHTS[1])


def _net(manifest: Manifest, path: Path, *, threads: int) -> Net:
    """The second look's net."""
    graph, weights = checked(path, manifest.sha256, *WEIGHTS)
    request = net.compiled(net.load(graph, weights), threads=threads).create_infer_request()

    def run(near: Grey, far: Grey) -> NDArray[np.float32]:
        request.infer({"near": near[np.newaxis], "far": far[np.newaxis]})
        return np.array(request.get_output_tensor().data[0], np.float32)

    return run
