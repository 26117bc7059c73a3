"""Cells and tables of Markdown."""

from __future__ import annotations

from benchmarks.results.schema import Interval, MetricInfo


def arrow(metric: MetricInfo) -> str:
    """Which way is better."""
    return "↑" if metric.higher_is_better else "↓"


def estimate(interval: Interval | None, digits: int, sign: str = "") -> str:
    """A value and its interval, to so many decimals; an exact value has none."""
    if interval is None or interval.value is None:
        return "—"
    text = f"{interval.value:{sign}.{digits}f}"
    if interval.low is None or interval.high is None or interval.low == interval.high:
        return text
    return f"{text} [{interval.low:{sign}.{digits}f}, {interval.high:{sign}.{digits}f}]"


def turned(difference: Interval) -> Interval:
    """The same difference the other way round."""
    value, low, high = (
        None if v is None else -v for v in (difference.value, difference.high, difference.low)
    )
    return Interval(value=value, low=low, high=high, n=difference.n)


def table(heads: list[str], lines: list[list[str]]) -> str:
    """One line of cells for each of ``lines``."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
