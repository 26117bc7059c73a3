"""A run of two rows and one metric, whose figures each test chooses."""

from __future__ import annotations

from typing import Any

import scipy.stats

from benchmarks.results.schema import Comparison, RunResults
from benchmarks.results.verdicts import Interval, MetricInfo
from synthetic.runs import row, run

Ends = tuple[float, float]


def between(ends: Ends) -> Interval:
    """An interval by its ends, with the value in the middle."""
    return Interval(value=sum(ends) / 2, low=ends[0], high=ends[1], n=20)


def two_rows(
    a: Ends | Interval = (0.0, 1.0), b: Ends = (0.0, 1.0), up: bool = True, **rows: Any
) -> RunResults:
    """A run of the rows raw/a-3 and raw/b-3, scored by a metric m.

    Args:
        a: what the first row has.
        b: what the second row has.
        up: whether a larger m is better.
        rows: further fields of row a; ``seeds_of_b`` of row b.
    """
    seeds_of_b = rows.pop("seeds_of_b", 6)
    found = [
        row("raw/a-3", {"m": a if isinstance(a, Interval) else between(a)}, **{"seeds": 6} | rows),
        row("raw/b-3", {"m": between(b)}, seeds=seeds_of_b),
    ]
    info = MetricInfo(title="M", digits=2, unit="", higher_is_better=up)
    return run("speech", found, metrics={"m": info})


def with_difference(
    results: RunResults, difference: Ends | Interval, p: float | None = None, **changes: Any
) -> RunResults:
    """The run with a comparison of its two rows; ``changes`` are fields of the comparison."""
    fields: dict[str, Any] = {
        "row": "raw/a-3",
        "against": "raw/b-3",
        "metric": "m",
        "difference": difference if isinstance(difference, Interval) else between(difference),
        "p_sign_flip": p,
        "margin": 0.1,
        "verdict": "worse",
        "seeds": 6,
    }
    one = Comparison.model_validate(fields | changes)
    return results.model_copy(update={"comparisons": [one]})


def student(value: float, se: float = 0.1, df: float = 20.0) -> Interval:
    """A value with the 95 % interval of Student's t."""
    half = float(scipy.stats.t.isf(0.025, df)) * se
    return Interval(value=value, low=value - half, high=value + half, n=20, se=se, df=df)
