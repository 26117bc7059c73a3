"""Estimates, intervals and tests: closed forms, scipy's own values, coverage."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from metrics.statistics import (
    Estimate,
    holm,
    is_noninferior,
    item_means,
    mean_interval,
    mean_skewness,
    one_sided_p,
    ratio_interval,
    sign_flip_p,
    student,
    two_sided_p,
)

NAN = math.nan


def draw(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


# Exact


def test_item_means_average_the_scored_seeds() -> None:
    means = item_means([[1.0, NAN, NAN], [3.0, 5.0, NAN]])
    np.testing.assert_array_equal(means, [2.0, 5.0, NAN])


def test_interval_of_few_items_is_students() -> None:
    values = draw(9)
    expected = scipy.stats.t.interval(0.95, 8, values.mean(), scipy.stats.sem(values))
    estimate = mean_interval(values)
    assert (estimate.low, estimate.high) == pytest.approx(expected)
    assert (estimate.value, estimate.n, estimate.level) == (values.mean(), 9, 0.95)
    assert (estimate.df, estimate.skewness) == (8, 0.0)


def test_skewed_items_move_the_end_that_students_interval_misses() -> None:
    values = np.exp(draw(20))  # a long tail above, which 20 items show too rarely
    estimate = mean_interval(values)
    low, high = scipy.stats.t.interval(0.95, 19, values.mean(), scipy.stats.sem(values))
    assert estimate.low == pytest.approx(low)
    assert estimate.high > high
    mirrored = mean_interval(-values)
    assert (mirrored.low, mirrored.high) == pytest.approx((-estimate.high, -estimate.low))


def test_skewness_of_a_mean_by_hand() -> None:
    values = np.array([0.0] * 9 + [10.0])
    se = float(values.std(ddof=1)) / math.sqrt(10)  # 1
    third = (9 * (-1.0) ** 3 + 9.0**3) * 10 / (9 * 8)  # unbiased third central moment: 100
    assert se == pytest.approx(1.0)
    assert mean_skewness(values, se) == pytest.approx(third / 10**2)
    assert mean_skewness(values[:9], 1.0) == 0.0


@pytest.mark.parametrize("skewness", [-0.6, -1e-9, 0.0, 0.2, 0.9])
@pytest.mark.parametrize("above", [True, False])
def test_p_is_a_fortieth_at_the_interval_s_end(skewness: float, above: bool) -> None:
    estimate = student(1.0, 0.5, 19, 20, skewness)
    end = estimate.low if above else estimate.high
    assert one_sided_p(estimate, end, above) == pytest.approx(0.025, rel=1e-6)
    assert one_sided_p(estimate, end, not above) > 0.9
    assert two_sided_p(estimate, end) == pytest.approx(0.05, rel=1e-6)


def test_p_without_skewness_is_students() -> None:
    estimate = student(1.0, 0.5, 7, 8)
    assert one_sided_p(estimate, 0.2) == pytest.approx(scipy.stats.t.sf(1.6, 7))
    assert one_sided_p(estimate, 0.2, above=False) == pytest.approx(scipy.stats.t.cdf(1.6, 7))


def test_p_of_exact_and_of_unknown_estimates() -> None:
    exact = Estimate(2.0, 2.0, 2.0, 9)
    assert (one_sided_p(exact, 1.0), one_sided_p(exact, 1.0, above=False)) == (0.0, 1.0)
    assert one_sided_p(exact, 2.0) == 1.0
    assert math.isnan(one_sided_p(Estimate(2.0, 1.0, 3.0, 9), 0.0))
    assert math.isnan(two_sided_p(Estimate(2.0, 1.0, 3.0, 9), 0.0))


def test_holm_by_hand() -> None:
    # Of 4 tests: .01 x 4 = .04; .02 x 3 = .06; .022 x 2 = .044, raised to .06; .3 x 1.
    assert holm([0.3, 0.02, 0.01, 0.022]) == pytest.approx([0.3, 0.06, 0.04, 0.06])
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_nan_is_left_out_and_not_counted() -> None:
    values = draw(9)
    assert mean_interval([NAN, *values, NAN]) == mean_interval(values)


@pytest.mark.parametrize("values", [[], [NAN], [2.0], [2.0, NAN]])
def test_fewer_than_two_items_have_no_interval(values: list[float]) -> None:
    estimate = mean_interval(values)
    assert estimate.n == len(values) - np.isnan(values).sum()
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)
    assert math.isnan(estimate.value) == (estimate.n == 0)


@pytest.mark.parametrize("value", [0.0, 4.5])
def test_equal_items_have_their_value_as_interval(value: float) -> None:
    assert mean_interval([value] * 5) == Estimate(value, value, value, 5)


def test_differences_equal_up_to_rounding_are_exact() -> None:
    b = draw(8)
    estimate = mean_interval((b + 0.1) - b)
    assert estimate.low == estimate.high == pytest.approx(0.1)


@pytest.mark.parametrize(("n", "p"), [(1, 1.0), (2, 0.5), (5, 2 / 32), (6, 2 / 64), (9, 2 / 512)])
def test_sign_flip_of_all_positive_differences_is_exact(n: int, p: float) -> None:
    differences = np.arange(1.0, n + 1)
    assert sign_flip_p(differences, 0) == p
    assert sign_flip_p(-differences, 0) == p


def test_sign_flip_by_hand() -> None:
    # Of the 8 sums +-1 +-2 +-3, two are >= 4 (6, 4), two <= -4.
    assert sign_flip_p([-1.0, 2.0, 3.0, NAN], 0) == 0.5


def test_sign_flip_without_a_difference() -> None:
    assert sign_flip_p([0.0, 0.0, 0.0], 0) == 1.0
    assert math.isnan(sign_flip_p([NAN], 0))


def test_ratio_of_constant_samples() -> None:
    assert ratio_interval([6.0, 6.0], [2.0, 2.0, 2.0], 0) == Estimate(3.0, 3.0, 3.0, 2)
    assert math.isnan(ratio_interval([6.0], [2.0, 2.0], 0).low)


@pytest.mark.parametrize(
    ("low", "high", "higher_is_better", "verdict"),
    [
        (-0.09, 0.5, True, True),
        (-0.10, 0.5, True, False),  # on the margin is not inside it
        (-0.5, 0.09, True, False),
        (-0.5, 0.09, False, True),
        (-0.5, 0.10, False, False),
        (NAN, NAN, True, False),
        (NAN, NAN, False, False),
    ],
)
def test_noninferiority(low: float, high: float, higher_is_better: bool, verdict: bool) -> None:
    assert is_noninferior(Estimate(0.0, low, high, 9), 0.1, higher_is_better) is verdict


# Property


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30))
def test_interval_holds_the_mean(values: list[float]) -> None:
    found = mean_interval(values)
    rounding = 1e-12 * max(map(abs, values))
    assert found.low - rounding <= found.value <= found.high + rounding


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_raises_every_p_and_keeps_their_order(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(p <= q <= 1.0 for p, q in zip(values, adjusted, strict=True))
    ranked = [adjusted[i] for i in sorted(range(len(values)), key=lambda i: values[i])]
    assert ranked == sorted(ranked)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=9))
def test_p_is_a_probability_blind_to_the_sign(differences: list[float]) -> None:
    p = sign_flip_p(differences, 0)
    assert 2 / 2 ** len(differences) <= p <= 1.0
    assert sign_flip_p([-d for d in differences], 0) == p


def test_sampled_p_is_near_the_exact_one() -> None:
    differences = draw(12) + 0.5
    exact, sampled = sign_flip_p(differences, 0), sign_flip_p(differences, 0, resamples=2_000)
    # Two tails of 2000 draws each: a standard deviation of 2 sqrt(p / 2 / 2000) at most; 4 of them.
    assert sampled != exact
    assert sampled == pytest.approx(exact, abs=4 * 2 * math.sqrt(exact / 2 / 2_000))


def test_inputs_are_left_alone() -> None:
    values = np.array([[1.0, NAN], [3.0, 4.0]])
    before = values.copy()
    item_means(values)
    mean_interval(values[1])
    sign_flip_p(values[1], 0)
    np.testing.assert_array_equal(values, before)


def test_ratio_interval_covers_and_narrows() -> None:
    top, bottom = 10 + draw(400, 1), 5 + 0.5 * draw(400, 2)
    wide, narrow = ratio_interval(top[:20], bottom[:20], 0), ratio_interval(top, bottom, 0)
    assert narrow.low < 2.0 < narrow.high
    assert narrow.high - narrow.low < wide.high - wide.low


# Contract


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: item_means([1.0, 2.0]), "seeds, items"),
        (lambda: mean_interval([[1.0]]), "one value per item"),
        (lambda: mean_interval([1.0, math.inf]), "infinite"),
        (lambda: holm([0.5, 1.5]), "from 0 to 1"),
        (lambda: holm([math.nan]), "from 0 to 1"),
        (lambda: is_noninferior(Estimate(0, 0, 0, 2), 0.0, True), "margin"),
        (lambda: ratio_interval([], [1.0], 0), "above 0"),
        (lambda: ratio_interval([1.0], [0.0], 0), "above 0"),
    ],
)
def test_mistakes_of_the_caller(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
