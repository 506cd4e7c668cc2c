"""Keeps the sample clips out of every training.

Plates are told apart by a hash of their text (``is_reserved``); backgrounds, vehicles and cameras by
the seeds they are made from: those of the clips come from a range that training must not touch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

RESERVED_SEEDS = range(9_000_000, 9_100_000)
"""Seeds of the clips' streets, vehicles and cameras."""


def is_reserved(text: str) -> bool:
    """Whether a plate belongs to the sample clips, which no training may see.

    Sixteen in a thousand plates do, told by a hash of the text alone, so that the two sets can be proven
    apart without either knowing the other.
    """
    return hashlib.sha256(b"atalaya-clips:" + text.encode()).digest()[0] < 4


def check_training_seed(seed: int) -> int:
    """Returns a seed that training may use.

    Raises:
        ValueError: it is kept for the clips.
    """
    if seed in RESERVED_SEEDS:
        raise ValueError(
            f"seed {seed} is kept for the sample clips ({RESERVED_SEEDS.start}-{RESERVED_SEEDS.stop - 1})"
        )
    return seed


def leaked_plates(texts: Iterable[str]) -> list[str]:
    """Plates of a training set that belong to the clips; must be empty."""
    return sorted({text for text in texts if is_reserved(text)})
