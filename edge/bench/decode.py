"""From a reading to a string: by itself, and as a camera that knows its country would."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np

from edge import ctc
from edge.bench.labels import Label, country_code
from edge.bench.record import NOTHING, Said
from edge.engine import Engine
from edge.settings import VoteSettings
from edge.types import Box, Detection, Observation, Reading

Decode = Callable[[Reading, Label, Detection | None], Said]
"""What a reading says, for a plate of that label: its country may be used, its text never. None: not detected."""

_PROPOSALS: Final = 5
_WHOLE: Final = Detection(Box(0, 0, 1, 1), 1.0)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


def likeliest(reading: Reading) -> Said:
    """The string of greatest exact likelihood, without any grammar."""
    proposals = ctc.n_best(reading.log_probs, count=_PROPOSALS)
    exact = ctc.log_likelihoods(reading.log_probs, proposals)
    best = int(exact.argmax())
    text = "".join(reading.alphabet[k - 1] for k in proposals[best])
    return Said(text, min(float(np.exp(exact[best])), 1.0)) if text else NOTHING


def countries_of(label: Label) -> dict[str, float]:
    """The country weights of a camera at the label's place; none where the label names no one place."""
    code = country_code(label.country)
    return {code: 1.0} if code else {}


def by_vote(nets: Engine) -> Decode:
    """Decode by a vote of one frame: its camera is told the label's country; the rest is what the nets say."""
    settings = VoteSettings()

    def decode(reading: Reading, label: Label, detection: Detection | None) -> Said:
        vote = nets.new_vote(settings, countries_of(label))
        vote.add(Observation(_EPOCH, detection or _WHOLE, reading, quality=1.0))
        verdict = vote.verdict()
        return Said(verdict.plate, verdict.likelihood) if verdict else NOTHING

    return decode
