"""Means with intervals of Student's t, for few items."""

from __future__ import annotations

import math

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike

from metrics.statistics import LEVEL, Estimate


def student_mean(values: ArrayLike, fewest: int = 2) -> Estimate:
    """Estimate a mean over items with its 95 % interval of Student's t.

    NaN is left out, and ``n`` counts the rest.

    Args:
        values: one score per item, ``(items,)``.
        fewest: items below which there is no interval, at least 2.

    Returns:
        Mean with interval, standard error and degrees of freedom; without an interval, bounds are
        NaN.

    Raises:
        ValueError: the array is not one-dimensional, a value is infinite, or ``fewest`` is below 2.

    >>> found = student_mean([1.0, 2.0, 3.0])
    >>> round(found.low, 3), round(found.high, 3), found.df
    (-0.484, 4.484, 2.0)
    """
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1:
        raise ValueError(f"expected one value per item, (items,), not shape {scores.shape}")
    if fewest < 2:
        raise ValueError(f"an interval needs at least 2 items, not {fewest}")
    scores = scores[~np.isnan(scores)]
    if np.isinf(scores).any():
        raise ValueError("a value is infinite: a failed item is NaN")
    n = len(scores)
    value = float(scores.mean()) if n else math.nan
    if n < fewest:
        return Estimate(value, math.nan, math.nan, n)
    se, df = float(scores.std(ddof=1)) / math.sqrt(n), n - 1.0
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, df)) * se
    return Estimate(value, value - half, value + half, n, se=se, df=df)
