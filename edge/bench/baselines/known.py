"""The baselines by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from edge.bench.baselines import plate_det, pp_ocr, simple_lpr, stock_easyocr
from edge.bench.baselines.port import Baseline

BASELINES: Final[Mapping[str, Callable[[], list[Baseline]]]] = MappingProxyType(
    {
        "easyocr": stock_easyocr.build,
        "rapidocr": pp_ocr.build,
        "platedet": plate_det.build,
        "simplelpr": simple_lpr.build,
    }
)
"""Each builds its rows of the table, or raises AssetError with what to install."""
