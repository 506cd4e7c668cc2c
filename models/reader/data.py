"""Batches for the reader: rendered plates photographed anew each time, real crops, and pictures of no plate."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from edge.contract.pattern import ALPHABET
from edge.read.normalise import normalised
from models.reader.view import seen, shaken, taken
from models.synth.arrays import Rng, pick

Image = NDArray[np.uint8]
KEPT = 2000
"""Rendered plates that are kept from training."""
_WORDS_SHARE = 0.7
"""Of the pictures without a plate, those with rendered words, where there are any."""
_WORDS_KEPT = 7
"""Of so many pictures of words one is kept from training."""
LONGEST = 12
"""Characters of a target; the rest of its row is 0."""


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and what it says.

    Attributes:
        picture: (64, 192) uint8.
        lines: its lines; () is no plate, one string where it is not known how a real plate is parted.
        parted: whether `lines` says how the text is parted.
        kind: country and class, -1 unknown.
    """

    picture: Image
    lines: tuple[str, ...]
    parted: bool
    kind: int


class Source:
    """Draws examples.

    Args:
        work: as prepare.py wrote it.
        shares: of real crops and of pictures without a plate, 0..1; the rest are rendered.
        kept: draw the rendered plates that are kept from training instead of the others.
    """

    def __init__(self, work: Path, *, shares: dict[str, float], kept: bool = False) -> None:
        self._grey = np.load(work / "bank" / "grey.npy", mmap_mode="r")
        self._facts = json.loads((work / "bank" / "bank.json").read_text(encoding="utf-8"))
        split = len(self._facts) - KEPT
        self._numbers = (split, len(self._facts)) if kept else (0, split)
        self._real: list[tuple[Image, dict[str, Any]]] = []
        self._streets: list[Image] = []
        self._words: list[Image] = []
        self._shares = shares
        if (work / "crops.json").exists():
            known = json.loads((work / "crops.json").read_text(encoding="utf-8"))
            with np.load(work / "crops.npz") as pictures:
                self._real = [
                    (pictures[f"crop{n}"], fact) for n, fact in enumerate(known) if not fact["fold"]
                ]
                self._streets = [pictures[name] for name in pictures.files if name.startswith("street")]
                self._words = [word for number, word in _words(pictures) if number % _WORDS_KEPT]
        # Sets count by the root of their size, so that one source of many crops is not all that is seen.
        sizes: dict[str, int] = {}
        for _, fact in self._real:
            sizes[fact["set"]] = sizes.get(fact["set"], 0) + 1
        weights = np.array([sizes[fact["set"]] ** -0.5 for _, fact in self._real])
        self._chances = np.cumsum(weights / weights.sum()) if self._real else np.zeros(0)

    def example(self, rng: Rng) -> Example:
        """Draw one."""
        chance = rng.random()
        if self._real and chance < self._shares["real"]:
            crop, fact = self._real[
                min(int(np.searchsorted(self._chances, rng.random())), len(self._real) - 1)
            ]
            lines = tuple(fact.get("lines", (fact["text"],)))
            return Example(normalised(shaken(crop, rng)), lines, parted="lines" in fact, kind=-1)
        if chance > 1 - self._shares["none"]:
            return Example(normalised(self._nothing(rng)), (), parted=True, kind=-1)
        number = int(rng.integers(*self._numbers))
        facts = self._facts[number]
        lines = tuple(facts["lines"])
        behind = pick(rng, self._streets) if self._streets else None
        picture = seen(
            np.asarray(self._grey[number]),
            facts["aspect"],
            rng,
            behind=behind,
            characters=max(len(line) for line in lines),
            ink=facts["ink"],
        )
        return Example(normalised(picture), lines, parted=True, kind=facts["kind"])

    def _nothing(self, rng: Rng) -> Image:
        """A street without a plate, or words that are none."""
        if self._words and rng.random() < _WORDS_SHARE:
            return shaken(pick(rng, self._words), rng)
        ground = (
            pick(rng, self._streets).copy()
            if self._streets
            else np.full((80, 240), int(rng.integers(20, 230)), np.uint8)
        )
        if rng.random() < 0.5:
            words = pick(
                rng,
                (
                    "Sportage",
                    "TAXI",
                    "2026-11-22 08:04:41",
                    "Turbo",
                    "www.transito.gov",
                    "BUS",
                    "Duster",
                    "Cam 01",
                ),
            )
            tone = int(rng.integers(0, 256))
            at = (int(ground.shape[1] * 0.05), int(ground.shape[0] * float(rng.uniform(0.4, 0.9))))
            cv2.putText(
                ground, words, at, int(rng.integers(0, 5)), ground.shape[0] / 70, tone, 2, cv2.LINE_AA
            )
        return taken(ground, rng)


