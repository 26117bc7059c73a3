"""One-sided p values and Holm's correction."""

from __future__ import annotations

import math

import pytest
import scipy.stats

from metrics.multiplicity import holm, one_sided_p
from metrics.statistics import Estimate


def estimate(value: float, se: float | None, df: float | None = 9.0) -> Estimate:
    return Estimate(value, math.nan, math.nan, 10, se=se, df=df)


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("boundary", [-0.5, 0.0, 2.0])
def test_it_is_the_t_test_of_scipy(above: bool, boundary: float) -> None:
    values = [0.3, -0.1, 0.9, 0.4, 0.7, 1.1, -0.2, 0.8, 0.5, 0.6]
    mean, se = sum(values) / 10, scipy.stats.sem(values)
    wanted = scipy.stats.ttest_1samp(
        values, boundary, alternative="greater" if above else "less"
    ).pvalue
    assert one_sided_p(estimate(mean, se), boundary, above) == pytest.approx(wanted)


def test_both_sides_add_up_to_one() -> None:
    one = estimate(0.2, 0.1)
    assert one_sided_p(one, 0.1) + one_sided_p(one, 0.1, above=False) == pytest.approx(1.0)


def test_without_degrees_of_freedom_it_is_normal() -> None:
    assert one_sided_p(estimate(1.96, 1.0, None), 0.0) == pytest.approx(0.025, rel=1e-3)


@pytest.mark.parametrize(("boundary", "p"), [(0.9, 0.0), (1.0, 1.0), (1.1, 1.0)])
def test_an_exact_value_is_beyond_or_not(boundary: float, p: float) -> None:
    assert one_sided_p(estimate(1.0, 0.0), boundary) == p
    assert one_sided_p(Estimate(1.0, 1.0, 1.0, 1), boundary) == p


def test_an_interval_alone_has_no_p_value() -> None:
    assert math.isnan(one_sided_p(Estimate(1.0, 0.5, 1.5, 20), 0.0))


def test_holm_keeps_order_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_rejects_less_than_no_correction_and_more_than_bonferroni() -> None:
    p = [0.01, 0.02, 0.04]
    adjusted = holm(p)
    assert all(one >= raw for one, raw in zip(adjusted, p, strict=True))
    assert all(one <= 3 * raw for one, raw in zip(adjusted, p, strict=True))
    assert [one <= 0.05 for one in adjusted] == [True, True, True]  # Bonferroni rejects one


@pytest.mark.parametrize("p", [[-0.1], [1.1], [math.nan]])
def test_what_is_no_p_value_is_refused(p: list[float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p)
