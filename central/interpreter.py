"""How Python is set where batches are taken beside threads that compute."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_COLLECT_EVERY: Final = 100_000
"""Objects, by which they are more than before; Python's own is 700."""

_TURN_S: Final = 0.0005
"""A thread's turn while others wait; Python's own is ten times as long."""


@contextmanager
def set_for_batches() -> Iterator[None]:
    """Look for garbage less often, and let threads take shorter turns.

    A batch is tens of thousands of small objects without a cycle among them; walking these, and all that was
    loaded before, over and over cost more than the whole rest of a read (central/bench). Less often than there are
    objects under way, or every collection goes through all of these: 52 us a read at 20,000.

    And it gives the interpreter away with each of some hundred calls of the database: while the sealer computed it
    waited a whole turn after each.
    """
    collected, turn_s = gc.get_threshold(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(turn_s)
        gc.set_threshold(*collected)
        gc.unfreeze()
