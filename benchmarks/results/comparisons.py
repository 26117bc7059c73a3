"""What every track makes of its scores: estimates by row, paired comparisons, verdicts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contestants import BILATERAL, SEARCHED
from benchmarks.core.rows import Row
from benchmarks.report.page import turned
from benchmarks.results.schema import Comparison, Interval, MetricInfo, Verdict
from metrics.statistics import Estimate, is_noninferior

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class RowScores:
    """One row's estimates."""

    metrics: dict[str, Interval]
    n_scored: dict[str, int]
    classes: list[int] | None = None  # images: how many look like each class


@dataclass(frozen=True)
class Evaluation:
    """What the results document holds of the scores."""

    metrics: dict[str, MetricInfo]
    rows: dict[str, RowScores]  # by row key; rows without samples are missing
    comparisons: list[Comparison]
    test_items: list[str]
    floors: dict[str, dict[str, Interval]] = field(default_factory=dict)
    """Number of images to the metrics of as many images of the other split; of clips: to the
    metrics of the recordings that need no reference."""
    judge: dict[str, Any] | None = None  # what is known of the network that judged


def compared_rows(rows: Sequence[Row], reference: str) -> Iterator[tuple[Row, Row]]:
    """Every row against the reference, and BDDM's schedules against all at equal steps."""
    for row, against in itertools.permutations(rows, 2):
        if row.convention != against.convention:
            continue
        equal_steps = row.contestant in BILATERAL and row.steps == against.steps
        if against.name == reference or equal_steps:
            yield row, against


def verdict(
    difference: Estimate, margin: float, higher_is_better: bool, p: float | None
) -> Verdict:
    """What a paired difference says.

    Args:
        difference: first minus second, with its interval.
        margin: how much worse still counts as good; positive, fixed beforehand.
        higher_is_better: of the metric.
        p: of the two-sided permutation test.

    Returns:
        ``better`` (interval on the good side of 0 and the permutation test agrees), ``as good``
        (not worse by more than the margin), ``worse`` (by more than it), else ``undecided``.
    """
    sign = 1.0 if higher_is_better else -1.0
    low, high = sorted((sign * difference.low, sign * difference.high))
    if low > 0 and p is not None and p < SIGNIFICANT:
        return "better"
    if is_noninferior(difference, margin, higher_is_better):
        return "as good"
    return "worse" if high < -margin else "undecided"


def turned_verdict(found: Comparison, higher_is_better: bool) -> Verdict:
    """What a comparison says of its second row against its first, by the same margin."""
    other = turned(found.difference)
    exact = found.p_sign_flip is None and other.low == other.high
    value, low, high = (
        math.nan if one is None else one for one in (other.value, other.low, other.high)
    )
    difference = Estimate(value, low, high, other.n)
    return verdict(difference, found.margin, higher_is_better, 0.0 if exact else found.p_sign_flip)


@dataclass(frozen=True)
class Measured:
    """What two rows differ by in one metric.

    Attributes:
        metric: its key.
        difference: first minus second.
        p: of the two-sided permutation test; None where there is none.
        margin: how much worse still counts as good.
        higher_is_better: of the metric.
        exact: the difference has no sampling error, and needs no test.
        items: how many of each row are compared, where that differs from row to row.
    """

    metric: str
    difference: Estimate
    p: float | None
    margin: float
    higher_is_better: bool = False
    exact: bool = False
    items: int | None = None


def comparison_of(row: Row, against: Row, found: Measured) -> Comparison:
    """A paired difference with its verdict, for the results document."""
    p = 0.0 if found.exact else found.p
    return Comparison(
        row=row.key,
        against=against.key,
        metric=found.metric,
        difference=interval_of(found.difference),
        p_sign_flip=found.p,
        margin=found.margin,
        verdict=verdict(found.difference, found.margin, found.higher_is_better, p),
        seeds=min(row.seeds, against.seeds),
        items=found.items,
    )


def cost_key(convention: str, contestant: str) -> str:
    """Key of a searched contestant's costs: the convention alone for the papers' grid."""
    return convention if SEARCHED[contestant] == "paper" else f"{convention}/{contestant}"


def interval_of(estimate: Estimate) -> Interval:
    """An estimate for the results document: NaN is null there."""
    values = (None if math.isnan(v) else v for v in (estimate.value, estimate.low, estimate.high))
    value, low, high = values
    return Interval(value=value, low=low, high=high, n=estimate.n)
