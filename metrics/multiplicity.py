"""One-sided p values of Student's t, and Holm's correction for several tests of one question."""

from __future__ import annotations

import math
from collections.abc import Sequence

import scipy.stats

from metrics.statistics import Estimate


def one_sided_p(estimate: Estimate, boundary: float, above: bool = True) -> float:
    """Test whether the true value lies beyond a boundary; return the one-sided p value.

    Args:
        estimate: with standard error, or exact (both ends of the interval are the value). Without
            degrees of freedom the normal distribution stands in for Student's t.
        boundary: the value of the null hypothesis, in the unit of the estimate.
        above: whether "beyond" is above the boundary; else below.

    Returns:
        The p value; 0 or 1 for an exact value, and 1 on the boundary. NaN for an estimate with
        neither standard error nor an exact value.

    >>> round(one_sided_p(Estimate(2.0, 0.0, 4.0, 11, se=1.0, df=10), 0.0), 4)
    0.0367
    """
    apart = estimate.value - boundary if above else boundary - estimate.value
    if not estimate.se:
        exact = estimate.se == 0 or estimate.low == estimate.high
        return math.nan if not exact else 0.0 if apart > 0 else 1.0
    df = math.inf if estimate.df is None else estimate.df
    return float(scipy.stats.t.sf(apart / estimate.se, df))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p values by Holm's step-down procedure (Holm 1979), in the order given.

    A test is significant at level a, with all tests together wrong with probability a at most, if
    its adjusted value is at most a. The tests may depend on each other.

    Args:
        p: one value per test, 0 to 1.

    Raises:
        ValueError: a value is not between 0 and 1.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if not all(0 <= one <= 1 for one in p):
        raise ValueError(f"p values lie between 0 and 1, not {list(p)}")
    adjusted = [0.0] * len(p)
    largest = 0.0
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - place) * p[i]))
        adjusted[i] = largest
    return adjusted
