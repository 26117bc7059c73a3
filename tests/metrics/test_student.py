"""Intervals of Student's t against scipy, and where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from metrics.student import student_mean


def test_it_is_scipys_interval() -> None:
    values = np.random.default_rng(0).exponential(size=16)
    found = student_mean(values)
    wanted = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert (found.n, found.df) == (16, 15.0)
    assert found.se == pytest.approx(values.std(ddof=1) / 4)


@pytest.mark.parametrize(("values", "value"), [([], math.nan), ([2.0], 2.0), ([1.0, 2.0], 1.5)])
def test_few_items_have_no_interval(values: list[float], value: float) -> None:
    found = student_mean([*values, math.nan], fewest=3)
    assert found.n == len(values)
    assert found.value == pytest.approx(value, nan_ok=True)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.se is None


def test_mistakes_of_the_caller_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(items,\)"):
        student_mean([[1.0, 2.0]])
    with pytest.raises(ValueError, match="infinite"):
        student_mean([1.0, math.inf])
    with pytest.raises(ValueError, match="at least 2"):
        student_mean([1.0], fewest=1)