class Stream(IterableDataset[tuple[torch.Tensor, ...]]):
    """Endless batches: pictures (n, 1, 64, 192) uint8, targets, lengths, parted, kinds."""

    def __init__(self, work: Path, *, batch: int, seed: int, shares: dict[str, float]) -> None:
        self._work, self._batch, self._seed, self._shares = work, batch, seed, shares

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        cv2.setNumThreads(1)
        source = Source(self._work, shares=self._shares)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        while True:
            yield collate([source.example(rng) for _ in range(self._batch)])


def scaled(pictures: torch.Tensor) -> torch.Tensor:
    """Bytes to -1..1, as the net takes them."""
    return (pictures.float() / 255 - 0.5) / 0.5


def collate(examples: list[Example]) -> tuple[torch.Tensor, ...]:
    """Stack examples.

    Returns:
        Pictures (n, 1, 64, 192) uint8; targets (n, 3, LONGEST) int64: the upper line, the lower line, both together;
        their lengths (n, 3) int64; whether the parting is known (n,) bool; kinds (n,) int64.
    """
    pictures = np.stack([e.picture for e in examples])[:, None]
    targets = np.zeros((len(examples), 3, LONGEST), np.int64)
    lengths = np.zeros((len(examples), 3), np.int64)
    for row, example in enumerate(examples):
        upper, lower = (*example.lines, "", "")[:2]
        for place, line in enumerate((upper, lower, upper + lower)):
            codes = [ALPHABET.index(c) + 1 for c in line[:LONGEST]]
            targets[row, place, : len(codes)] = codes
            lengths[row, place] = len(codes)
    return (
        torch.from_numpy(pictures),
        torch.from_numpy(targets),
        torch.from_numpy(lengths),
        torch.tensor([e.parted for e in examples]),
        torch.tensor([e.kind for e in examples]),
    )


def real_fold(work: Path) -> dict[str, list[tuple[Image, str]]]:
    """The held-out real crops by set, grey and of any size; none where there are no real ones."""
    if not (work / "crops.json").exists():
        return {}
    known: list[dict[str, Any]] = json.loads((work / "crops.json").read_text(encoding="utf-8"))
    found: dict[str, list[tuple[Image, str]]] = {}
    with np.load(work / "crops.npz") as pictures:
        for number, fact in enumerate(known):
            if fact["fold"]:
                found.setdefault(fact["set"], []).append((pictures[f"crop{number}"], fact["text"]))
    return found


def fold(work: Path) -> dict[str, list[tuple[Image, str]]]:
    """The held-out real crops by set as the net sees them: (64, 192) uint8."""
    return {
        name: [(normalised(crop), text) for crop, text in pairs] for name, pairs in real_fold(work).items()
    }


def lettering_fold(work: Path) -> list[tuple[Image, str]]:
    """Words that training does not see, and of which nothing is to be read; none where there are no words."""
    if not (work / "crops.npz").exists():
        return []
    with np.load(work / "crops.npz") as pictures:
        return [(normalised(word), "") for number, word in _words(pictures) if not number % _WORDS_KEPT]


def _words(pictures: Mapping[str, Image]) -> Iterator[tuple[int, Image]]:
    """Number and picture of what prepare.py found of words that are no plate."""
    for number, name in enumerate(name for name in pictures if name.startswith("word")):
        yield number, pictures[name]


def rendered_fold(work: Path, count: int, *, seed: int) -> list[tuple[Image, str]]:
    """Rendered plates that training does not see."""
    source = Source(work, shares={"real": 0.0, "none": 0.0}, kept=True)
    rng = np.random.default_rng([seed, 99])
    examples = [source.example(rng) for _ in range(count)]
    return [(e.picture, "".join(e.lines)) for e in examples]
