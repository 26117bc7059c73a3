"""Estimates, and the one way in which two of them are compared."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from benchmarks.results.strict import Strict
from metrics.statistics import Estimate, is_noninferior

SIGNIFICANT = 0.05
Verdict = Literal["better", "as good", "worse", "undecided"]


class Interval(Strict):
    """An estimate with its 95 % interval; null where nothing could be scored."""

    value: float | None
    low: float | None
    high: float | None
    n: int = Field(description="items behind it; noise seeds of a test clip are averaged first")
    se: float | None = Field(default=None, description="standard error, for Student's t")
    df: float | None = Field(default=None, description="degrees of freedom of Student's t")

    @classmethod
    def of(cls, estimate: Estimate) -> Interval:
        """An estimate of the statistics: NaN is null in documents."""
        values = (estimate.value, estimate.low, estimate.high)
        value, low, high = (None if math.isnan(v) else v for v in values)
        told = {} if estimate.se is None else {"se": estimate.se, "df": estimate.df}
        return cls(value=value, low=low, high=high, n=estimate.n, **told)

    def turned(self) -> Interval:
        """The difference the other way round."""
        value, low, high = (None if v is None else -v for v in (self.value, self.high, self.low))
        told = {} if self.se is None else {"se": self.se, "df": self.df}
        return Interval(value=value, low=low, high=high, n=self.n, **told)

    @property
    def is_exact(self) -> bool:
        """Tell whether the value has no sampling error."""
        return self.low is not None and self.low == self.high

    @property
    def estimate(self) -> Estimate:
        """The estimate for the statistics: null is NaN there."""
        values = (self.value, self.low, self.high)
        value, low, high = (math.nan if one is None else one for one in values)
        return Estimate(value, low, high, self.n, se=self.se, df=self.df)


class MetricInfo(Strict):
    """Title, unit, decimals and direction of one metric."""

    title: str
    digits: int = Field(description="decimals worth printing")
    unit: str
    higher_is_better: bool


def verdict(
    difference: Interval, margin: float, higher_is_better: bool, p: float | None
) -> Verdict:
    """Judge a paired difference, first less second.

    Args:
        difference: with its interval; an exact one needs no test.
        margin: the largest loss that still counts as good; above 0, fixed beforehand.
        higher_is_better: direction of the metric.
        p: result of the two-sided permutation test; None without a test.

    Returns:
        ``better`` (interval on the good side of 0, and the permutation test agrees), ``as good``
        (not worse by more than the margin), ``worse`` (by more than it), else ``undecided``.
    """
    tested = 0.0 if p is None and difference.is_exact else p
    found, sign = difference.estimate, 1.0 if higher_is_better else -1.0
    low, high = sorted((sign * found.low, sign * found.high))
    if low > 0 and tested is not None and tested < SIGNIFICANT:
        return "better"
    if is_noninferior(found, margin, higher_is_better):
        return "as good"
    return "worse" if high < -margin else "undecided"
