"""Estimates by row and paired comparisons, made from a track's scores for documents."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.core.rows import Row
from benchmarks.results.schema import Comparison, Judge
from benchmarks.results.verdicts import Interval, MetricInfo, verdict
from metrics.statistics import Estimate


@dataclass(frozen=True)
class RowScores:
    """One row's estimates."""

    metrics: dict[str, Interval]
    n_scored: dict[str, int]
    classes: list[int] | None = None  # images: how many look like each class
    unscored: dict[str, dict[str, int]] = field(default_factory=dict)  # metric to reason to number
    repeats: int = 1  # trainings and searches that the intervals cover; 1: none
    clipped: int | None = None  # speech: samples clipped to 16 bit


@dataclass(frozen=True)
class Evaluation:
    """All that the document of a run holds of scores.

    Attributes:
        metrics: title, unit and direction of each metric.
        rows: estimates by row key; rows without samples are missing.
        comparisons: paired differences.
        test_items: names of the items that were scored.
        floors: for images, their number to the metrics of as many images of the other split; of
            clips, to the metrics of the recordings that need no reference.
        judge: the network that judged, if there is one.
    """

    metrics: dict[str, MetricInfo]
    rows: dict[str, RowScores]
    comparisons: list[Comparison]
    test_items: list[str]
    floors: dict[str, dict[str, Interval]] = field(default_factory=dict)
    judge: Judge | None = None


def compared_rows(
    rows: Sequence[Row], reference: str, bilateral: Collection[str]
) -> Iterator[tuple[Row, Row]]:
    """Pair every row with the reference, and BDDM's rows with all others of equal steps.

    Args:
        rows: all rows of a run.
        reference: name of the row that all are compared with.
        bilateral: contestants whose schedule the papers' schedule network chose.
    """
    for row, against in itertools.permutations(rows, 2):
        if row.convention != against.convention:
            continue
        equal_steps = row.contestant in bilateral and row.steps == against.steps
        if against.name == reference or equal_steps:
            yield row, against


@dataclass(frozen=True)
class PValues:
    """P values of a paired comparison, two-sided; None where there is no such test.

    Attributes:
        p: tests whether there is no difference.
        p_margin: tests whether the loss is as large as the margin.
        p_margin_turned: tests the same for the second row less the first.
    """

    p: float | None = None
    p_margin: float | None = None
    p_margin_turned: float | None = None


@dataclass(frozen=True)
class Measured:
    """The difference of two rows in one metric.

    Attributes:
        metric: its key.
        difference: first minus second; without sampling error both ends are the value.
        tested: results of the permutation tests.
        margin: the largest loss that still counts as good.
        higher_is_better: direction of the metric.
        items: number of each row's compared items, where rows differ in it.
        margin_from: ``floor`` where the margin is the half-width of the floor's interval.
    """

    metric: str
    difference: Estimate
    tested: PValues
    margin: float
    higher_is_better: bool = False
    items: int | None = None
    margin_from: Literal["floor"] | None = None


def comparison_of(row: Row, against: Row, found: Measured) -> Comparison:
    """Judge a measured difference, for the document of a run."""
    difference, tested = Interval.of(found.difference), found.tested
    told: dict[str, Any] = {
        "p_margin": tested.p_margin,
        "p_margin_turned": tested.p_margin_turned,
        "margin_from": found.margin_from,
    }
    return Comparison(
        row=row.key,
        against=against.key,
        metric=found.metric,
        difference=difference,
        p_sign_flip=tested.p,
        margin=found.margin,
        verdict=verdict(
            difference, found.margin, found.higher_is_better, tested.p, tested.p_margin
        ),
        seeds=min(row.seeds, against.seeds),
        items=found.items,
        **{name: one for name, one in told.items() if one is not None},
    )
