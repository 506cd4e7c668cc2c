"""Everything that is said of a run, computed from its looks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from edge.bench.confusion import Confusion, confusion
from edge.bench.intervals import Share
from edge.bench.read_rate import Outcome, Point, at_threshold, best_points
from edge.bench.record import Look, Record, Said
from edge.bench.reliability import Reliability, reliability
from edge.bench.rendered import RenderedScore, rendered_scores
from edge.bench.scores import O0, DetectorScore, FalseBoxes, SetScore, detector_score, pair, set_scores
from edge.bench.speed import Speed, speed
from edge.bench.strata import Strata, strata
from edge.contract.plate import Grammar
from edge.contract.read import ModelVersions

Way = Literal["raw", "decoded", "raw_o0", "decoded_o0"]
"""What is judged, and whether O counts as 0 (some labels write one for the other)."""
WAYS: tuple[Way, ...] = ("raw", "decoded", "raw_o0", "decoded_o0")


@dataclass(frozen=True, slots=True)
class Pooled:
    """All texts of all sets together, judged one way.

    Attributes:
        exact: right, of all.
        read_rates: by share of false reads allowed.
        legible: what the shipped threshold gives.
        reliability: whether the likelihoods hold.
    """

    exact: Share
    read_rates: dict[float, Point]
    legible: Point
    reliability: Reliability

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "exact": self.exact.as_json(),
            "read_rate": {f"{share:g}": point.as_json() for share, point in self.read_rates.items()},
            "legible": self.legible.as_json(),
            "reliability": self.reliability.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found.

    Attributes:
        models: the weights.
        detect: of a labelled scene as it is.
        detect_full_hd: of scenes scaled to 1920 x 1080.
        read: of a crop.
        pooled: by way of judging; empty where no text is labelled.
        confusion: of raw and of decoded strings of plates that were found.
        synth: of rendered plates, by class and by light; they are in no other figure. Empty where none were given.
    """

    models: ModelVersions
    detector: DetectorScore
    detect: Speed
    detect_full_hd: Speed
    read: Speed
    sets: dict[str, SetScore]
    pooled: dict[Way, Pooled]
    strata: Strata
    confusion: dict[Literal["raw", "decoded"], Confusion]
    synth: dict[str, RenderedScore]

    def as_json(self, *, preset: bool = False) -> dict[str, Any]:
        """Plain values, for `json`.

        Args:
            preset: whether the figures that stand directly under a set are the decoded ones, not the raw ones.
        """
        sets = {}
        for name, score in self.sets.items():
            found = score.as_json()
            sets[name] = {**found, **found["decoded" if preset else "raw"]}
        return {
            "models": self.models.model_dump(),
            "detector": _detector_json(self.detector, self.detect, self.detect_full_hd),
            "reader": self.read.as_json(),
            "sets": sets,
            "pooled": {way: pooled.as_json() for way, pooled in self.pooled.items()},
            "strata": {
                by: {name: stratum.as_json() for name, stratum in classes.items()}
                for by, classes in self.strata.items()
            },
            "confusion": {way: found.as_json() for way, found in self.confusion.items()},
            "synth": {name: score.as_json() for name, score in self.synth.items()},
        }


@dataclass(frozen=True, slots=True)
class Run:
    """The looks at what was given, and what is needed to judge them.

    Attributes:
        real: at the labelled pictures.
        rendered: at rendered ones.
        full_hd: time of the detector on scenes of that size.
        legible: least likelihood of a read as shipped.
    """

    real: Sequence[Look]
    rendered: Sequence[Look]
    models: ModelVersions
    grammar: Grammar
    full_hd: Speed
    legible: float

    @property
    def records(self) -> list[Record]:
        """Of the labelled pictures."""
        return [r for look in self.real for r in look.records]


def report(run: Run) -> Report:
    """Compute every figure."""
    texts = [r for r in run.records if r.truth is not None]
    everything = [*run.real, *run.rendered]
    found = [r for r in texts if r.found]
    rendered = [r for look in run.rendered for r in look.records]
    return Report(
        models=run.models,
        detector=detector_score(run.real),
        detect=speed([look.detect for look in everything if look.detect]),
        detect_full_hd=run.full_hd,
        read=speed([cost for look in everything for cost in look.reads]),
        sets=set_scores(texts),
        pooled={way: pooled(texts, way=way, legible=run.legible) for way in WAYS} if texts else {},
        strata=strata(texts) if texts else {},
        confusion={
            "raw": confusion(pair(r, r.raw) for r in found),
            "decoded": confusion(pair(r, r.decoded) for r in found),
        },
        synth=rendered_scores(rendered, run.grammar),
    )


def pooled(records: Sequence[Record], *, way: Way, legible: float) -> Pooled:
    """Judge all texts together, of which there must be one."""
    judged = outcomes(records, way=way)
    return Pooled(
        exact=Share(sum(o.right for o in judged), len(judged)),
        read_rates=best_points(judged),
        legible=at_threshold(judged, legible),
        reliability=reliability(judged),
    )


def outcomes(records: Iterable[Record], *, way: Way) -> list[Outcome]:
    """Judge each text; a plate that was not found, or of which nothing was read, is one of which nothing is said."""
    of: Callable[[Record], Said] = (lambda r: r.raw) if way.startswith("raw") else (lambda r: r.decoded)
    alike = O0 if way.endswith("o0") else {}
    judged = []
    for record in records:
        said = of(record)
        truth, read = pair(record, said)
        same = truth.translate(alike) == read.translate(alike)
        judged.append(Outcome(same, said.likelihood, said=bool(said.text)))
    return judged


def _detector_json(score: DetectorScore, costs: Speed, full_hd: Speed) -> dict[str, Any]:
    recall = score.recall50
    return {
        **costs.as_json(),
        "n": recall.n if recall else 0,
        "recall50": recall.share if recall else None,
        "recall50_interval": list(recall.interval) if recall else None,
        "sets": {name: share.as_json() for name, share in score.sets.items()},
        **_boxes_json("false_boxes_per_picture", "negatives", score.on_negatives),
        **_boxes_json("false_boxes_per_labelled_picture", "labelled", score.on_labelled),
        "calls": costs.n,
        "ms_1080p": full_hd.ms,
        "cpu_ms_1080p": full_hd.cpu_ms,
        "calls_1080p": full_hd.n,
    }


def _boxes_json(name: str, pictures: str, boxes: FalseBoxes | None) -> dict[str, Any]:
    return {name: boxes.per_picture if boxes else None, pictures: boxes.pictures if boxes else 0}
