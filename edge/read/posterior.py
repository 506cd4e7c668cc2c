"""From what the net says of a crop to a reading."""

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.contract.seen import Look
from edge.read.colour import background
from edge.read.manifest import Manifest
from edge.types import Bgr, Reading


def reading(
    crop: Bgr, *, text: NDArray[np.float32], kind: NDArray[np.float32], manifest: Manifest
) -> Reading:
    """What the net's two heads say, and the crop's colour.

    Args:
        crop: (h, w, 3) BGR that was read.
        text: (steps, 1 + characters) log-probabilities: the upper line's steps, one that is surely blank, as many of
            the lower line.
        kind: (kinds,) log-probabilities.
        manifest: of these weights.
    """
    middle = len(text) // 2
    upper, lower = (
        "".join(manifest.alphabet[code - 1] for code in ctc.greedy(part))
        for part in (text[:middle], text[middle + 1 :])
    )
    return Reading(
        log_probs=text,
        alphabet=manifest.alphabet,
        text_raw=upper + lower,
        lines=2 if upper and lower else 1,
        background=background(crop),
        look=_look(kind, manifest),
    )


def _look(kind: NDArray[np.float32], manifest: Manifest) -> dict[Look, float]:
    """Shares of the kinds as if all were equally common: what is common at a site is for its grammar to say."""
    even = np.exp(kind.astype(np.float64)) / list(manifest.kinds.values())
    shares = (even / even.sum()).tolist()
    return {look: share for look, share in zip(manifest.looks, shares, strict=True) if look is not None}
