"""One frame's part in a vote: what it holds likely, and how far it is to be believed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.contract.seen import Seen
from edge.types import Observation

OUTLIER_BEST: Final = 0.03
"""Probability that a frame of quality 1 says nothing about the plate."""
OUTLIER_WORST: Final = 0.5
"""The same of a frame of quality 0."""
KEPT_CANDIDATES: Final = 48
NEAREST: Final = 12
"""Strings that each frame proposes."""


@dataclass(slots=True)
class Ballot:
    """A frame's part in the vote.

    Attributes:
        log_probs: (steps, 1 + alphabet) float32, as `edge.types.Reading`.
        seen: what it showed beside the characters.
        proposed: strings that this frame holds likely, with their exact log-likelihood here.
        known: log-likelihoods of other frames' candidates, as they were needed.
    """

    captured_at: datetime
    quality: float
    log_probs: NDArray[np.float32]
    alphabet: str
    text_raw: str
    seen: Seen
    proposed: dict[str, float]
    known: dict[str, float] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[float, datetime, bytes]:
        """Order by worth; ties are broken by what the frame is, not by when it came."""
        return self.quality, self.captured_at, self.log_probs.tobytes()

    @property
    def outlier(self) -> float:
        """Probability that the frame says nothing about the plate."""
        return OUTLIER_WORST + (OUTLIER_BEST - OUTLIER_WORST) * self.quality

    def log_likelihoods(self, candidates: list[str]) -> NDArray[np.float64]:
        """(candidates,) exact log-likelihoods."""
        missing = [c for c in candidates if c not in self.known]
        if missing:
            labels = [tuple(self.alphabet.index(char) + 1 for char in c) for c in missing]
            self.known.update(zip(missing, ctc.log_likelihoods(self.log_probs, labels).tolist(), strict=True))
        if len(self.known) > 4 * KEPT_CANDIDATES:
            self.known = {c: self.known[c] for c in candidates}
        return np.array([self.known[c] for c in candidates])


def ballot(observation: Observation) -> Ballot:
    """What a frame says."""
    reading = observation.reading
    proposals = ctc.n_best(reading.log_probs, count=NEAREST)
    exact = ctc.log_likelihoods(reading.log_probs, proposals).tolist()
    proposed = {
        "".join(reading.alphabet[k - 1] for k in labels): log_p
        for labels, log_p in zip(proposals, exact, strict=True)
    }
    return Ballot(
        captured_at=observation.captured_at,
        quality=min(max(observation.quality, 0.0), 1.0),
        log_probs=reading.log_probs,
        alphabet=reading.alphabet,
        text_raw=reading.text_raw,
        seen=Seen(
            lines={reading.lines: 1.0},
            vehicle={v.value: v.likelihood for v in observation.detection.vehicle},
            background=reading.background,
            look=reading.look,
        ),
        proposed=proposed,
        known=dict(proposed),
    )
