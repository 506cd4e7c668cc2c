"""From the net's time steps to a reading."""

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.types import Reading


def reading(log_probs: NDArray[np.float32], alphabet: str) -> Reading:
    """What a posterior says.

    Args:
        log_probs: (steps, 1 + characters) natural logarithms: the upper line's steps, one that is surely blank, as
            many of the lower line.
        alphabet: characters of columns 1 and up.
    """
    middle = len(log_probs) // 2
    upper, lower = (
        "".join(alphabet[code - 1] for code in ctc.greedy(part))
        for part in (log_probs[:middle], log_probs[middle + 1 :])
    )
    return Reading(
        log_probs=log_probs, alphabet=alphabet, text_raw=upper + lower, lines=2 if upper and lower else 1
    )
