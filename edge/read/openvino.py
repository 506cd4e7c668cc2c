"""The plate reader on OpenVINO: what an edge box runs."""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge import net
from edge.assets import checked
from edge.errors import AssetError
from edge.read.manifest import load_manifest
from edge.read.normalise import HEIGHT, WIDTH, normalised
from edge.read.posterior import reading
from edge.types import Bgr, Reading

WEIGHTS: Final = ("reader.xml", "reader.bin")


class OpenVinoReader:
    """Reads plates of one and of two lines with the OpenVINO export of our network.

    `read` may be called from several threads; they take turns. It reads crops one by one: a net for two at once reads
    each in a fifth less time, but is one more to hold (11 MiB a thread), and two are seldom due in one frame
    (models/reader/card.md).
    """

    def __init__(self, *, threads: int = 1) -> None:
        """Load and compile the shipped weights.

        Args:
            threads: CPU threads of the net.

        Raises:
            AssetError: the weights are missing or damaged.
        """
        self._manifest, path = load_manifest()
        graph, weights = checked(path, self._manifest.sha256, *WEIGHTS)
        self._request = net.compiled(net.load(graph, weights), threads=threads).create_infer_request()
        found = list(self._request.get_input_tensor().shape)
        if found != [1, HEIGHT, WIDTH]:
            raise AssetError(f"{graph}: input is {found}, crops are made {[1, HEIGHT, WIDTH]}")
        self._turn = threading.Lock()
        self.version: Final = self._manifest.version(WEIGHTS[1])

    def read(self, crops: Sequence[Bgr]) -> list[Reading]:
        """One reading a crop, in the same order."""
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Bgr) -> Reading:
        with self._turn:
            self._request.infer([normalised(crop)[np.newaxis]])
            text, kind = (np.array(self._request.get_output_tensor(n).data, np.float32) for n in range(2))
        return reading(crop, text=text, kind=kind, manifest=self._manifest)
