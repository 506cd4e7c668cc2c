"""One run of the bench: us and the baselines, over the same pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edge.bench.against import Absent, Asked, Rival, rival
from edge.bench.baselines.known import BASELINES
from edge.bench.baselines.port import Baseline
from edge.bench.baselines.run import answers, suits
from edge.bench.decode import by_vote
from edge.bench.labels import Picture
from edge.bench.recognise import Recogniser, looks
from edge.bench.record import Look
from edge.bench.report import Run
from edge.bench.speed import WARM_UPS, at_full_hd
from edge.engine import Engine
from edge.errors import AssetError
from edge.settings import VoteSettings

Track = Callable[[Sequence[Picture], str], Iterable[Picture]]
"""Hands pictures on one by one and shows how far it is, under a name."""

_FULL_HD_SCENES: Final = 40


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is looked at: labelled pictures, and rendered ones, which are judged apart."""

    real: Sequence[Picture]
    rendered: Sequence[Picture]


def measure(nets: Engine, pictures: Pictures, *, track: Track) -> Run:
    """Find and read with our own nets.

    Raises:
        SourceError: a labelled picture is missing or damaged.
    """
    recogniser = Recogniser(nets.detector, nets.reader, by_vote(nets))
    scenes = [p for p in pictures.real if not p.is_crop][: WARM_UPS + _FULL_HD_SCENES]
    return Run(
        real=list(looks(track(pictures.real, "pictures"), recogniser)),
        rendered=list(looks(track(pictures.rendered, "rendered"), recogniser)),
        models=nets.models,
        grammar=nets.grammar,
        full_hd=at_full_hd(track(scenes, "1920x1080"), nets.detector),
        legible=VoteSettings().legible,
    )


def ask(names: Iterable[str], pictures: Pictures, run: Run, *, track: Track) -> list[Rival | Absent]:
    """Ask baselines, one after the other; one that is not installed has a row that says so.

    Raises:
        SourceError: a labelled picture is missing or damaged.
    """
    found: list[Rival | Absent] = []
    for name in names:
        try:
            baselines = BASELINES[name]()
        except AssetError as error:
            found.append(Absent(name, str(error)))
            continue
        found += [_judged(baseline, pictures, run, track=track) for baseline in baselines]
    return found


def _judged(baseline: Baseline, pictures: Pictures, run: Run, *, track: Track) -> Rival:
    def asked(among: Sequence[Picture], what: str) -> list[Look]:
        suitable = [p for p in among if suits(p, baseline)]
        return list(answers(track(suitable, f"{baseline.name}: {what}"), baseline))

    answered = Asked(
        name=baseline.name,
        version=baseline.version,
        finds=baseline.finds,
        real=asked(pictures.real, "pictures"),
        rendered=asked(pictures.rendered, "rendered"),
    )
    return rival(answered, ours=run.records, grammar=run.grammar)
