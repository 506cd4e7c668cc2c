"""Timing questions: cold, with the files' pages dropped from memory and a new connection; and warm, asked again."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WARM: Final = 7
COLD: Final = 3
"""How often each question is asked."""


@dataclass(frozen=True, slots=True)
class Took:
    """A question's time.

    Attributes:
        cold_ms, warm_ms: medians.
        rows: of its answer.
    """

    cold_ms: float
    warm_ms: float
    rows: int


@contextmanager
def watch(times_ms: list[float]) -> Iterator[None]:
    """Add what the block takes."""
    began = time.perf_counter()
    yield
    times_ms.append((time.perf_counter() - began) * 1000)


def drop(path: Path) -> None:
    """Drop the files' pages from memory, as after a night in which others were read."""
    for file in path.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
