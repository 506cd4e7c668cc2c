"""CTC against brute force: on small alphabets every path can be written down."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge import ctc


@st.composite
def posteriors(draw: st.DrawFn, *, steps: int = 6, characters: int = 3) -> np.ndarray:
    """(1..steps, 1 + 1..characters) float32 log-probabilities, some of them almost impossible."""
    shape = draw(st.integers(1, steps)), 1 + draw(st.integers(1, characters))
    weights = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([1e-9, 0.01, 0.2, 0.5, 1.0])))
    return np.log(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def by_hand(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """Every string's probability, by writing down every path."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        string = tuple(k for k, _ in itertools.groupby(path) if k)
        share = float(np.exp(sum(float(log_probs[t, k]) for t, k in enumerate(path))))
        found[string] = found.get(string, 0.0) + share
    return found


@settings(deadline=None, max_examples=50)
@given(posteriors())
def test_likelihoods_are_those_of_all_paths(log_probs: np.ndarray) -> None:
    truth = by_hand(log_probs)
    strings = sorted(truth)
    found = np.exp(ctc.log_likelihoods(log_probs, strings))
    assert found == pytest.approx([truth[s] for s in strings], abs=1e-6)
    assert found.sum() == pytest.approx(1, abs=1e-4)


@settings(deadline=None, max_examples=50)
@given(posteriors())
def test_a_wide_beam_finds_the_best_strings_in_order(log_probs: np.ndarray) -> None:
    truth = by_hand(log_probs)
    best = sorted(truth.values(), reverse=True)[:4]
    found = ctc.n_best(log_probs, count=4, width=10_000, floor=-1e9)
    assert [truth[s] for s in found] == pytest.approx(best, abs=1e-6)


@settings(deadline=None)
@given(posteriors(steps=12, characters=5), st.integers(1, 8))
def test_a_narrow_beam_still_gives_distinct_strings_that_can_be_spelt(
    log_probs: np.ndarray, count: int
) -> None:
    found = ctc.n_best(log_probs, count=count)
    assert 1 <= len(found) <= count
    assert len(set(found)) == len(found)
    assert all(1 <= k < log_probs.shape[1] for s in found for k in s)
    assert (ctc.log_likelihoods(log_probs, found) > -1e29).all()


@settings(deadline=None)
@given(posteriors())
def test_the_best_string_is_at_least_as_likely_as_the_best_path(log_probs: np.ndarray) -> None:
    path = float(log_probs.max(axis=1).sum())
    string = ctc.n_best(log_probs, count=1, width=10_000, floor=-1e9)
    assert ctc.log_likelihoods(log_probs, string)[0] >= path - 1e-4


@settings(deadline=None)
@given(posteriors())
def test_a_blank_step_between_two_posteriors_joins_their_strings(log_probs: np.ndarray) -> None:
    """How two lines are joined (`Reading.log_probs`): each string of one with each of the other."""
    blank = np.full((1, log_probs.shape[1]), -1e9, dtype=np.float32)
    blank[0, 0] = 0
    joined = np.concatenate([log_probs, blank, log_probs])
    (left,) = ctc.n_best(log_probs, count=1)
    alone = float(ctc.log_likelihoods(log_probs, [left])[0])
    assert ctc.log_likelihoods(joined, [left + left])[0] >= 2 * alone - 1e-4
