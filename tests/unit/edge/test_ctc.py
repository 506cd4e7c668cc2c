"""CTC by hand: small posteriors whose likelihoods can be worked out on paper."""

import numpy as np
import pytest

from edge import ctc


def logs(rows: list[list[float]]) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.array(rows)), -1e9).astype(np.float32)


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
