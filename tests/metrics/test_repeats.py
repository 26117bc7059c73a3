"""Intervals over repeats and items: by hand, by scipy, with gaps, and pairs by seed number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from metrics.repeats import (
    cochran_df,
    mean_of_independent,
    of_groups,
    paired_table,
    row_table,
    table_interval,
    welch_difference,
)
from metrics.statistics import Estimate, mean_interval, student

NAN = math.nan


def crossed(ratio: float, repeats: int = 4, items: int = 8, seed: int = 0) -> np.ndarray:
    """Scores with effects of repeats and items, and a residual."""
    source = np.random.default_rng(seed)
    found: np.ndarray = (
        math.sqrt(ratio) * source.normal(size=(repeats, 1))
        + source.normal(size=items)
        + 0.3 * source.normal(size=(repeats, items))
    )
    return found


# Tables


def test_seeds_of_one_repeat_are_averaged() -> None:
    scores = {seed: np.array([seed, 10.0 * seed]) for seed in range(5)}
    # Repeats 0 1 2 have the seeds 0 3, 1 4, 2.
    assert row_table(scores, 3).tolist() == [[1.5, 15.0], [2.5, 25.0], [2.0, 20.0]]
    assert row_table(scores, 1).tolist() == [[2.0, 20.0]]
    assert row_table({2: scores[2], 4: scores[4]}, 3).tolist() == [[4.0, 40.0], [2.0, 20.0]]


def test_pairs_go_by_the_number_of_the_seed() -> None:
    a = {0: np.array([1.0, NAN]), 2: np.array([5.0, 7.0])}  # repeat 1 has no schedule
    b = {seed: np.array([10.0 * seed, 1.0]) for seed in range(3)}
    np.testing.assert_array_equal(paired_table(a, b, (3, 3)), [[1.0, NAN], [-15.0, 6.0]])
    np.testing.assert_array_equal(paired_table(b, a, (1, 3)), [[-1.0, NAN], [15.0, -6.0]])
    np.testing.assert_array_equal(paired_table(a, b, (1, 1)), [[-7.0, 6.0]])


def test_a_row_without_repeats_serves_with_its_mean_where_it_lacks_a_seed() -> None:
    a = {seed: np.array([float(seed), 1.0]) for seed in range(3)}
    b = {0: np.array([4.0, 2.0]), 1: np.array([6.0, 4.0])}
    assert paired_table(a, b, (3, 1)).tolist() == [[-5.0, -2.0], [-4.0, -2.0], [-3.0, -2.0]]
    assert paired_table(b, a, (1, 3)).tolist() == [[5.0, 2.0], [4.0, 2.0], [3.0, 2.0]]


def test_rows_without_a_common_seed_have_no_difference() -> None:
    table = paired_table({0: np.ones(3)}, {1: np.ones(3)}, (2, 2))
    assert np.isnan(table).all()
    found = table_interval(table)
    assert found.n == 0
    assert math.isnan(found.value)


def test_clips_are_averaged_by_recording() -> None:
    table = np.array([[1.0, 3.0, NAN, 5.0], [2.0, NAN, NAN, NAN]])
    expected = [[2.0, 5.0], [2.0, NAN]]
    np.testing.assert_array_equal(of_groups(table, [0, 0, 1, 1]), expected)


# Intervals


def test_one_repeat_is_the_interval_over_items() -> None:
    values = crossed(0.0)[0]
    assert table_interval(values[None]) == mean_interval(values)
    assert table_interval(np.stack([values, np.full(8, NAN)])) == mean_interval(values)


def test_the_standard_error_is_that_of_the_analysis_of_variance() -> None:
    table = np.array([[1.0, 2.0, 6.0], [3.0, 2.0, 10.0]])
    # Means of rows 3 and 5, of columns 2, 2, 8, of all 4; residuals -/+ 0, 1, 1.
    ms_repeats, ms_items = 3 * 2.0, 2 * 12.0
    ms_residual = 2 * (0.0 + 1.0 + 1.0) / 2
    found = table_interval(table)
    assert found.value == 4.0
    assert found.se == pytest.approx(math.sqrt((ms_repeats + ms_items - ms_residual) / 6))
    assert found.df == pytest.approx(cochran_df((ms_repeats - ms_residual, 1), (ms_items, 2)))
    assert found.n == 3


def test_without_effects_of_repeats_it_is_the_interval_over_items() -> None:
    table = np.tile(crossed(0.0)[0], (4, 1))
    found, expected = table_interval(table), mean_interval(table[0])
    assert (found.low, found.high, found.df) == pytest.approx(
        (expected.low, expected.high, expected.df)
    )


def test_without_effects_of_items_it_is_the_interval_over_repeats() -> None:
    values = crossed(4.0)[:, :1]
    found, expected = table_interval(np.tile(values, (1, 8))), mean_interval(values[:, 0])
    assert (found.low, found.high, found.df) == pytest.approx(
        (expected.low, expected.high, expected.df)
    )


def test_repeats_that_differ_widen_the_interval() -> None:
    narrow, wide = (table_interval(crossed(ratio)) for ratio in (0.01, 25.0))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_cochrans_degrees_of_freedom_have_the_mean_quantile() -> None:
    quantiles = scipy.stats.t.ppf(0.975, [2, 19])
    expected = (3.0 * quantiles[0] + 1.0 * quantiles[1]) / 4.0
    df = cochran_df((3.0, 2), (1.0, 19))
    assert scipy.stats.t.ppf(0.975, df) == pytest.approx(expected)
    assert cochran_df((0.0, 2), (1.0, 19)) == pytest.approx(19)
    assert cochran_df((1.0, 2), (0.0, 19)) == pytest.approx(2)


def test_an_additive_table_is_filled_exactly() -> None:
    whole = np.array([[0.0], [1.0], [5.0]]) + np.array([1.0, 2.0, 4.0, 8.0])
    gaps = whole.copy()
    gaps[0, 1] = gaps[2, 3] = NAN
    found, expected = table_interval(gaps), table_interval(whole)
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    assert found.n == 4


def test_items_and_repeats_without_scores_are_left_out() -> None:
    table = crossed(1.0)
    wider = np.pad(table, ((0, 1), (0, 1)), constant_values=NAN)
    assert table_interval(wider) == table_interval(table)


def test_equal_scores_are_exact() -> None:
    assert table_interval(np.full((3, 4), 2.0)) == Estimate(2.0, 2.0, 2.0, 4)


def test_a_single_recording_has_no_interval() -> None:
    found = table_interval(np.array([[1.0], [2.0]]))
    assert found.value == 1.5
    assert math.isnan(found.low)


def test_infinite_scores_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="infinite"):
        table_interval(np.array([[1.0, math.inf], [2.0, 3.0]]))
    with pytest.raises(ValueError, match="seeds, items"):
        table_interval(np.ones(3))


# Independent estimates


def test_welch_is_scipys() -> None:
    a, b = crossed(0.0, items=7)[0], 3 * crossed(0.0, items=5, seed=1)[0]
    found = welch_difference(mean_interval(a), mean_interval(b))
    expected = scipy.stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.df == pytest.approx(expected.df)


def test_the_mean_of_independent_estimates() -> None:
    found = mean_of_independent([student(1.0, 3.0, 10, 50), student(3.0, 4.0, 10, 40)])
    assert (found.value, found.se, found.n) == (2.0, 2.5, 40)
    assert found.df == pytest.approx(625 / (81 / 10 + 256 / 10))


def test_nothing_is_known_of_an_estimate_without_standard_error() -> None:
    found = welch_difference(student(1.0, 3.0, 10, 50), Estimate(0.0, -1.0, 1.0, 9))
    assert (found.value, found.n) == (1.0, 9)
    assert math.isnan(found.low)
