"""Statistics of per-item scores: estimates with intervals, p values, and tests.

Items are the sampling unit. Noise seeds are repeats of an item: average over seeds first
(`item_means`). An interval over single seeds would be too narrow. :mod:`metrics.repeats` has
intervals for scores that vary between trainings and searches as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
RESAMPLES = 9_999
BATCH_VALUES = 1_000_000  # signs drawn at a time: 8 MB
LEAST_FOR_SKEWNESS = 10  # fewer values say next to nothing about their skewness


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval; bounds are NaN where there is no interval.

    Intervals of Student's t also give standard error, degrees of freedom and skewness, from which
    follow intervals of other levels and p values; None for other intervals.
    """

    value: float
    low: float
    high: float
    n: int  # number of items
    level: float = LEVEL
    se: float | None = None
    df: float | None = None
    skewness: float | None = None  # of the value's own distribution; 0: the plain t


def student(value: float, se: float, df: float, n: int, skewness: float = 0.0) -> Estimate:
    """Make an estimate with the 95 % interval of Student's t, corrected for skewness.

    Each end is the wider of two: that of Student's t, and that of Hall's transformed t (1992,
    Journal of the Royal Statistical Society B 54, pages 221 to 228). Student's covers too little
    of skewed data, Hall's too little of symmetric data with heavy tails.

    Args:
        value: the estimate.
        se: its standard error, above 0.
        df: degrees of freedom of the standard error.
        n: number of items.
        skewness: third central moment of the estimate, in units of ``se`` cubed.
    """
    q = float(scipy.special.stdtrit(df, (1 + LEVEL) / 2))
    up, down = max(q, _untransformed(q, skewness)), min(-q, _untransformed(-q, skewness))
    low, high = value - up * se, value - down * se
    return Estimate(value, low, high, n, se=se, df=df, skewness=skewness)


def one_sided_p(estimate: Estimate, boundary: float, above: bool = True) -> float:
    """Test whether the true value lies beyond a boundary; return the one-sided p-value.

    The test agrees with the interval: the boundary is outside the 95 % interval, on the side that
    is asked for, exactly if p < 0.025.

    Args:
        estimate: with standard error, or exact (both ends of the interval are the value).
        boundary: the value of the null hypothesis, in the metric's unit.
        above: whether "beyond" is above the boundary; else below.

    Returns:
        p-value; NaN for an estimate with neither standard error nor an exact value.
    """
    sign = 1.0 if above else -1.0
    if estimate.se is None or estimate.df is None:
        if estimate.low == estimate.high:
            return 0.0 if sign * (estimate.value - boundary) > 0 else 1.0
        return math.nan
    t = (estimate.value - boundary) / estimate.se
    least = min(sign * t, sign * float(_transformed(t, estimate.skewness or 0.0)))
    return float(scipy.special.stdtr(estimate.df, -least))


def two_sided_p(estimate: Estimate, null: float) -> float:
    """Test whether the true value is another than ``null``; return the two-sided p-value.

    It is twice the smaller p-value of `one_sided_p`; NaN where that is.
    """
    smaller = min(one_sided_p(estimate, null, above) for above in (True, False))
    return smaller if math.isnan(smaller) else min(1.0, 2 * smaller)


def _transformed(t: ArrayLike, skewness: ArrayLike) -> NDArray[np.float64]:
    """Hall's transformation, which makes the t of a skewed estimate nearly symmetric."""
    t, skewness = np.asarray(t, np.float64), np.asarray(skewness, np.float64)
    found: NDArray[np.float64] = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
    return found


def _untransformed(g: float, skewness: float) -> float:
    """Invert `_transformed`."""
    if abs(skewness) < 1e-6:  # the limit, where the quotient would lose its digits
        return g - skewness / 6 - skewness * g**2 / 3
    return 3 / skewness * (float(np.cbrt(1 + skewness * (g - skewness / 6))) - 1)


