"""Keeps the sample clips and the rendered test set out of every training.

Plates are told apart by a hash of their text (``is_reserved``); backgrounds, vehicles and cameras by
the seeds they are made from: those of the clips and of the test set come from ranges that training must not touch.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

RESERVED_SEEDS = range(9_000_000, 9_100_000)
"""Seeds of the clips' streets, vehicles and cameras."""
TEST_SEEDS = range(9_100_000, 9_200_000)
"""Seeds of rendered test sets."""


def is_reserved(text: str) -> bool:
    """Whether a plate belongs to the sample clips and test sets, which no training may see.

    Sixteen in a thousand plates do, told by a hash of the text alone, so that the two sets can be proven
    apart without either knowing the other.
    """
    return hashlib.sha256(b"atalaya-clips:" + text.encode()).digest()[0] < 4


def check_training_seed(seed: int) -> int:
    """Returns a seed that training may use.

    Raises:
        ValueError: it is kept for the clips or for test sets.
    """
    if seed in TEST_SEEDS:
        raise ValueError(f"seed {seed} is kept for test sets ({TEST_SEEDS.start}-{TEST_SEEDS.stop - 1})")
    if seed in RESERVED_SEEDS:
        raise ValueError(
            f"seed {seed} is kept for the sample clips ({RESERVED_SEEDS.start}-{RESERVED_SEEDS.stop - 1})"
        )
    return seed


def check_test_seed(seed: int) -> int:
    """Returns a seed that a test set may use.

    Raises:
        ValueError: it is one that training or the clips may use.
    """
    if seed not in TEST_SEEDS:
        raise ValueError(f"seed {seed} is no test set's: {TEST_SEEDS.start}-{TEST_SEEDS.stop - 1} are")
    return seed


def leaked_plates(texts: Iterable[str]) -> list[str]:
    """Plates of a training set that belong to the clips and test sets; must be empty."""
    return sorted({text for text in texts if is_reserved(text)})


def overlap(clips: Mapping[str, Any], training: Mapping[str, Any]) -> list[str]:
    """What a training manifest shares with the clips' manifest; must be empty.

    Args:
        clips: sample_videos/manifest.yaml.
        training: a manifest of ``python -m models.synth plates``.

    Raises:
        KeyError: a manifest lacks what would have to be compared.
    """
    shared = [
        f"plate {text}"
        for clip in clips["clips"]
        for text in clip["plates"]
        if text in set(training["plates"])
    ]
    streets, vehicles = training["street_seeds"], training["vehicle_seeds"]
    for clip in clips["clips"]:
        cameras = [camera["id"] for camera in clip["cameras"]]
        for names, (first, last) in (([clip["background"], *cameras], streets), (clip["vehicles"], vehicles)):
            shared += [name for name in names if any(first <= seed <= last for seed in _seeds(name))]
    return sorted(shared)


def _seeds(name: str) -> list[int]:
    """The numbers in a name such as "street-9000011"."""
    return [int(number) for number in re.findall(r"\d+", name)]
