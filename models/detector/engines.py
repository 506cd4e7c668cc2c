"""The detector's weights on every engine they are exported for, as measure.py looks at them.

Training and export measure with these: any checkpoint, any export, any input size. What an edge box runs is
edge/detect/openvino.py and yolo.py; letterbox and decoding are theirs.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from edge.detect.decode import decode
from edge.detect.letterbox import Fit, letterbox
from edge.detect.manifest import MANIFEST, Manifest
from edge.detect.nets import FirstNet
from edge.detect.window import Window
from edge.net import compiled, load
from edge.types import Bgr, Detection

Net = Callable[[Bgr], NDArray[np.float32]]
"""From a letterboxed picture (height, width, 3) uint8 BGR to the head's output (5, n) float32."""


class NetDetector:
    """A detector from a bare net."""

    def __init__(self, net: Net, *, size: tuple[int, int], least_score: float, overlap: float = 0.5) -> None:
        """Detect with `net` at input size (width, height) px."""
        self._net, self._size = net, size
        self._least_score, self._overlap = least_score, overlap

    def detect(self, bgr: Bgr) -> list[Detection]:
        """Plates in a frame of any size, best first, boxes clipped to the frame."""
        picture, fit = letterbox(bgr, width=self._size[0], height=self._size[1])
        return decode(self._net(picture), fit=fit, least_score=self._least_score, most_overlap=self._overlap)


def planes(picture: Bgr) -> NDArray[np.float32]:
    """Turn a picture into the input of a net without baked-in preprocessing: (1, 3, h, w) RGB in 0..1."""
    return np.ascontiguousarray(picture[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def torch_net(checkpoint: Path) -> Net:
    """Load an ultralytics checkpoint (its averaged weights where it has them) for torch on the CPU."""
    import torch
    from ultralytics.nn.tasks import load_checkpoint

    model = load_checkpoint(str(checkpoint), device="cpu")[0].float().eval().fuse(verbose=False)

    def run(picture: Bgr) -> NDArray[np.float32]:
        with torch.inference_mode():
            output = model(torch.from_numpy(planes(picture)))
        return np.asarray(output[0][0].numpy(), np.float32)

    return run


def onnx_net(path: Path, *, threads: int = 1) -> Net:
    """Load an ONNX export into ONNX Runtime."""
    import onnxruntime  # of the training set, while the rest of this file needs only what a box has

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(picture: Bgr) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {name: planes(picture)})[0][0], np.float32)

    return run


def openvino_net(graph: Path | openvino.Model, *, threads: int = 1) -> Net:
    """Compile an OpenVINO export, whose input is the picture as it is, for the CPU."""
    model = load(graph) if isinstance(graph, Path) else graph
    request = compiled(model, threads=threads).create_infer_request()

    def run(picture: Bgr) -> NDArray[np.float32]:
        request.infer([picture[np.newaxis]])
        return np.array(request.get_output_tensor().data[0], np.float32)

    return run


class Exported(FirstNet):
    """Proposes with an export that is not shipped, as edge/detect/proposer.py does with the one that is."""

    def __init__(self, folder: Path, *, least_score: float | None = None) -> None:
        """Load plate.json and plate.xml of a folder.

        Raises:
            AssetError: OpenVINO cannot read the net.
            FileNotFoundError: there is no manifest.
        """
        manifest = Manifest.model_validate_json((folder / Path(MANIFEST).name).read_bytes())
        super().__init__(manifest, file="plate.bin", least_score=least_score)
        self._net = openvino_net(folder / "plate.xml")

    def propose(self, picture: Bgr, fit: Fit, windows: Sequence[Window]) -> list[Detection]:
        """Proposals in a letterboxed frame, in px of the frame, best first; always of the whole frame."""
        del windows  # training looks at whole frames
        return decode(
            self._net(picture),
            fit=fit,
            least_score=self._least_score,
            most_overlap=self._manifest.overlap,
        )
