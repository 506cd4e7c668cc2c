"""The first of the detector's two nets on OpenVINO: it proposes boxes that may be plates."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino
from numpy.typing import NDArray

from edge import net
from edge.assets import checked
from edge.detect import head
from edge.detect.decode import decode
from edge.detect.letterbox import Fit
from edge.detect.manifest import load_manifest
from edge.detect.nets import FirstNet
from edge.detect.window import PART, Window
from edge.errors import AssetError
from edge.types import Bgr, Detection

WEIGHTS: Final = ("plate.xml", "plate.bin")
_MAPS: Final = tuple(
    (f"/model.22/cv2.{n}/cv2.{n}.2/Conv", f"/model.22/cv3.{n}/cv3.{n}.2/Conv") for n in range(3)
)
"""The convolutions that end the net's head: what follows in the file is arithmetic for one input size."""

Look = Callable[[Bgr], NDArray[np.float32]]
"""(h, w, 3) uint8 to rows as `decode` takes them."""


class Proposer(FirstNet):
    """Proposes plates with the OpenVINO export of our YOLO.

    The exported model takes the letterboxed frame as it is, (1, height, width, 3) uint8 BGR: colour order, scaling
    and layout are part of it. It is run at the sizes of window.py, each made ready when it is first asked for: a
    camera with a region needs no other, and each costs a box 25 MB.
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
        expected = [1, manifest.height, manifest.width, 3]
        model = net.load(graph, weights)
        found = list(model.input(0).shape)
        if found != expected:
            raise AssetError(f"{graph}: input is {found}, the manifest says {expected}")
        self._ready: Callable[[tuple[int, int]], Look] = cache(
            lambda size: _look(model.clone(), graph, size, threads, self._least_score)
        )
        self._ready(PART)

    def propose(self, picture: Bgr, fit: Fit, windows: Sequence[Window]) -> list[Detection]:
        """Proposals in these parts of a letterboxed frame, in px of the frame, best first."""
        raw = [self._rows(picture, window) for window in windows]
        joined = np.concatenate(raw, axis=1) if raw else np.zeros((5, 0), np.float32)
        return decode(joined, fit=fit, least_score=self._least_score, most_overlap=self._manifest.overlap)

    def _rows(self, picture: Bgr, window: Window) -> NDArray[np.float32]:
        part = picture[window.y : window.y + window.height, window.x : window.x + window.width]
        rows = self._ready((window.width, window.height))(np.ascontiguousarray(part))
        return window.whole(rows, width=self._manifest.width, height=self._manifest.height)


def _look(model: Any, graph: Path, size: tuple[int, int], threads: int, least_score: float) -> Look:  # noqa: ANN401
    """The net at this width and height.

    Raises:
        AssetError: it is no YOLOv8 of ours.
    """
    ops = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
    missing = [name for pair in _MAPS for name in pair if name not in ops]
    if missing:
        raise AssetError(f"{graph}: it has no {missing[0]}: another net than the one that this version runs")
    ends = [ops[name].output(0) for pair in _MAPS for name in pair]
    cut = openvino.Model(ends, model.get_parameters(), "plate")
    cut.reshape([1, size[1], size[0], 3])
    request = net.compiled(cut, threads=threads).create_infer_request()

    def run(picture: Bgr) -> NDArray[np.float32]:
        request.infer([picture[np.newaxis]])
        maps = [request.get_output_tensor(n).data[0] for n in range(2 * len(_MAPS))]
        return head.rows(list(zip(maps[::2], maps[1::2], strict=True)), least_score=least_score)

    return run
