"""Names for the arrays that the generator passes around, and the seeded streams of chance."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, BGR; or (height, width) uint8 where a mask is meant."""
Floats = NDArray[np.floating[Any]]
"""Any array of floating-point numbers; the docstring beside it says shape and unit."""
Ints = NDArray[np.integer[Any]]
"""Any array of whole numbers."""
Rng = np.random.Generator
_T = TypeVar("_T")


def stream(seed: int, *names: str | int) -> Rng:
    """A generator of chance of its own for each named part, so that one part never disturbs another.

    Args:
        seed: the seed of the whole scene or plate.
        names: the part, for instance ``"vehicle", 3``.
    """
    return np.random.default_rng([seed & 0xFFFFFFFF, *(zlib.crc32(str(name).encode()) for name in names)])


def pick(rng: Rng, choices: Sequence[_T]) -> _T:
    """One of ``choices``, each as likely as the other (numpy's own ``choice`` turns strings into arrays)."""
    return choices[int(rng.integers(len(choices)))]