def mean_skewness(values: NDArray[np.float64], se: float) -> float:
    """Estimate the skewness of the mean of values ``(n,)`` from their unbiased third moment.

    Args:
        values: the values.
        se: standard error in whose units the moment is given.

    Returns:
        Third central moment of the mean over ``se`` cubed; 0 for fewer than 10 values.
    """
    n = len(values)
    if n < LEAST_FOR_SKEWNESS:
        return 0.0
    third = float((((values - values.mean()) / se) ** 3).sum()) * n / ((n - 1) * (n - 2))
    return third / n**2


def item_means(values: ArrayLike) -> NDArray[np.float64]:
    """Average each item over the noise seeds that have a score; NaN if no seed has one.

    To compare two contestants use `metrics.repeats.paired_table`, which drops a seed for both
    contestants if it failed for one.

    Args:
        values: ``(seeds, items)``, NaN where an item was not scored.

    Returns:
        ``(items,)``.

    Raises:
        ValueError: the array is not two-dimensional.

    >>> item_means([[1.0, 2.0], [3.0, float("nan")]]).tolist()
    [2.0, 2.0]
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2:
        raise ValueError(f"expected scores of shape (seeds, items), not {values.shape}")
    scored = ~np.isnan(values)
    counts = scored.sum(0)
    sums = np.where(scored, values, 0.0).sum(0)
    sums[counts == 0] = np.nan
    means: NDArray[np.float64] = sums / np.maximum(counts, 1)
    return means


def mean_interval(values: ArrayLike) -> Estimate:
    """Estimate the mean over items, with the 95 % interval of Student's t (see `student`).

    NaN is left out, and ``n`` counts the rest. With fewer than two items the bounds are NaN. If all
    items are equal, the interval is that value.

    Args:
        values: one score per item, ``(items,)``.

    Raises:
        ValueError: the array is not one-dimensional, or a value is infinite.
    """
    scored = _scored(values)
    n = len(scored)
    value = float(scored.mean()) if n else math.nan
    if n < 2:
        return Estimate(value, math.nan, math.nan, n)
    if all_equal(scored):
        return Estimate(value, value, value, n)
    se = float(scored.std(ddof=1)) / math.sqrt(n)
    return student(value, se, n - 1, n, mean_skewness(scored, se))


def sign_flip_p(differences: ArrayLike, seed: int, resamples: int = RESAMPLES) -> float:
    """Test whether paired differences are symmetric about 0; return the two-sided p-value.

    The test flips signs. It is exact where there are at most ``resamples`` sign patterns, 2^n, and
    sampled otherwise. The smallest exact value is 2 / 2^n: fewer than 6 items never reach 0.05.
    From 10 items on the statistic is the mean's t, transformed as in `student`: with the plain
    mean the test would reject too often where the differences are skewed and their mean is 0.

    Args:
        differences: one per item, ``(items,)``; NaN is left out.
        seed: seed of the sampled sign patterns.
        resamples: number of sign patterns.

    Returns:
        p-value; NaN without items.

    >>> sign_flip_p([0.1, 0.2, 0.3, 0.4, 0.5], seed=0)
    0.0625
    """
    scored = _scored(differences)
    if not len(scored):
        return math.nan
    largest = float(np.abs(scored).max())
    if largest == 0.0:
        return 1.0
    scored = scored / largest  # so that no power underflows
    observed = float(_flip_statistic(np.ones((1, len(scored))), scored)[0])
    slack = 1e-9 * observed  # for rounding: a pattern and its mirror image are equally extreme
    exact = 2 ** len(scored) <= resamples
    as_large, count = 0, 0
    for signs in _sign_patterns(len(scored), None if exact else seed, resamples):
        as_large += int((_flip_statistic(signs, scored) >= observed - slack).sum())
        count += len(signs)
    return as_large / count if exact else (1 + as_large) / (1 + count)


def _sign_patterns(n: int, seed: int | None, resamples: int) -> Iterator[NDArray[np.float64]]:
    """All sign patterns ``(R, n)`` of n differences, or random ones by a seed, in parts."""
    total = 2**n if seed is None else resamples
    generator, at_once = np.random.default_rng(seed), max(1, BATCH_VALUES // n)
    for first in range(0, total, at_once):
        last = min(first + at_once, total)
        if seed is None:
            bits = np.arange(first, last)[:, None] >> np.arange(n) & 1
        else:
            bits = generator.integers(0, 2, (last - first, n))
        yield (2 * bits - 1).astype(np.float64)


def _flip_statistic(signs: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of the mean of flipped values, ``(R,)``; of its transformed t where there are enough."""
    n = len(values)
    mean = signs @ values / n
    if n < LEAST_FOR_SKEWNESS:
        return np.abs(mean)
    square = float(np.square(values).mean())  # no flip changes it
    variance = np.maximum(square - mean**2, 0.0)
    third = signs @ values**3 / n - 3 * mean * square + 2 * mean**3
    spread = np.sqrt(np.maximum(variance, 1e-12 * square) * n / (n - 1))
    t = mean / spread * math.sqrt(n)
    skewness = third / spread**3 * n**2 / ((n - 1) * (n - 2)) / math.sqrt(n)
    return np.abs(_transformed(t, skewness))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values of one family of tests (Holm 1979, Scandinavian Journal of Statistics 6).

    The k-th smallest of m values is multiplied by m - k + 1, and made at least as large as those
    before it. Rejecting where the adjusted value is below 0.05 errs in at most 5 % of families.

    Args:
        p_values: one per test, from 0 to 1.

    Returns:
        Adjusted p values in the same order, at most 1.

    Raises:
        ValueError: a value is not from 0 to 1.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    if not all(0.0 <= p <= 1.0 for p in p_values):
        raise ValueError(f"p values must be from 0 to 1, not {list(p_values)}")
    adjusted, largest = [0.0] * len(p_values), 0.0
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, i in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def is_noninferior(difference: Estimate, margin: float, higher_is_better: bool) -> bool:
    """Tell whether the interval of (contestant - reference) lies on the good side of the margin.

    Args:
        difference: difference of the two means; without an interval the answer is no.
        margin: largest loss that still counts as "as good as", in the metric's unit, above 0.
        higher_is_better: direction of the metric.

    Raises:
        ValueError: the margin is not above 0.
    """
    if not margin > 0.0:
        raise ValueError(f"a non-inferiority margin must be above 0, not {margin}")
    return difference.low > -margin if higher_is_better else difference.high < margin


