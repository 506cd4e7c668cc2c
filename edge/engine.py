"""The nets and the grammar of one analysing thread, built as the settings say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge.assets import plate_files
from edge.contract.plate import Grammar
from edge.contract.read import ModelVersions
from edge.detect.openvino import OpenVinoDetector
from edge.detect.yolo import YoloDetector
from edge.grammar import load_grammar
from edge.ports import Detector, PlateReader
from edge.read.easyocr_reader import EasyOcrReader
from edge.read.openvino import OpenVinoReader
from edge.settings import VoteSettings
from edge.vote import Vote

Name = Literal["openvino", "torch"]


@dataclass(frozen=True, slots=True)
class Engine:
    """What recognises plates; the nets are not used by two threads at once."""

    detector: Detector
    reader: PlateReader
    grammar: Grammar

    @property
    def models(self) -> ModelVersions:
        """What read a plate, as its message says it."""
        return ModelVersions(detector=self.detector.version, reader=self.reader.version)

    def new_vote(self, settings: VoteSettings, countries: Mapping[str, float]) -> Vote:
        """An empty vote for a new passage."""
        return Vote(grammar=self.grammar, settings=settings, countries=countries)


def build(name: Name, *, threads: int = 1, detector_score: float | None = None) -> Engine:
    """Load the weights and the grammar.

    Args:
        name: what runs the nets: openvino, or torch with ultralytics and easyocr.
        threads: threads of each net.
        detector_score: least score of a detection; None: the threshold that the weights were chosen at.

    Raises:
        AssetError: a weight or grammar file is missing or damaged, or the engine is not installed.
        ConfigError: a grammar file is wrong.
    """
    detector: Detector
    reader: PlateReader
    if name == "torch":
        detector = YoloDetector(threads=threads, least_score=detector_score)
        reader = EasyOcrReader(threads=threads)
    else:
        detector = OpenVinoDetector(threads=threads, least_score=detector_score)
        reader = OpenVinoReader(threads=threads)
    return Engine(detector=detector, reader=reader, grammar=load_grammar(plate_files()))
