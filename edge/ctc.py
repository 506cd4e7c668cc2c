"""Connectionist temporal classification: what a net's posterior says about whole strings. Pure numpy.

A posterior is (steps, 1 + characters): a row of natural log-probabilities a time step, column 0 the blank. A
string's likelihood is the sum over every way to spell it: repeats of a step merge, blanks part and vanish.
Strings are given as sequences of column numbers (1..), so this module knows no alphabet.
Source: Graves et al., "Connectionist Temporal Classification", ICML 2006.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LogProbs = NDArray[np.float32]
Labels = tuple[int, ...]

_NEVER = -1e30
"""Stands for log 0; finite, so that differences of two of them are no NaN."""


def log_likelihoods(log_probs: LogProbs, candidates: Sequence[Labels]) -> NDArray[np.float64]:
    """Exact log-likelihood of each candidate, by the forward algorithm over all candidates at once.

    Args:
        log_probs: (steps, 1 + characters) float32.
        candidates: strings as column numbers, of any lengths, the empty one included.

    Returns:
        (candidates,) float64, natural logarithms; about -1e30 where a string cannot be spelt at all.
    """
    if not candidates:
        return np.zeros(0)
    longest = max(len(c) for c in candidates)
    states = np.zeros((len(candidates), 2 * longest + 1), dtype=np.intp)
    for row, labels in enumerate(candidates):
        states[row, 1 : 2 * len(labels) : 2] = labels
    # A character may follow the character before it without a blank, unless they are the same.
    skips = np.zeros(states.shape, dtype=bool)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    emitted = log_probs.astype(np.float64)[:, states]
    forward = np.full(states.shape, _NEVER)
    forward[:, :2] = emitted[0, :, :2]
    for step in emitted[1:]:
        stay_or_move = forward.copy()
        stay_or_move[:, 1:] = np.logaddexp(stay_or_move[:, 1:], forward[:, :-1])
        skipped = np.where(skips[:, 2:], forward[:, :-2], _NEVER)
        stay_or_move[:, 2:] = np.logaddexp(stay_or_move[:, 2:], skipped)
        forward = np.maximum(stay_or_move + step, _NEVER)
    rows = np.arange(len(candidates))
    ends = 2 * np.array([len(c) for c in candidates])
    before = np.where(ends > 0, forward[rows, np.maximum(ends - 1, 0)], _NEVER)
    found: NDArray[np.float64] = np.maximum(np.logaddexp(forward[rows, ends], before), _NEVER)
    return found


def greedy(log_probs: LogProbs) -> Labels:
    """The string of the best path: the likeliest column of each step, repeats merged, blanks removed."""
    best = log_probs.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    return tuple(int(k) for k in best[starts] if k)


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
    # A prefix ends in a blank or in its last character; the two are kept apart: (log blank, log character).
    beam: dict[Labels, tuple[float, float]] = {(): (0.0, _NEVER)}
    for row in log_probs.astype(np.float64):
        chars = np.flatnonzero(row[1:] > floor) + 1
        if not chars.size and row[0] < floor:
            chars = np.array([int(row.argmax())])
        tried = [(int(k), float(row[k])) for k in chars]
        beam = _advance(beam, blank=float(row[0]), chars=tried, row=row, width=width)
    ranked = sorted(beam, key=lambda p: (-_add(*beam[p]), p))
    return ranked[:count]


def _advance(
    beam: dict[Labels, tuple[float, float]],
    *,
    blank: float,
    chars: list[tuple[int, float]],
    row: NDArray[np.float64],
    width: int,
) -> dict[Labels, tuple[float, float]]:
    """One time step: every prefix stays (blank or a repeat) or grows by a character."""
    grown: dict[Labels, tuple[float, float]] = {}
    for prefix, (in_blank, in_char) in beam.items():
        total = _add(in_blank, in_char)
        was_blank, was_char = grown.get(prefix, (_NEVER, _NEVER))
        repeat = in_char + float(row[prefix[-1]]) if prefix else _NEVER
        grown[prefix] = (_add(was_blank, total + blank), _add(was_char, repeat))
        for label, log_p in chars:
            longer = (*prefix, label)
            came_from = in_blank if prefix and prefix[-1] == label else total
            if came_from <= _NEVER:  # a repeat without a blank between: no new character
                continue
            was_blank, was_char = grown.get(longer, (_NEVER, _NEVER))
            grown[longer] = (was_blank, _add(was_char, came_from + log_p))
    if len(grown) <= width:
        return grown
    ranked = sorted(grown.items(), key=lambda item: (-_add(*item[1]), item[0]))
    return dict(ranked[:width])


def _add(a: float, b: float) -> float:
    """log(exp a + exp b), never below log 0's stand-in."""
    high, low = (a, b) if a >= b else (b, a)
    return max(high + math.log1p(math.exp(low - high)), _NEVER)
