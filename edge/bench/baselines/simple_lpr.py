"""SimpleLPR, a commercial reader, in its evaluation mode: with and without being told the country."""

from typing import Any, Final

import numpy as np

from edge.bench.baselines.port import Baseline, Guess, installed, versions
from edge.contract.spelling import normalise
from edge.types import Bgr, Box

_PACKAGE: Final = "simplelpr==3.6.4.1"
_OF_THE_EU: Final = (
    "Austria", "Belgium", "Bulgaria", "Croatia", "Cyprus", "Czech-Republic", "Denmark", "Estonia", "Finland",
    "France", "Germany", "Greece", "Hungary", "Ireland", "Italy", "Latvia", "Lithuania", "Luxembourg", "Malta",
    "Netherlands", "Poland", "Portugal", "Romania", "Slovakia", "Slovenia", "Spain", "Sweden",
)  # fmt: skip
_NAMES: Final = {
    "AR": ("Argentina",), "BO": ("Bolivia",), "BR": ("Brazil",), "CL": ("Chile",), "CO": ("Colombia",),
    "EC": ("Ecuador",), "EU": _OF_THE_EU, "GT": ("Guatemala",), "PE": ("Peru",), "PY": ("Paraguay",),
    "RO": ("Romania",), "UY": ("Uruguay",), "VE": ("Venezuela",),
}  # fmt: skip
"""What it calls the countries of our labels; it knows none of the others (no state of the USA)."""


class SimpleLpr:
    """Finds and reads plates of scenes and of crops."""

    finds = True
    reads_crops = True

    def __init__(self, *, told: bool) -> None:
        """Start the engine; it brings its weights.

        Args:
            told: whether it is told the label's country, where it knows that.

        Raises:
            AssetError: the package is not installed.
        """
        library = installed("simplelpr", package=_PACKAGE)
        settings = library.EngineSetupParms()
        settings.maxConcurrentImageProcessingOps = 1
        self._engine: Any = library.SimpleLPR(settings)
        self._told = told
        self._processors: dict[str, Any] = {}
        self.name: Final = "simplelpr, told the country" if told else "simplelpr"
        self.version: Final = f"{versions('simplelpr')}, evaluation mode"

    def read(self, bgr: Bgr, *, country: str) -> list[Guess]:
        """What stands on the plates of a picture, one guess a candidate."""
        key = country if self._told and country in _NAMES else ""
        if key not in self._processors:
            self._processors[key] = self._processor(key)
        found = self._processors[key].analyze(np.ascontiguousarray(bgr))
        guesses = (_guess(candidate) for candidate in found)
        return [g for g in guesses if g is not None]

    def _processor(self, country: str) -> Any:  # noqa: ANN401  # the library has no types
        processor = self._engine.createProcessor()
        processor.plateRegionDetectionEnabled = True
        if country:
            named = _NAMES[country]
            for place in range(processor.numSupportedCountries):
                processor.set_countryWeight(place, float(processor.get_countryCode(place) in named))
            processor.realizeCountryWeights()
        return processor


def _guess(candidate: Any) -> Guess | None:  # noqa: ANN401  # the library has no types
    if not candidate.matches:
        return None
    best = max(candidate.matches, key=lambda m: (bool(m.country), m.confidence))
    text = normalise(best.text)
    corners = [(p.x, p.y) for p in candidate.plateRegionVertices]
    if corners and all(x >= 0 or y >= 0 for x, y in corners):
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        box = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    else:
        text_at = best.boundingBox
        box = Box(text_at.left, text_at.top, text_at.width, text_at.height)
    return Guess(text, float(best.confidence), box) if text and box.area > 0 else None


def build() -> list[Baseline]:
    """The rows of this baseline.

    Raises:
        AssetError: it is not installed; says what to install.
    """
    return [SimpleLpr(told=False), SimpleLpr(told=True)]
