"""CTC by hand: small posteriors whose likelihoods can be worked out on paper."""

import numpy as np
import pytest

from edge import ctc


def logs(rows: list[list[float]]) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.array(rows)), -1e9).astype(np.float32)


def in_logarithms(posterior: np.ndarray, string: tuple[int, ...]) -> float:
    """The forward algorithm state by state, which never leaves the logarithms."""
    states = [0, *(k for char in string for k in (char, 0))]
    rows = posterior.astype(float)
    forward = [rows[0, k] if place < 2 else -1e30 for place, k in enumerate(states)]
    for row in rows[1:]:
        before = list(forward)
        for place, k in enumerate(states):
            may_skip = place > 2 and k not in (0, states[place - 2])
            came_from = before[max(place - (2 if may_skip else 1), 0) : place + 1]
            forward[place] = max(float(np.logaddexp.reduce(came_from)) + row[k], -1e30)
    return float(np.logaddexp.reduce(forward[-2:]))


TWO = logs([[0.6, 0.4], [0.6, 0.4]])
"""The example of Graves' paper: the best path is empty, the best string is not."""


class TestLikelihood:
    def test_all_ways_to_spell_a_string_are_summed(self) -> None:
        found = np.exp(ctc.log_likelihoods(TWO, [(), (1,), (1, 1)]))
        assert found[:2] == pytest.approx([0.36, 0.64])
        assert found[2] == 0  # two equal characters need a blank between them, and there are two steps

    def test_equal_neighbours_need_a_blank_between(self) -> None:
        posterior = logs([[0, 1], [1, 0], [0, 1]])
        assert np.exp(ctc.log_likelihoods(posterior, [(1,), (1, 1)])) == pytest.approx([0, 1])

    def test_different_neighbours_need_none(self) -> None:
        posterior = logs([[0, 1, 0], [0, 0, 1]])
        assert np.exp(ctc.log_likelihoods(posterior, [(1, 2), (2, 1), (1,)])) == pytest.approx([1, 0, 0])

    def test_a_string_longer_than_the_steps_is_impossible(self) -> None:
        assert ctc.log_likelihoods(TWO, [(1,) * 9])[0] <= -1e29

    def test_candidates_of_any_lengths_do_not_disturb_one_another(self) -> None:
        rng = np.random.default_rng(5)
        posterior = logs(rng.dirichlet(np.ones(5), 12).tolist())
        candidates = [(), (1,), (4, 4, 4), (1, 2, 3, 4, 1, 2), (2, 2)]
        alone = [float(ctc.log_likelihoods(posterior, [c])[0]) for c in candidates]
        assert ctc.log_likelihoods(posterior, candidates) == pytest.approx(alone)

    def test_equals_the_sum_of_logarithms_as_far_as_a_float_goes(self) -> None:
        rng = np.random.default_rng(7)
        weights = np.exp(rng.normal(0, 6, (40, 9)))
        posterior = logs((weights / weights.sum(axis=1, keepdims=True)).tolist())
        candidates = [tuple(rng.integers(1, 9, n).tolist()) for n in (1, 2, 5, 9, 14, 40)]
        truth = np.array([in_logarithms(posterior, c) for c in candidates])
        found = ctc.log_likelihoods(posterior, candidates)
        assert found == pytest.approx(np.where(truth > -745, truth, -1e30))
        assert (found[:4] > -400).all()

    def test_no_sure_step_is_needed_however_many_there_are(self) -> None:
        flat = np.full((97, 37), -np.log(37), np.float32)
        assert ctc.log_likelihoods(flat, ctc.n_best(flat, count=12)).min() > -350

    def test_no_candidates_no_likelihoods(self) -> None:
        assert ctc.log_likelihoods(TWO, []).shape == (0,)

    def test_one_step(self) -> None:
        assert np.exp(ctc.log_likelihoods(logs([[0.25, 0.75]]), [(), (1,)])) == pytest.approx([0.25, 0.75])


class TestGreedy:
    @pytest.mark.parametrize(
        ("path", "string"),
        [
            ([0, 0], ()), ([1, 1], (1,)), ([1, 0, 1], (1, 1)), ([1, 2, 2, 0, 2], (1, 2, 2)), ([0, 3, 3, 0], (3,)),
        ],
    )  # fmt: skip
    def test_repeats_merge_and_blanks_vanish(self, path: list[int], string: tuple[int, ...]) -> None:
        assert ctc.greedy(logs(np.eye(4)[path].tolist())) == string

    def test_the_best_path_is_not_the_best_string(self) -> None:
        assert ctc.greedy(TWO) == ()
        assert ctc.n_best(TWO, count=1) == [(1,)]


class TestNBest:
    def test_the_best_come_first(self) -> None:
        assert ctc.n_best(TWO, count=5) == [(1,), ()]

    def test_no_more_than_asked_for(self) -> None:
        posterior = logs(np.random.default_rng(6).dirichlet(np.ones(6), 8).tolist())
        for count in (1, 3, 12):
            found = ctc.n_best(posterior, count=count)
            assert len(found) == len(set(found)) == count

    def test_where_every_character_is_unlikely_the_likeliest_is_tried(self) -> None:
        flat = np.full((1, 1_000_001), -13.8155, dtype=np.float32)
        flat[0, 7] = -13.0
        assert ctc.n_best(flat, count=1) == [(7,)]
