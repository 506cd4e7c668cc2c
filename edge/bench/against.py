"""Baselines beside us: the same figures, on the same pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edge.bench.read_rate import Point, best_points
from edge.bench.record import Look, Record
from edge.bench.rendered import RenderedScore, rendered_scores
from edge.bench.report import WAYS, Way, outcomes
from edge.bench.scores import DetectorScore, SetScore, detector_score, set_scores
from edge.bench.speed import Speed, speed
from edge.contract.plate import Grammar


@dataclass(frozen=True, slots=True)
class Rival:
    """A baseline's figures.

    Attributes:
        finds: whether it found the plates itself; if not, it was given each labelled plate, cut out.
        detector: of one that finds.
        read_rates: its own confidence as the threshold, by share of false reads allowed; over `n` texts. As they
            are (`raw`), and O taken for 0 (`raw_o0`); empty without texts.
        ours: what we reach on these same texts, each way.
        scene: cost of a whole scene, finding and reading.
        plate: cost of a plate that was cut out.
    """

    name: str
    version: str
    finds: bool
    n: int
    sets: dict[str, SetScore]
    detector: DetectorScore | None
    read_rates: dict[Way, dict[float, Point]]
    ours: dict[Way, dict[float, Point]]
    scene: Speed
    plate: Speed
    synth: dict[str, RenderedScore]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        recall = self.detector.recall50 if self.detector else None
        false = self.detector.on_negatives if self.detector else None
        return {
            "name": self.name,
            "version": self.version,
            "finds": self.finds,
            "n": self.n,
            "sets": {
                name: {"n": s.n, "distinct": s.distinct, "found": s.found.share, **s.raw.as_json()}
                for name, s in self.sets.items()
            },
            "recall50": recall.as_json() if recall else None,
            "false_boxes_per_picture": false.per_picture if false else None,
            "read_rate": {way: _points(points) for way, points in self.read_rates.items()},
            "ours_on_the_same": {way: _points(points) for way, points in self.ours.items()},
            "scene": self.scene.as_json(),
            "plate": self.plate.as_json(),
            "synth": {name: score.as_json() for name, score in self.synth.items()},
        }


@dataclass(frozen=True, slots=True)
class Absent:
    """A baseline that could not be asked, and why: what to install."""

    name: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {"name": self.name, "absent": self.why}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a baseline answered, about labelled and about rendered pictures."""

    name: str
    version: str
    finds: bool
    real: Sequence[Look]
    rendered: Sequence[Look]


def rival(asked: Asked, *, ours: Sequence[Record], grammar: Grammar) -> Rival:
    """Judge a baseline.

    Args:
        asked: its answers.
        ours: our records of the labelled pictures.
        grammar: tells a car's string from a motorcycle's.
    """
    records = _texts([r for look in asked.real for r in look.records])
    rendered = [r for look in asked.rendered for r in look.records]
    pictures = {r.path for r in records}
    same = _texts([r for r in ours if r.path in pictures])
    looks = [*asked.real, *asked.rendered]
    return Rival(
        name=asked.name,
        version=asked.version,
        finds=asked.finds,
        n=len(records),
        sets=set_scores(records),
        detector=detector_score(asked.real) if asked.finds else None,
        read_rates=_rates(records, ("raw", "raw_o0")),
        ours=_rates(same, WAYS),
        scene=speed([look.detect for look in looks if look.detect]),
        plate=speed([cost for look in looks for cost in look.reads]),
        synth=rendered_scores(rendered, grammar),
    )


def _rates(records: Sequence[Record], ways: Iterable[Way]) -> dict[Way, dict[float, Point]]:
    return {way: best_points(outcomes(records, way=way)) for way in ways} if records else {}


def _texts(records: list[Record]) -> list[Record]:
    return [r for r in records if r.truth is not None]


def _points(points: dict[float, Point]) -> dict[str, Any]:
    return {f"{share:g}": point.as_json() for share, point in points.items()}
