"""How long a call takes: the median, its first calls left out."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final, TypeVar

import cv2
import numpy as np

from edge.bench.labels import Picture
from edge.bench.record import Cost
from edge.ports import Detector

WARM_UPS: Final = 3
"""First calls that are left out: they load, allocate and choose kernels."""
_FULL_HD: Final = (1920, 1080)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of a call, medians; None where no call is left.

    Attributes:
        n: calls, the warm-ups left out.
        ms: wall clock.
        cpu_ms: processor time of the process, all threads together.
    """

    n: int
    ms: float | None
    cpu_ms: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {"n": self.n, "warm_ups": WARM_UPS, "ms": self.ms, "cpu_ms": self.cpu_ms}


def timed(call: Callable[[], _T]) -> tuple[_T, Cost]:
    """What a call returns, and what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return found, Cost(time.perf_counter() - wall, time.process_time() - cpu)


def speed(costs: Sequence[Cost]) -> Speed:
    """Medians of calls in their order."""
    warm = costs[WARM_UPS:]
    if not warm:
        return Speed(0, None, None)
    return Speed(len(warm), 1000 * median(c.wall_s for c in warm), 1000 * median(c.cpu_s for c in warm))


def at_full_hd(pictures: Iterable[Picture], detector: Detector) -> Speed:
    """The detector on scenes scaled to 1920 x 1080, from BGR to boxes; the scaling is not counted.

    Raises:
        SourceError: a labelled picture is missing or damaged.
    """
    costs = []
    for picture in pictures:
        frame = np.asarray(cv2.resize(picture.load(), _FULL_HD), dtype=np.uint8)
        costs.append(timed(partial(detector.detect, frame))[1])
    return speed(costs)
