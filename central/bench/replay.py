"""What a reader said of passages, given to other plates: so that a made-up city errs as the reader does.

The bank (`python -m models.reader.posteriors`) holds posteriors of passages whose truth is known. One of them is a
pattern: how surely it is read, and how its errors go together. On another plate each position takes what the pattern
itself said of that very character, or what a passage that was read about as surely said of it.
"""

import gzip
import json
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

from central.errors import ConfigError
from edge.contract.match import LEAST
from edge.contract.pattern import ALPHABET
from edge.contract.read import Character, CharacterAlternative

BINS: Final = (0.3, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 1 - LEAST)
"""Passages between two of these likelihoods are read about as surely."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What was said of one.

    Attributes:
        picture: tells pictures apart; several passages may show the same.
    """

    picture: int
    truth: str
    plate: str
    likelihood: float
    characters: tuple[Character, ...]

    @property
    def is_plain(self) -> bool:
        """Whether it was read right and so surely that it is taken for nothing else."""
        return self.plate == self.truth and 1.0 - self.likelihood < LEAST


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a plate: the fields of a read that matching looks at."""

    plate: str
    likelihood: float
    characters: tuple[Character, ...]


def load(paths: Iterable[Path], *, half: int) -> list[Passage]:
    """The passages of every second picture.

    Args:
        paths: banks.
        half: 0 or 1: which half of the pictures.

    Raises:
        ConfigError: a bank cannot be read, or has nothing in it.
    """
    found = []
    for path in paths:
        try:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                found += [_passage(json.loads(line)) for line in lines]
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: not a bank of passages: {error}") from error
    found = [passage for passage in found if passage.picture % 2 == half]
    if not found:
        raise ConfigError(f"no passages in {', '.join(map(str, paths))}")
    return found


def _passage(told: dict[str, Any]) -> Passage:
    characters = tuple(
        Character(
            char=char,
            likelihood=likelihood,
            alternatives=tuple(
                CharacterAlternative(char=c, likelihood=p) for c, p in zip(rest[::2], rest[1::2], strict=True)
            ),
        )
        for char, likelihood, *rest in told["characters"]
    )
    plate = "".join(c.char for c in characters)
    return Passage(told["picture"], told["truth"], plate, told["likelihood"], characters)


class Replay:
    """Gives what was said of passages to other plates."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages: Final = passages
        self._said: Final = self._by_character(passages)

    @staticmethod
    def _by_character(passages: Sequence[Passage]) -> dict[tuple[str, int], list[Character]]:
        """What was said where a character stood, by it and by how surely the passage was read."""
        said: defaultdict[tuple[str, int], list[Character]] = defaultdict(list)
        for passage in passages:
            if len(passage.plate) == len(passage.truth):
                surety = bisect_right(BINS, passage.likelihood)
                for char, character in zip(passage.truth, passage.characters, strict=True):
                    said[char, surety].append(character)
        return dict(said)

    def on(self, plate: str, passage: Passage, chance: random.Random) -> Said:
        """What is said of a plate that passes as this passage did.

        Args:
            plate: what it bears.
            passage: the pattern.
            chance: of what other passages said.
        """
        aim = _as_long(plate, passage, chance)
        surety = bisect_right(BINS, passage.likelihood)
        same = len(passage.truth) == len(passage.plate) == len(aim)
        characters = []
        for place, char in enumerate(aim):
            if same and passage.truth[place] == char:
                characters.append(passage.characters[place])
            else:
                characters.append(self._of(char, surety, chance))
        together = passage.likelihood / max(prod(c.likelihood for c in passage.characters), 1e-12)
        likelihood = min(
            prod(c.likelihood for c in characters) * together, *(c.likelihood for c in characters)
        )
        return Said("".join(c.char for c in characters), likelihood, tuple(characters))

    def _of(self, char: str, surety: int, chance: random.Random) -> Character:
        """What was said of a character in passages that were read about so surely; the nearest ones that have it."""
        for away in range(len(BINS) + 1):
            for near in (surety - away, surety + away):
                if said := self._said.get((char, near)):
                    return chance.choice(said)
        return Character(char=char, likelihood=1.0)


def _as_long(plate: str, passage: Passage, chance: random.Random) -> str:
    """The plate, with as many characters lost or made up as in the passage."""
    aim = list(plate)
    for _ in range(len(passage.plate) - len(passage.truth)):
        aim.insert(chance.randrange(len(aim) + 1), chance.choice(ALPHABET))
    for _ in range(len(passage.truth) - len(passage.plate)):
        if len(aim) > 1:
            del aim[chance.randrange(len(aim))]
    return "".join(aim)