def ratio_interval(
    numerators: ArrayLike, denominators: ArrayLike, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate the ratio of two independent samples' medians, with its bootstrap interval.

    Args:
        numerators: ``(n,)``, above 0.
        denominators: ``(m,)``, above 0.
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Returns:
        Ratio with a percentile interval; ``n`` is the smaller sample's size. One value on either
        side gives no interval.

    Raises:
        ValueError: a sample is empty or holds a value that is not above 0.
    """
    samples = [np.asarray(values, np.float64) for values in (numerators, denominators)]
    if any(not len(values) or not (values > 0).all() for values in samples):
        raise ValueError("a ratio of medians needs two samples of values above 0")
    value = float(np.median(samples[0]) / np.median(samples[1]))
    n = min(map(len, samples))
    if n < 2:
        return Estimate(value, math.nan, math.nan, n)
    generator = np.random.default_rng(seed)
    top, bottom = (
        np.median(generator.choice(values, (resamples, len(values))), axis=1) for values in samples
    )
    low, high = np.quantile(top / bottom, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), n)


def _scored(values: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected one value per item, (items,), not shape {values.shape}")
    scored: NDArray[np.float64] = values[~np.isnan(values)]
    if np.isinf(scored).any():
        raise ValueError("a value is infinite: a failed item is NaN")
    return scored


def all_equal(values: NDArray[np.float64]) -> bool:
    """Tell whether values ``(...)`` are equal up to rounding."""
    # The first bound allows for rounding of a difference of scores. The second keeps the cube of
    # the spread, by which the skewness is divided, from underflow.
    return bool(np.ptp(values) <= max(1e-12 * np.abs(values).max(), 1e-60))
