"""Statistics of per-item scores: estimates with intervals, and tests.

Items are the sampling unit. Noise seeds are repeats of an item: average over seeds first
(`item_means`). An interval over single seeds would be too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
RESAMPLES = 9_999
BATCH_VALUES = 5_000_000  # values drawn at a time: 40 MB


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval; bounds are NaN where there is no interval.

    Intervals of Student's t also give standard error and degrees of freedom, from which follow
    intervals of other levels and p values; None for other intervals.
    """

    value: float
    low: float
    high: float
    n: int  # number of items
    level: float = LEVEL
    se: float | None = None
    df: float | None = None


def item_means(values: ArrayLike) -> NDArray[np.float64]:
    """Average each item over the noise seeds that have a score; NaN if no seed has one.

    To compare two contestants use `paired_differences`, which drops a seed for both contestants if
    it failed for one.

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


def mean_interval(values: ArrayLike, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """Estimate the mean over items, with its 95 % BCa bootstrap interval (Efron 1987).

    NaN is left out, and ``n`` counts the rest. With fewer than two items the bounds are NaN. If all
    items are equal, the interval is that value.

    Args:
        values: one score per item, ``(items,)``.
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Raises:
        ValueError: the array is not one-dimensional, or a value is infinite.
    """
    scored = _scored(values)
    value = float(scored.mean()) if len(scored) else math.nan
    if len(scored) < 2:
        return Estimate(value, math.nan, math.nan, len(scored))
    if _all_equal(scored):
        return Estimate(value, value, value, len(scored))
    result = scipy.stats.bootstrap(
        (scored,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, BATCH_VALUES // len(scored)),
        confidence_level=LEVEL,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), len(scored))


def paired_differences(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Average a - b of each item over the noise seeds that have both scores.

    Args:
        a: scores, ``(seeds, items)``, NaN where an item was not scored.
        b: other scores of the same items, ``(seeds, items)``. Seeds are paired from the first on;
            further seeds of the longer array are ignored.

    Returns:
        ``(items,)``, NaN where no seed has both scores.

    Raises:
        ValueError: the numbers of items differ.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(f"paired scores must be of the same items, not {a.shape} and {b.shape}")
    seeds = min(len(a), len(b))
    return item_means(a[:seeds] - b[:seeds])


def sign_flip_p(differences: ArrayLike, seed: int, resamples: int = RESAMPLES) -> float:
    """Test whether paired differences are symmetric about 0; return the two-sided p-value.

    The test flips signs. It is exact where there are at most ``resamples`` sign patterns, 2^n, and
    sampled otherwise. The smallest exact value is 2 / 2^n: fewer than 6 items never reach 0.05.

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
    if len(scored) < 2:  # scipy refuses; one difference and its mirror image are equally extreme
        return 1.0 if len(scored) else math.nan
    result = scipy.stats.permutation_test(
        (scored,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, BATCH_VALUES // len(scored)),
        alternative="two-sided",
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


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


def _all_equal(values: NDArray[np.float64]) -> bool:
    # The first bound allows for rounding of a difference of scores. The second keeps the cube of
    # the spread, by which BCa divides, from underflow.
    return bool(np.ptp(values) <= max(1e-12 * np.abs(values).max(), 1e-60))
