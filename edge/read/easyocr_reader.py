"""The plate reader through EasyOCR and torch: `engine: torch`, on the very weights that the export came from."""

import importlib
import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edge.assets import checked
from edge.errors import AssetError
from edge.read.manifest import load_manifest
from edge.read.normalise import normalised
from edge.read.posterior import reading
from edge.torch_ready import make_torchvision_importable
from edge.types import Bgr, Reading

NETWORK: Final = "atalaya_plate"
WEIGHTS: Final = tuple(f"{NETWORK}.{suffix}" for suffix in ("pth", "yaml", "py"))


class EasyOcrReader:
    """Reads plates with EasyOCR, which loads our network as a user network.

    EasyOCR's own preparation of pictures and its decoding are passed by: it would scale by height alone, and its
    confidence depends on the number of time steps. `read` may be called from several threads; they take turns.
    """

    def __init__(self, *, threads: int = 1) -> None:
        """Load the shipped weights.

        Args:
            threads: CPU threads of torch, for the whole process.

        Raises:
            AssetError: the weights are missing or damaged, or torch and easyocr are not installed.
        """
        self._manifest, path = load_manifest()
        checked(path, self._manifest.sha256, *WEIGHTS)
        try:
            make_torchvision_importable()
            self._torch: Any = importlib.import_module("torch")
            easyocr: Any = importlib.import_module("easyocr")
        except ImportError as error:
            raise AssetError(
                f"engine torch needs the extra [train] (torch, easyocr): {error}; or set engine: openvino"
            ) from error
        self._torch.set_num_threads(threads)
        reader = easyocr.Reader(
            ["en"],
            gpu=False,
            recog_network=NETWORK,
            model_storage_directory=str(path.parent),
            user_network_directory=str(path.parent),
            detector=False,
            download_enabled=False,
            quantize=False,
            verbose=False,
        )
        self._recogniser = reader.recognizer.eval()
        self._network = getattr(self._recogniser, "module", self._recogniser)
        self._turn = threading.Lock()
        self.version: Final = self._manifest.version(WEIGHTS[0])

    def read(self, crops: Sequence[Bgr]) -> list[Reading]:
        """One reading a crop, in the same order."""
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Bgr) -> Reading:
        torch = self._torch
        picture = torch.from_numpy(normalised(crop).astype(np.float32))[None, None]
        with self._turn, torch.inference_mode():
            seen = (picture / 255 - 0.5) / 0.5
            logits = self._recogniser(seen, None)[0]
            text = (logits / self._manifest.temperature).log_softmax(dim=1).numpy()
            # EasyOCR takes nothing but the text of a network; the second head is asked directly.
            kind = self._network.kind(self._network.features(seen)[1]).log_softmax(dim=1)[0].numpy()
        return reading(
            crop,
            text=np.asarray(text, np.float32),
            kind=np.asarray(kind, np.float32),
            manifest=self._manifest,
        )
