"""Simulated coverage of intervals and size of tests, as a table of Markdown.

``python -m metrics.coverage`` writes the tables of ``docs/statistics.md`` to standard output. It
takes some minutes on one core. Everything is drawn from seeds.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from metrics.repeats import Table, table_interval
from metrics.statistics import LEVEL, Estimate, mean_interval, sign_flip_p

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
"""Draws n values of mean 0 and variance 1."""
Interval = Callable[[Table, np.random.Generator], tuple[float, float]]
"""Both ends of an interval for the mean, 0, of a table ``(repeats, items)``."""

TRIALS = 2_000
RESAMPLES = 999
PIGEONHOLE_RESAMPLES = 499
FLIPS = 499
RESIDUAL = 0.5  # standard deviation of single cells; that of items is 1


def _log_normal(spread: float) -> Draw:
    variance = math.expm1(spread**2) * math.exp(spread**2)
    mean = math.exp(spread**2 / 2)

    def draw(source: np.random.Generator, n: int) -> NDArray[np.float64]:
        return (source.lognormal(0.0, spread, n) - mean) / math.sqrt(variance)

    return draw


DATA: dict[str, Draw] = {
    "normal": lambda source, n: source.normal(size=n),
    "Student, 3 df": lambda source, n: source.standard_t(3, n) / math.sqrt(3),
    "log-normal, skewness 1.75": _log_normal(0.5),
    "minus log-normal, skewness −1.75": lambda source, n: -_log_normal(0.5)(source, n),
    "exponential, skewness 2": lambda source, n: source.exponential(size=n) - 1.0,
    "log-normal, skewness 6.2": _log_normal(1.0),
}
"""Distributions of items; all have mean 0 and variance 1."""
SCORES = ("normal", "minus log-normal, skewness −1.75", "exponential, skewness 2")
"""Data as skewed as differences of scores are, and a little more."""


@dataclass(frozen=True)
class Cell:
    """One case: the data of a table of scores."""

    data: str  # a key of DATA
    repeats: int
    items: int
    ratio: float = 0.0  # variance of repeats over that of items
    missing: float = 0.0  # share of cells without a score

    def table(self, source: np.random.Generator) -> Table:
        """Draw scores ``(repeats, items)`` of mean 0."""
        items = DATA[self.data](source, self.items)
        if self.repeats == 1:
            return items[None]
        repeats = math.sqrt(self.ratio) * source.normal(size=(self.repeats, 1))
        table: Table = repeats + items + RESIDUAL * source.normal(size=(self.repeats, self.items))
        table[source.random(table.shape) < self.missing] = np.nan
        return table


def published(table: Table, source: np.random.Generator) -> tuple[float, float]:
    """The interval that documents have."""
    found = table_interval(table)
    return found.low, found.high


def plain_t(table: Table, source: np.random.Generator) -> tuple[float, float]:
    """Student's t over items, averaged over repeats: as if there were one training and search."""
    found = mean_interval(np.nanmean(table, 0))
    half = _quantile(found.df or 1.0) * (found.se or 0.0)
    return found.value - half, found.value + half


def bca(table: Table, source: np.random.Generator) -> tuple[float, float]:
    """The bootstrap's bias-corrected and accelerated interval over items (Efron 1987)."""
    found = scipy.stats.bootstrap(
        (np.nanmean(table, 0),), np.mean, n_resamples=RESAMPLES, method="BCa", rng=source
    ).confidence_interval
    return float(found.low), float(found.high)


def bootstrap_t(table: Table, source: np.random.Generator) -> tuple[float, float]:
    """The bootstrap of Student's t over items, with equal tails (Hall 1988)."""
    values = np.nanmean(table, 0)
    n = len(values)
    drawn = values[source.integers(0, n, (RESAMPLES, n))]
    spread = drawn.std(1, ddof=1)
    t = (drawn.mean(1) - values.mean())[spread > 0] / spread[spread > 0]
    low, high = np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    scale = float(values.std(ddof=1))
    return values.mean() - high * scale, values.mean() - low * scale


def satterthwaite(table: Table, source: np.random.Generator) -> tuple[float, float]:
    """The published standard error with Satterthwaite's degrees of freedom, without skewness."""
    repeats, n = table.shape
    rows, columns, value = table.mean(1), table.mean(0), table.mean()
    residual = table - rows[:, None] - columns + value
    squares = np.array(
        [
            n * rows.var(ddof=1),
            repeats * columns.var(ddof=1),
            np.square(residual).sum() / ((repeats - 1) * (n - 1)),
        ]
    )
    total = max(squares[0] + squares[1] - squares[2], squares[0], squares[1])
    df = total**2 / (squares**2 / [repeats - 1, n - 1, (repeats - 1) * (n - 1)]).sum()
    half = _quantile(float(df)) * math.sqrt(total / (repeats * n))
    return value - half, value + half


