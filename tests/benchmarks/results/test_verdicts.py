"""Intervals, and verdicts from intervals, margins and p values."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from benchmarks.results.schema import Comparison
from benchmarks.results.verdicts import Interval, verdict
from metrics.statistics import Estimate, one_sided_p, student


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.01, 0.20, 0.001, "better"),
        (0.01, 0.20, 0.2, "as good"),  # the two tests disagree
        (0.01, 0.20, None, "as good"),
        (0.05, 0.05, None, "better"),  # exact: nothing to test
        (-0.09, 0.05, 0.5, "as good"),
        (-0.30, -0.11, 0.001, "worse"),
        (-0.30, -0.05, 0.001, "undecided"),
        (-0.30, 0.30, 0.9, "undecided"),
        (math.nan, math.nan, math.nan, "undecided"),
    ],
)
def test_verdicts_with_a_margin_of_a_tenth(
    low: float, high: float, p: float | None, expected: str
) -> None:
    found = Interval.of(Estimate((low + high) / 2, low, high, 20))
    assert verdict(found, 0.1, True, p) == expected
    # A metric that falls with quality: the mirror image.
    assert verdict(found.turned(), 0.1, False, p) == expected


@pytest.mark.parametrize(
    ("low", "high", "p", "p_margin", "expected"),
    [
        (0.01, 0.20, 0.001, 0.001, "better"),
        (0.01, 0.20, 0.2, 0.001, "as good"),
        (0.01, 0.20, 0.2, 0.2, "undecided"),
        (-0.09, 0.05, 0.5, 0.04, "as good"),
        (-0.09, 0.05, 0.5, 0.06, "undecided"),
        (-0.30, -0.11, 0.001, 0.04, "worse"),
        (-0.30, -0.11, 0.001, 0.06, "undecided"),  # the interval alone is not enough
        (-0.30, -0.11, 0.06, None, "undecided"),
        (-0.30, -0.11, None, None, "undecided"),
        (-0.20, -0.20, None, None, "worse"),  # exact: nothing to test
    ],
)
def test_interval_and_test_at_the_margin_must_agree(
    low: float, high: float, p: float | None, p_margin: float | None, expected: str
) -> None:
    found = Interval(value=(low + high) / 2, low=low, high=high, n=20)
    assert verdict(found, 0.1, True, p, p_margin) == expected
    assert verdict(found.turned(), 0.1, False, p, p_margin) == expected


def test_a_turned_comparison_has_the_other_test_at_the_margin() -> None:
    found = Comparison(
        row="raw/a-3",
        against="raw/b-3",
        metric="pesq",
        difference=Interval(value=-0.2, low=-0.3, high=-0.15, n=20),
        p_sign_flip=0.001,
        margin=0.1,
        verdict="worse",
        p_margin=0.01,
        p_margin_turned=0.002,
        seeds=6,
    )
    turned = found.turned(higher_is_better=True)
    assert (turned.verdict, turned.p_margin, turned.p_margin_turned) == ("better", 0.002, 0.01)
    assert turned.turned(higher_is_better=True) == found


def test_an_interval_keeps_what_p_values_follow_from() -> None:
    estimate = student(1.0, 0.5, 19, 20, skewness=0.3)
    found = Interval.of(estimate)
    assert found.estimate == estimate
    assert found.one_sided_p(0.2) == one_sided_p(estimate, 0.2)
    assert found.turned().one_sided_p(-0.2, above=False) == pytest.approx(found.one_sided_p(0.2))
    assert Interval(value=1.0, low=0.5, high=2.0, n=20).one_sided_p(0.2) is None


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (-0.20, -0.01, 0.001, "better"),
        (-0.20, -0.01, 0.2, "as good"),
        (-0.05, 0.09, 0.5, "as good"),
        (0.02, 0.09, 0.001, "as good"),  # behind, by less than the margin
        (0.05, 0.30, 0.001, "undecided"),
        (0.11, 0.30, 0.001, "worse"),
        (-0.01, -0.01, None, "better"),  # exact: nothing to test
        (0.11, 0.11, None, "worse"),
        (None, None, None, "undecided"),
    ],
)
def test_a_comparison_read_from_its_other_side(
    low: float | None, high: float | None, p: float | None, expected: str
) -> None:
    value = None if low is None or high is None else (low + high) / 2
    found = Comparison(
        row="raw/a-3",
        against="raw/b-3",
        metric="pesq",
        difference=Interval(value=value, low=low, high=high, n=20),
        p_sign_flip=p,
        margin=0.1,
        verdict="undecided",
        seeds=6,
    )
    turned = found.turned(higher_is_better=True)
    assert turned.verdict == expected
    assert (turned.row, turned.against) == ("raw/b-3", "raw/a-3")
    assert turned.difference == found.difference.turned()
    assert (turned.margin, turned.p_sign_flip) == (found.margin, found.p_sign_flip)


def test_a_turned_interval_has_its_ends_exchanged() -> None:
    found = Interval(value=1.0, low=0.5, high=3.0, n=7)
    assert found.turned() == Interval(value=-1.0, low=-3.0, high=-0.5, n=7)
    assert found.turned().turned() == found
    nothing = Interval(value=None, low=None, high=None, n=0)
    assert nothing.turned() == nothing
    single = Interval(value=2.0, low=None, high=None, n=1)
    assert single.turned() == Interval(value=-2.0, low=None, high=None, n=1)


@pytest.mark.parametrize(
    ("low", "high", "exact"),
    [(1.0, 1.0, True), (0.9, 1.1, False), (None, None, False)],
)
def test_a_value_is_exact_where_both_ends_meet(
    low: float | None, high: float | None, exact: bool
) -> None:
    assert Interval(value=1.0, low=low, high=high, n=3).is_exact is exact


def test_estimates_have_nan_where_documents_have_null() -> None:
    single = Interval.of(Estimate(2.0, math.nan, math.nan, 1))
    assert single == Interval(value=2.0, low=None, high=None, n=1)
    assert single.estimate.value == 2.0
    assert math.isnan(single.estimate.low)
    assert math.isnan(single.estimate.high)
    with pytest.raises(ValidationError):
        Interval(value=math.nan, low=None, high=None, n=1)
