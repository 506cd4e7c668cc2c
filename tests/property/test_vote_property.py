"""What holds of the vote whatever the frames say."""

import math
from datetime import timedelta

import numpy as np
from fakes import START, posterior
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.assets import plate_files
from edge.contract.pattern import ALPHABET
from edge.grammar import load_grammar
from edge.settings import VoteSettings
from edge.types import Box, Detection, Observation, Reading, Verdict
from edge.vote import KEPT_FRAMES, Vote

GRAMMAR = load_grammar(plate_files())
WHOLE = Detection(Box(0, 0, 100, 50), 0.9)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """A frame that says one of a few look-alike strings, more or less surely; or noise."""
    text = draw(st.sampled_from(["ABC123", "A8C123", "ABC12S", "ABC1Z3", "AB123", "XX", "TRANSPORTES", ""]))
    log_probs = posterior(text, sure=draw(st.sampled_from([0.3, 0.6, 0.9, 0.999])))
    if draw(st.booleans()):
        log_probs = log_probs[:, np.random.default_rng(draw(st.integers(0, 9))).permutation(37)]
    return Observation(
        START + timedelta(seconds=draw(st.integers(0, 5))),
        WHOLE,
        Reading(log_probs=log_probs, alphabet=ALPHABET, text_raw=text),
        draw(st.sampled_from([0.0, 0.2, 0.5, 0.5, 1.0])),
    )


def verdict(frames: list[Observation]) -> Verdict | None:
    vote = Vote(grammar=GRAMMAR, settings=VoteSettings(), countries={"CO": 1.0, "VE": 0.1})
    for frame in frames:
        vote.add(frame)
    return vote.verdict()


def close(left: Verdict | None, right: Verdict | None) -> bool:
    if left is None or right is None:
        return left is right
    same = (left.plate, left.plate_raw, left.votes, left.frames) == (
        right.plate, right.plate_raw, right.votes, right.frames,
    )  # fmt: skip
    return same and math.isclose(left.likelihood, right.likelihood, rel_tol=1e-6, abs_tol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.lists(observations(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_frames_does_not_matter(frames: list[Observation], random: object) -> None:
    shuffled = list(frames)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert close(verdict(frames), verdict(shuffled))


@settings(deadline=None, max_examples=10)
@given(
    st.lists(observations(), min_size=KEPT_FRAMES + 1, max_size=KEPT_FRAMES + 8),
    st.randoms(use_true_random=False),
)
def test_nor_does_it_where_frames_are_dropped(frames: list[Observation], random: object) -> None:
    shuffled = list(frames)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert close(verdict(frames), verdict(shuffled))


@settings(deadline=None, max_examples=30)
@given(st.lists(observations(), min_size=1, max_size=6))
def test_asking_between_frames_changes_nothing(frames: list[Observation]) -> None:
    vote = Vote(grammar=GRAMMAR, settings=VoteSettings(), countries={"CO": 1.0, "VE": 0.1})
    for frame in frames:
        vote.add(frame)
        vote.verdict()
    assert close(vote.verdict(), verdict(frames))


@settings(deadline=None, max_examples=60)
@given(st.lists(observations(), min_size=1, max_size=6))
def test_a_verdict_is_a_plate_and_its_likelihoods_are_probabilities(frames: list[Observation]) -> None:
    found = verdict(frames)
    if found is None:
        return
    assert 4 <= len(found.plate) <= GRAMMAR.longest
    assert "".join(c.char for c in found.characters) == found.plate
    assert 0 <= found.likelihood <= 1
    assert 0 <= found.votes <= found.frames == len(frames)
    for character in found.characters:
        shares = [character.likelihood, *(a.likelihood for a in character.alternatives)]
        assert sum(shares) <= 1 + 1e-9
        assert character.likelihood >= found.likelihood - 1e-9
        assert len({character.char, *(a.char for a in character.alternatives)}) == len(shares)


@settings(deadline=None, max_examples=40)
@given(observations())
def test_one_frame_is_never_certain(frame: Observation) -> None:
    found = verdict([frame])
    assert found is None or found.likelihood < VoteSettings().certain


@settings(deadline=None, max_examples=20)
@given(observations(), st.integers(2, 6))
def test_the_same_frame_again_is_no_contradiction(frame: Observation, times: int) -> None:
    once, often = verdict([frame]), verdict([frame] * times)
    assert (once is None) is (often is None)
    if once is not None and often is not None and once.likelihood > 0.5:
        assert often.plate == once.plate
        assert often.likelihood >= once.likelihood - 1e-6