def pigeonhole(table: Table, source: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the bootstrap that draws repeats and items independently (Owen 2007)."""
    repeats, n = table.shape
    of_repeats = table[source.integers(0, repeats, (PIGEONHOLE_RESAMPLES, repeats))].mean(1)
    of_items = source.integers(0, n, (PIGEONHOLE_RESAMPLES, n))
    means = np.take_along_axis(of_repeats, of_items, 1).mean(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _quantile(df: float) -> float:
    return float(scipy.special.stdtrit(df, (1 + LEVEL) / 2))


@dataclass(frozen=True)
class Coverage:
    """Share of intervals that cover the true mean, and their mean width."""

    share: float
    width: float


def coverage(interval: Interval, cell: Cell, trials: int, seed: int = 0) -> Coverage:
    """Simulate the coverage of an interval.

    Args:
        interval: the method.
        cell: the data.
        trials: number of simulated tables.
        seed: fixes all draws.
    """
    source = np.random.default_rng(seed)
    ends = np.array([interval(cell.table(source), source) for _ in range(trials)])
    covering = (ends[:, 0] <= 0.0) & (ends[:, 1] >= 0.0)
    return Coverage(float(covering.mean()), float(np.diff(ends).mean()))


@dataclass(frozen=True)
class Size:
    """Shares of wrong rejections where the true difference is 0.

    Attributes:
        flips: by the sign-flip test at 0.05.
        interval: by the interval, on either side.
        both: by both at once, as a verdict needs it.
    """

    flips: float
    interval: float
    both: float


def size(cell: Cell, trials: int, seed: int = 0, flips: int = FLIPS) -> Size:
    """Simulate the size of the sign-flip test and of verdicts on items of one repeat.

    Args:
        cell: the data.
        trials: number of simulated tables.
        seed: fixes all draws.
        flips: sign patterns of a test.
    """
    source = np.random.default_rng(seed)
    found = []
    for trial in range(trials):
        table = cell.table(source)
        rejected = sign_flip_p(np.nanmean(table, 0), trial, flips) < 0.05
        estimate: Estimate = table_interval(table)
        outside = not estimate.low <= 0.0 <= estimate.high
        found.append((rejected, outside, rejected and outside))
    return Size(*np.mean(found, 0).tolist())


ONE: dict[str, Interval] = {
    "published": published,
    "Student's t": plain_t,
    "bootstrap-t": bootstrap_t,
    "BCa": bca,
}
TWO: dict[str, Interval] = {
    "published": published,
    "Satterthwaite": satterthwaite,
    "pigeonhole": pigeonhole,
    "items alone": plain_t,
}


def tables(trials: int) -> Iterator[str]:
    """Lines of the tables of ``docs/statistics.md``."""
    yield "### One training and one search"
    yield ""
    yield from _head(["data", "n", *ONE])
    for data, n in itertools.product(DATA, (20, 30)):
        cells = [_shown(coverage(one, Cell(data, 1, n), trials)) for one in ONE.values()]
        yield _line([data, str(n), *cells])
    yield ""
    yield "### Repeats of training and search"
    yield ""
    yield from _head(["data", "K", "n", "ratio", *TWO])
    for data, repeats, n, ratio in itertools.product(
        SCORES, (3, 5, 9), (20, 30), (0.0, 0.1, 1.0, 10.0)
    ):
        cell = Cell(data, repeats, n, ratio)
        cells = [_shown(coverage(one, cell, trials // 2)) for one in TWO.values()]
        yield _line([data, str(repeats), str(n), f"{ratio:g}", *cells])
    yield ""
    yield "### Missing scores: 10 % of the cells"
    yield ""
    yield from _head(["data", "K", "n", "ratio", "published"])
    for data, repeats, ratio in itertools.product(SCORES, (3, 9), (0.0, 0.1, 1.0)):
        found = coverage(published, Cell(data, repeats, 20, ratio, 0.1), trials // 2)
        yield _line([data, str(repeats), "20", f"{ratio:g}", _shown(found)])
    yield ""
    yield "### Size of the sign-flip test and of verdicts"
    yield ""
    yield from _head(["data", "n", "test", "interval", "both"])
    for data, n in itertools.product(DATA, (20, 30)):
        found_size = size(Cell(data, 1, n), trials)
        shares = (found_size.flips, found_size.interval, found_size.both)
        yield _line([data, str(n), *(f"{share:.1%}" for share in shares)])


def _shown(found: Coverage) -> str:
    return f"{found.share:.1%} ({found.width:.2f})"


def _head(names: list[str]) -> Iterator[str]:
    yield _line(names)
    yield _line(["---"] * len(names))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for line in tables(TRIALS):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
