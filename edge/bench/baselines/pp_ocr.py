"""PP-OCRv6's recogniser as `rapidocr` runs it: the whole crop as one line of text.

Its text detector is left out: on a crop it costs seconds and often finds no text, and one who knows that the
picture is a plate does without. A plate of two lines is therefore beyond it.
"""

from typing import Any, Final

from edge.bench.baselines.port import Baseline, Guess, installed, versions
from edge.contract.spelling import normalise
from edge.types import Bgr

_PACKAGE: Final = "rapidocr==3.10.0 onnxruntime"


class PpOcr:
    """Reads a line of printed text, on one thread."""

    name = "rapidocr"
    finds = False
    reads_crops = True

    def __init__(self) -> None:
        """Load the weights that the package carries.

        Raises:
            AssetError: the package is not installed.
        """
        rapidocr = installed("rapidocr", package=_PACKAGE)
        installed("onnxruntime", package=_PACKAGE)
        self._engine: Any = rapidocr.RapidOCR(
            params={
                "Global.use_det": False,
                "Global.use_cls": False,
                "Global.text_score": 0.0,
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self.version: Final = versions("rapidocr", "onnxruntime")

    def read(self, bgr: Bgr, *, country: str) -> list[Guess]:  # noqa: ARG002  # it takes no hint
        """What stands on a plate of one line."""
        found = self._engine(bgr, use_det=False, use_cls=False, use_rec=True)
        said = zip(found.txts or (), found.scores or (), strict=True)
        return [Guess(normalise(text), float(score)) for text, score in said if normalise(text)]


def build() -> list[Baseline]:
    """The rows of this baseline.

    Raises:
        AssetError: it is not installed; says what to install.
    """
    return [PpOcr()]
