"""Connectionist temporal classification: what a net's posterior says about whole strings. Pure numpy.

A posterior is (steps, 1 + characters): a row of natural log-probabilities a time step, column 0 the blank. A
string's likelihood is the sum over every way to spell it: repeats of a step merge, blanks part and vanish.
Strings are given as sequences of column numbers (1..), so this module knows no alphabet.
Source: Graves et al., "Connectionist Temporal Classification", ICML 2006.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

LogProbs = NDArray[np.float32]
Labels = tuple[int, ...]
_Beam = dict[Labels, tuple[float, float]]

_NEVER = -1e30
"""Stands for log 0; finite, so that the difference of two of them is no NaN."""


def log_likelihoods(log_probs: LogProbs, candidates: Sequence[Labels]) -> NDArray[np.float64]:
    """Log-likelihood of each candidate, by the forward algorithm over all candidates at once.

    Args:
        log_probs: (steps, 1 + characters) float32.
        candidates: strings as column numbers, of any lengths, the empty one included.

    Returns:
        (candidates,) float64, natural logarithms; exact down to about -700, and -1e30 where a string cannot be
        spelt at all or is so unlikely that a float holds no such probability.
    """
    if not candidates:
        return np.zeros(0)
    longest = max(len(c) for c in candidates)
    states = np.zeros((2 * longest + 1, len(candidates)), dtype=np.intp)
    for column, labels in enumerate(candidates):
        states[1 : 2 * len(labels) : 2, column] = labels
    # A character may follow the character before it without a blank, unless they are the same.
    skips = np.zeros(states.shape)
    skips[3::2] = states[3::2] != states[1:-2:2]
    emitted = np.exp(log_probs.astype(np.float64))[:, states]
    # Above the first state stand two that nothing is ever in, so that each has one before it and one before that.
    forward = np.zeros((2 + len(states), len(candidates)))
    here, before, skipped = forward[2:], forward[1:-1], forward[:-2]
    here[:2] = emitted[0, :2]
    for step in emitted[1:]:
        np.multiply(here + before + skips * skipped, step, out=here)
    ends = 2 * np.array([len(c) for c in candidates])
    columns = np.arange(len(candidates))
    total = here[ends, columns] + before[ends, columns]
    found: NDArray[np.float64] = np.log(total, out=np.full(len(candidates), _NEVER), where=total > 0)
    return found


def greedy(log_probs: LogProbs) -> Labels:
    """The string of the best path: the likeliest column of each step, repeats merged, blanks removed."""
    return tuple(k for k, _ in groupby(log_probs.argmax(axis=1).tolist()) if k)


def n_best(log_probs: LogProbs, *, count: int, width: int = 16, floor: float = -6.0) -> list[Labels]:
    """The likeliest strings by prefix beam search, best first.

    Args:
        log_probs: (steps, 1 + characters) float32.
        count: strings wanted at most.
        width: prefixes kept after each step.
        floor: characters of a step below this log-probability are not tried (the step's best always is).

    Returns:
        Up to `count` distinct strings. Their order is that of the search; `log_likelihoods` is exact.
    """
    is_tried = log_probs > floor
    is_tried[np.arange(len(log_probs)), log_probs.argmax(axis=1)] = True
    tried: list[list[int]] = [[] for _ in log_probs]
    for step, label in np.argwhere(is_tried[:, 1:]).tolist():
        tried[step].append(label + 1)
    # A prefix ends in a blank or in its last character; the two are kept apart: (blank, character). All start with a
    # blank's column, so that each has a last one.
    beam: _Beam = {(0,): (1.0, 0.0)}
    for row, labels in zip(np.exp(log_probs.astype(np.float64)).tolist(), tried, strict=True):
        beam = _advance(beam, row=row, labels=labels)
        if len(beam) > width:
            beam = dict(sorted(beam.items(), key=_rank)[:width])
    return [prefix[1:] for prefix, _ in sorted(beam.items(), key=_rank)[:count]]


def _advance(beam: _Beam, *, row: list[float], labels: list[int]) -> _Beam:
    """One time step: every prefix stays (blank or a repeat) or grows by one of the labels."""
    blank = row[0]
    grown = {prefix: ((b + c) * blank, c * row[prefix[-1]]) for prefix, (b, c) in beam.items()}
    for label in labels:
        for prefix, (in_blank, in_char) in beam.items():
            # After the same character a blank has to stand between, or it is no new one.
            came_from = in_blank if prefix[-1] == label else in_blank + in_char
            if came_from > 0:
                longer = (*prefix, label)
                was_blank, was_char = grown.get(longer, (0.0, 0.0))
                grown[longer] = (was_blank, was_char + came_from * row[label])
    return grown


def _rank(item: tuple[Labels, tuple[float, float]]) -> tuple[float, Labels]:
    """Order by likelihood; ties are broken by the string."""
    prefix, (in_blank, in_char) = item
    return -(in_blank + in_char), prefix
