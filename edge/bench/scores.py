"""How many texts were read right, and how many plates were found."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge.bench.align import distance
from edge.bench.intervals import Share, share_of
from edge.bench.labels import NEGATIVES
from edge.bench.record import Look, Record, Said

O0: Final = str.maketrans("O", "0")
ALIKE: Final = str.maketrans("OQDIZSBG", "00012586")
FULLY_LABELLED: Final = ("ro", "co_scene")
"""Sets in whose pictures every plate is labelled, so that a box elsewhere is a false one."""


@dataclass(frozen=True, slots=True)
class TextScore:
    """Texts read right.

    Attributes:
        exact: read exactly.
        merged_o0: share of those that are right if O is taken for 0.
        merged_all: the same, O Q D taken for 0, I for 1, Z for 2, S for 5, B for 8, G for 6: the most that rules
            on a plate's form alone could reach.
        cer: character error rate: edits needed, over the characters of the labels.
    """

    exact: Share
    merged_o0: float
    merged_all: float
    cer: float

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "exact": self.exact.share,
            "exact_interval": list(self.exact.interval),
            "merged_o0": self.merged_o0,
            "merged_all": self.merged_all,
            "cer": self.cer,
        }


@dataclass(frozen=True, slots=True)
class SetScore:
    """Texts of one set.

    Attributes:
        n: labelled texts.
        distinct: different ones among them.
        found: of them, found by the detector; crops need no finding.
        raw: what the reader says by itself.
        decoded: what a camera of the label's country says after one frame.
    """

    n: int
    distinct: int
    found: Share
    raw: TextScore
    decoded: TextScore

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "n": self.n,
            "distinct": self.distinct,
            "found": self.found.share,
            "raw": self.raw.as_json(),
            "decoded": self.decoded.as_json(),
        }


@dataclass(frozen=True, slots=True)
class FalseBoxes:
    """Boxes on no labelled plate: how many, in how many pictures."""

    boxes: int
    pictures: int

    @property
    def per_picture(self) -> float:
        """Boxes a picture."""
        return self.boxes / self.pictures


@dataclass(frozen=True, slots=True)
class DetectorScore:
    """Plates found.

    Attributes:
        recall50: labelled boxes that a detection overlaps by half or more; None without boxes.
        sets: the same by set.
        on_negatives: over the pictures without a plate; None without such pictures.
        on_labelled: over the pictures of the sets in which every plate is labelled; None without such.
    """

    recall50: Share | None
    sets: dict[str, Share]
    on_negatives: FalseBoxes | None
    on_labelled: FalseBoxes | None


def text_score(pairs: Sequence[tuple[str, str]]) -> TextScore:
    """Score (truth, read) pairs, of which there must be one."""
    edits = sum(distance(truth, read) for truth, read in pairs)
    return TextScore(
        exact=Share(sum(truth == read for truth, read in pairs), len(pairs)),
        merged_o0=_merged(pairs, O0),
        merged_all=_merged(pairs, ALIKE),
        cer=edits / sum(len(truth) for truth, _ in pairs),
    )


def set_score(records: Sequence[Record]) -> SetScore:
    """Score records with a truth, of which there must be one."""
    return SetScore(
        n=len(records),
        distinct=len({(r.country, r.truth) for r in records}),
        found=Share(sum(r.found for r in records), len(records)),
        raw=text_score([pair(r, r.raw) for r in records]),
        decoded=text_score([pair(r, r.decoded) for r in records]),
    )


def set_scores(records: Iterable[Record]) -> dict[str, SetScore]:
    """Those with a truth, by set."""
    sets: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.truth is not None:
            sets[record.set_name].append(record)
    return {name: set_score(found) for name, found in sorted(sets.items())}


def detector_score(looks: Sequence[Look]) -> DetectorScore:
    """Score what was found on scenes."""
    scenes = [look for look in looks if look.kind == "scene"]
    boxed = [r for look in scenes for r in look.records if r.width_px is not None]
    sets = {name: [r.found for r in boxed if r.set_name == name] for name in {r.set_name for r in boxed}}
    return DetectorScore(
        recall50=share_of([r.found for r in boxed]),
        sets={name: Share(sum(found), len(found)) for name, found in sorted(sets.items())},
        on_negatives=_false_boxes(scenes, (NEGATIVES,)),
        on_labelled=_false_boxes(scenes, FULLY_LABELLED),
    )


def pair(record: Record, said: Said) -> tuple[str, str]:
    """(truth, read) of a record that has a truth."""
    return record.truth or "", said.text


def _false_boxes(scenes: Sequence[Look], sets: Sequence[str]) -> FalseBoxes | None:
    among = [look.false_boxes for look in scenes if look.set_name in sets]
    return FalseBoxes(sum(among), len(among)) if among else None


def _merged(pairs: Sequence[tuple[str, str]], alike: dict[int, int]) -> float:
    return sum(truth.translate(alike) == read.translate(alike) for truth, read in pairs) / len(pairs)
