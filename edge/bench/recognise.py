"""How well plates are found and read on labelled pictures.

Crops are read as they are. Scenes go the whole way: a labelled plate counts as read when a detection that
overlaps its box by half or more is cut out and read as what the label says; one that is not found counts as
read wrong. One picture, one frame: no vote, and, unless asked for, no grammar.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from edge import ctc
from edge.bench.labels import NEGATIVES, Label, Picture
from edge.ports import Detector, PlateReader
from edge.read.crop import cut
from edge.types import Bgr, Box, Detection, Reading

MATCH_IOU: Final = 0.5
_PROPOSALS: Final = 5
_O0: Final = str.maketrans("O", "0")
_ALIKE: Final = str.maketrans("OQDIZSBG", "00012586")

Decode = Callable[[Reading, Label], str]
"""What a reading says, for a plate of that label (its country, never its text, may be used)."""


@dataclass(frozen=True, slots=True)
class DetectorScore:
    """Plates found.

    Attributes:
        n: labelled boxes.
        recall50: share of them that a detection overlaps by half or more; None without boxes.
        false_boxes_per_picture: over the pictures without a plate; None without such pictures.
        ms: median of a scene, wall clock; None without scenes.
    """

    n: int
    recall50: float | None
    false_boxes_per_picture: float | None
    ms: float | None


@dataclass(frozen=True, slots=True)
class ReaderScore:
    """Time of the reader: crops read, and the median of one, ms wall clock; None where nothing was read."""

    n: int
    ms: float | None


@dataclass(frozen=True, slots=True)
class SetScore:
    """Texts of one set read right.

    Attributes:
        n: labelled texts.
        exact: share read exactly.
        merged_o0: the same, O taken for 0.
        merged_all: the same, O Q D taken for 0, I for 1, Z for 2, S for 5, B for 8, G for 6: the most that rules
            on a plate's form alone could reach.
        cer: character error rate: edits needed, over the characters of the labels.
    """

    n: int
    exact: float
    merged_o0: float
    merged_all: float
    cer: float


@dataclass(frozen=True, slots=True)
class Report:
    """What `measure` found."""

    detector: DetectorScore
    reader: ReaderScore
    sets: dict[str, SetScore]

    def as_json(self) -> dict[str, Any]:
        """Plain mappings, for `json`."""
        return asdict(self)


class _Tally:
    """Counts while the pictures pass."""

    def __init__(self) -> None:
        self.hits = self.boxes = self.negatives = self.false_boxes = 0
        self.detect_s: list[float] = []
        self.read_s: list[float] = []
        self.texts: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)

    def report(self) -> Report:
        detector = DetectorScore(
            n=self.boxes,
            recall50=self.hits / self.boxes if self.boxes else None,
            false_boxes_per_picture=self.false_boxes / self.negatives if self.negatives else None,
            ms=_median_ms(self.detect_s),
        )
        sets = {name: set_score(pairs) for name, pairs in sorted(self.texts.items())}
        return Report(detector, ReaderScore(len(self.read_s), _median_ms(self.read_s)), sets)


def measure(
    pictures: Iterable[Picture], *, detector: Detector, reader: PlateReader, decode: Decode | None = None
) -> Report:
    """Measure a detector and a reader on pictures; nets are called with one picture at a time.

    Args:
        pictures: consumed one by one, so a progress bar may wrap them.
        detector: of one thread, for times that compare.
        reader: of one thread likewise.
        decode: how a reading becomes a string; `likeliest` if None.

    Raises:
        SourceError: a labelled picture is missing or damaged.
    """
    tally = _Tally()
    for picture in pictures:
        bgr = picture.load()
        if picture.is_crop:
            found: list[Bgr | None] = [bgr for _ in picture.labels]
        else:
            found = _find(bgr, picture, detector, tally)
        for label, crop in zip(picture.labels, found, strict=True):
            if label.plate is None:
                continue
            text = _read(crop, label, reader, decode or likeliest, tally) if crop is not None else ""
            tally.texts[picture.set_name].append((label.plate, text))
    return tally.report()


def likeliest(reading: Reading, label: Label) -> str:  # noqa: ARG001  # a Decode that needs no label
    """The string of greatest exact likelihood, without any grammar."""
    proposals = ctc.n_best(reading.log_probs, count=_PROPOSALS)
    best = proposals[int(ctc.log_likelihoods(reading.log_probs, proposals).argmax())]
    return "".join(reading.alphabet[k - 1] for k in best)


def match(truth: Sequence[Box], found: Sequence[Detection]) -> list[Detection | None]:
    """For each labelled box the detection that overlaps it by half or more; each serves once, best pairs first."""
    pairs = [(box.iou(d.box), i, j) for i, box in enumerate(truth) for j, d in enumerate(found)]
    matched: list[Detection | None] = [None] * len(truth)
    used: set[int] = set()
    for overlap, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if overlap >= MATCH_IOU and matched[i] is None and j not in used:
            matched[i] = found[j]
            used.add(j)
    return matched


def set_score(pairs: Sequence[tuple[str, str]]) -> SetScore:
    """Score (label, read) pairs, of which there must be one."""
    edits = sum(distance(label, read) for label, read in pairs)
    return SetScore(
        n=len(pairs),
        exact=_share(pairs, {}),
        merged_o0=_share(pairs, _O0),
        merged_all=_share(pairs, _ALIKE),
        cer=edits / sum(len(label) for label, _ in pairs),
    )


def distance(first: str, second: str) -> int:
    """Levenshtein's: the least insertions, deletions and substitutions from one to the other."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        above = row
        row = [i]
        for j, b in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def _find(bgr: Bgr, picture: Picture, detector: Detector, tally: _Tally) -> list[Bgr | None]:
    """The crop of each label's detection; None where there is none."""
    start = time.perf_counter()
    found = detector.detect(bgr)
    tally.detect_s.append(time.perf_counter() - start)
    if picture.set_name == NEGATIVES:
        tally.negatives += 1
        tally.false_boxes += len(found)
    boxes = iter(match(picture.boxes, found))
    best = [next(boxes) if label.box is not None else None for label in picture.labels]
    tally.boxes += len(picture.boxes)
    tally.hits += sum(d is not None for d in best)
    return [None if d is None else cut(bgr, d.box) for d in best]


def _read(crop: Bgr, label: Label, reader: PlateReader, decode: Decode, tally: _Tally) -> str:
    start = time.perf_counter()
    (reading,) = reader.read([crop])
    tally.read_s.append(time.perf_counter() - start)
    return decode(reading, label)


def _share(pairs: Sequence[tuple[str, str]], alike: dict[int, int]) -> float:
    return sum(label.translate(alike) == read.translate(alike) for label, read in pairs) / len(pairs)


def _median_ms(seconds: Sequence[float]) -> float | None:
    return 1000 * median(seconds) if seconds else None
