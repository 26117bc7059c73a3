"""Estimates, and the one way in which two of them are compared."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from benchmarks.results.strict import Strict
from metrics.statistics import Estimate, is_noninferior, one_sided_p

SIGNIFICANT = 0.05
Verdict = Literal["better", "as good", "worse", "undecided"]


class Interval(Strict):
    """An estimate with its 95 % interval; null where nothing could be scored."""

    value: float | None
    low: float | None
    high: float | None
    n: int = Field(
        description="recordings behind it, whose clips and noise seeds are averaged first; images "
        "or vectors of a set"
    )
    se: float | None = Field(default=None, description="standard error, for Student's t")
    df: float | None = Field(default=None, description="degrees of freedom of Student's t")
    skewness: float | None = Field(
        default=None, description="of the value's distribution, for which t is corrected"
    )

    @classmethod
    def of(cls, estimate: Estimate) -> Interval:
        """An estimate of the statistics: NaN is null in documents."""
        values = (estimate.value, estimate.low, estimate.high)
        value, low, high = (None if math.isnan(v) else v for v in values)
        told = {"se": estimate.se, "df": estimate.df, "skewness": estimate.skewness}
        known = {name: one for name, one in told.items() if one is not None}
        return cls(value=value, low=low, high=high, n=estimate.n, **known)

    def turned(self) -> Interval:
        """The difference the other way round."""
        value, low, high = (None if v is None else -v for v in (self.value, self.high, self.low))
        changed = {"value": value, "low": low, "high": high}
        if self.skewness is not None:
            changed["skewness"] = -self.skewness
        return self.model_copy(update=changed)

    @property
    def is_exact(self) -> bool:
        """Tell whether the value has no sampling error."""
        return self.low is not None and self.low == self.high

    @property
    def estimate(self) -> Estimate:
        """The estimate for the statistics: null is NaN there."""
        values = (self.value, self.low, self.high)
        value, low, high = (math.nan if one is None else one for one in values)
        return Estimate(value, low, high, self.n, se=self.se, df=self.df, skewness=self.skewness)

    def one_sided_p(self, boundary: float, above: bool = True) -> float | None:
        """Test whether the true value is above a boundary, or below it; one-sided p-value.

        Returns:
            The p-value of `metrics.statistics.one_sided_p`; None where the document has no standard
            error, as earlier documents have not.
        """
        p = one_sided_p(self.estimate, boundary, above)
        return None if math.isnan(p) else p


class MetricInfo(Strict):
    """Title, unit, decimals and direction of one metric."""

    title: str
    digits: int = Field(description="decimals worth printing")
    unit: str
    higher_is_better: bool


def verdict(
    difference: Interval,
    margin: float,
    higher_is_better: bool,
    p: float | None,
    p_margin: float | None = None,
) -> Verdict:
    """Judge a paired difference, first less second. Interval and test must agree on each word.

    Args:
        difference: with its interval; an exact one needs no test.
        margin: the largest loss that still counts as good; above 0, fixed beforehand.
        higher_is_better: direction of the metric.
        p: result of the two-sided exchange test; None without a test.
        p_margin: result of the two-sided exchange test at the margin; None where the items allow
            no such test, or the document is of an earlier version.

    Returns:
        ``better`` (interval on the good side of 0, and ``p`` agrees), ``as good`` (interval on the
        good side of the margin, and ``p_margin`` agrees, if there is one), ``worse`` (interval
        beyond the margin, and ``p_margin`` agrees, or else ``p``), else ``undecided``.
    """
    exact = difference.is_exact
    found, sign = difference.estimate, 1.0 if higher_is_better else -1.0
    low, high = sorted((sign * found.low, sign * found.high))
    if low > 0 and _agrees(p, exact):
        return "better"
    if is_noninferior(found, margin, higher_is_better):
        return "as good" if p_margin is None or _agrees(p_margin, exact) else "undecided"
    beyond = high < -margin and _agrees(p if p_margin is None else p_margin, exact)
    return "worse" if beyond else "undecided"


def _agrees(p: float | None, exact: bool) -> bool:
    """Tell whether a test confirms the interval; an exact value is not tested."""
    return exact if p is None else p < SIGNIFICANT
