"""What holds of the bench's figures for any reads."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import record

from edge.bench.align import align, distance
from edge.bench.intervals import band, wilson
from edge.bench.read_rate import Outcome, best_point, curve
from edge.bench.reliability import reliability
from edge.bench.strata import strata

TEXT = st.text("AB01", max_size=7)
LIKELIHOOD = st.floats(0, 1)
OUTCOMES = st.lists(
    st.builds(Outcome, st.booleans(), st.sampled_from([0.1, 0.5, 0.5, 0.9, 0.99]), said=st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(n=st.integers(1, 5000), data=st.data())
def test_wilsons_interval_holds_the_share_and_narrows(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    low, high = wilson(right, n)
    assert 0 <= low <= right / n <= high <= 1
    wider = wilson(right, n)
    narrower = wilson(4 * right, 4 * n)
    assert narrower[1] - narrower[0] <= wider[1] - wider[0] + 1e-12


@settings(deadline=None)
@given(st.integers(1, 400), LIKELIHOOD)
def test_the_band_of_equal_likelihoods_holds_their_share_and_is_the_binomials(n: int, p: float) -> None:
    low, high = band([p] * n)
    assert 0 <= low <= high <= 1
    assert low * n <= math.ceil(p * n)
    assert high * n >= math.floor(p * n)
    spread = math.sqrt(n * p * (1 - p))
    assert n * (high - low) <= 2 * 2.6 * spread + 3


@settings(deadline=None)
@given(TEXT, TEXT)
def test_an_alignment_spells_both_strings_at_the_price_of_the_distance(truth: str, read: str) -> None:
    pairs = align(truth, read)
    assert "".join(a for a, _ in pairs) == truth
    assert "".join(b for _, b in pairs) == read
    assert sum(a != b for a, b in pairs) == distance(truth, read)
    assert ("", "") not in pairs


@settings(deadline=None)
@given(TEXT, TEXT, TEXT)
def test_the_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@settings(deadline=None)
@given(OUTCOMES, st.lists(LIKELIHOOD, min_size=2, max_size=5))
def test_who_may_err_more_reads_no_less(outcomes: list[Outcome], shares: list[float]) -> None:
    found = [best_point(outcomes, false_share=s) for s in sorted(shares)]
    rates = [p.right for p in found]
    assert rates == sorted(rates)
    for point, share in zip(found, sorted(shares), strict=True):
        assert point.false_share <= share
    assert best_point(outcomes, false_share=1.0).right == sum(o.right for o in outcomes if o.said)


@settings(deadline=None)
@given(OUTCOMES)
def test_the_best_threshold_can_be_applied(outcomes: list[Outcome]) -> None:
    for share in (0.04, 0.3):
        point = best_point(outcomes, false_share=share)
        accepted = [o for o in outcomes if o.said and o.likelihood >= point.threshold]
        assert (len(accepted), sum(o.right for o in accepted)) == (point.right + point.wrong, point.right)
    last = curve(outcomes)[-1:]
    assert all(p.right + p.wrong == sum(o.said for o in outcomes) for p in last)


@settings(deadline=None)
@given(OUTCOMES)
def test_every_read_is_in_one_bin(outcomes: list[Outcome]) -> None:
    found = reliability(outcomes)
    assert sum(b.n for b in found.bins) == found.n == sum(o.said for o in outcomes)
    assert 0 <= found.error <= 1
    for each in found.bins:
        assert each.low - 1e-12 <= each.mean <= each.high + 1e-12  # sums round


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXT.filter(bool), TEXT, st.floats(1, 900), st.booleans()), min_size=1, max_size=30)
)
def test_no_plate_is_lost_between_the_strata(plates: list[tuple[str, str, float, bool]]) -> None:
    records = [record(truth, read, width=width, found=found) for truth, read, width, found in plates]
    right = sum(r.raw.text == r.truth for r in records)
    for classes in strata(records).values():
        assert sum(s.raw.n for s in classes.values()) == len(records)
        assert sum(s.raw.right for s in classes.values()) == right


def test_a_band_of_certainties_is_a_point() -> None:
    assert band([1.0] * 7 + [0.0] * 3) == pytest.approx((0.7, 0.7))
