"""Ratios of times, paired by round: their interval, and the power of a test of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from metrics.statistics import Estimate
from metrics.times import Timing, paired_ratio, power_of

ROUNDS = 25


def timing(seconds: NDArray[np.float64]) -> Timing:
    return Timing(tuple(seconds.tolist()))


def noisy(generator: np.random.Generator, scale: float, spread: float) -> Timing:
    return timing(scale * np.exp(spread * generator.standard_normal(ROUNDS)))


def test_a_slow_round_drops_out() -> None:
    pace = (1.0, 5.0, 2.0, 9.0)
    slow = Timing(tuple(10 * one for one in pace))
    ratio = paired_ratio(slow, Timing(pace))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((10.0, 10.0, 10.0))
    assert (ratio.n, ratio.se, ratio.df) == (4, 0.0, 3)


def test_the_lowest_and_the_highest_fifth_of_rounds_are_left_out() -> None:
    slow = Timing((1e-3, 8.0, 10.0, 12.5, 1e6))
    ratio = paired_ratio(slow, Timing((1.0,) * 5))
    assert ratio.value == pytest.approx(10.0)
    assert ratio.df == 2
    # Winsorised values: 8, 8, 10, 12.5, 12.5; as far apart in logarithm as 2 log 1.25.
    assert ratio.se == pytest.approx(math.log(1.25) / (0.6 * math.sqrt(5)))
    assert ratio.low == pytest.approx(10 * math.exp(-4.302653 * math.log(1.25) / 0.6 / 5**0.5))


def test_rounds_of_one_call_alone_do_not_count() -> None:
    slow = Timing((20.0, 30.0), (1, 4))
    quick = Timing((9.0, 2.0, 9.0, 9.0, 3.0))
    ratio = paired_ratio(slow, quick)
    assert ratio.value == pytest.approx(10.0)
    assert ratio.n == 2


def test_a_call_beside_adds_its_time_of_the_round() -> None:
    ratio = paired_ratio(Timing((9.0, 18.0)), Timing((1.0, 2.0)), Timing((1.0, 2.0)))
    assert ratio.value == pytest.approx(5.0)
    assert ratio.n == 2


def test_one_round_has_no_interval() -> None:
    ratio = paired_ratio(Timing((6.0,)), Timing((2.0,)))
    assert ratio.value == pytest.approx(3.0)
    assert math.isnan(ratio.low)
    assert ratio.se is None
    assert math.isnan(power_of(ratio, 0.1))


@pytest.mark.parametrize(
    ("quick", "message"), [(Timing((1.0,), (7,)), "no round"), (Timing((0.0,)), "above 0 s")]
)
def test_calls_without_a_ratio(quick: Timing, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_ratio(Timing((1.0,)), quick)


@pytest.mark.slow
@pytest.mark.parametrize("interrupted", [0.0, 0.2])
def test_the_interval_covers_the_true_ratio(interrupted: float) -> None:
    """Also where one quick call in five takes half as long again, unlike that of a plain mean."""
    generator = np.random.default_rng(1)
    covered, covered_by_mean, true, simulations = 0, 0, 50.0, 500
    for _ in range(simulations):
        quick = np.exp(0.03 * generator.standard_normal(ROUNDS))
        quick *= np.where(generator.random(ROUNDS) < interrupted, 1.5, 1.0)
        slow = noisy(generator, true, 0.03)
        found = paired_ratio(slow, timing(quick))
        covered += found.low <= true <= found.high
        logs = np.log(np.array(slow.seconds) / quick / true)
        half = 2.064 * logs.std(ddof=1) / math.sqrt(ROUNDS)
        covered_by_mean += abs(logs.mean()) <= half
    assert 0.88 <= covered / simulations <= 0.975
    assert (covered_by_mean / simulations < 0.5) == (interrupted > 0)


@pytest.mark.slow
def test_power_is_the_share_of_runs_that_pass() -> None:
    """Round noise of 10 % in both calls: the referee's case, in which 31 % of old runs passed."""
    generator = np.random.default_rng(2)
    claimed, least = 62.5, 0.9 * 62.5
    found = [
        paired_ratio(noisy(generator, claimed, 0.1), noisy(generator, 1.0, 0.1)) for _ in range(500)
    ]
    passed = np.mean([one.low >= least for one in found])
    stated = np.median([power_of(one, 0.1) for one in found])
    assert 0.88 <= passed <= 0.97
    assert stated == pytest.approx(passed, abs=0.05)


@pytest.mark.parametrize(
    ("se", "tolerance", "expected"),
    [
        (1e9, 0.1, 0.025),  # nothing is known: the share of two-sided intervals above the truth
        (-math.log(0.9), 0.1, 0.16),
        (0.028, 0.1, 0.94),
        (1e-6, 0.1, 1.0),
        (0.0, 0.1, 1.0),
    ],
)
def test_power_grows_as_the_spread_shrinks(se: float, tolerance: float, expected: float) -> None:
    ratio = Estimate(60.0, 50.0, 70.0, ROUNDS, se=se, df=14)
    assert power_of(ratio, tolerance) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -0.1])
def test_impossible_tolerances(tolerance: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        power_of(Estimate(1.0, 1.0, 1.0, 2, se=0.1, df=1), tolerance)
