"""Intervals over repeats and items at once, where training and search differ between repeats.

A repeat (training, search and noise) moves the scores of all items together. Repeats and items are
therefore crossed random effects: score = mean + repeat + item + residual. An interval over items
alone would hold for one training and one search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from metrics.statistics import (
    LEVEL,
    Estimate,
    all_equal,
    item_means,
    mean_interval,
    mean_skewness,
    student,
)

Table = NDArray[np.float64]
"""Scores ``(repeats, items)``, NaN where there is none."""
Seeds = Mapping[int, NDArray[np.float64]]
"""Noise seed, numbered from 0, to scores ``(items,)``; a seed may be missing."""


def row_table(scores: Seeds, repeats: int) -> Table:
    """Arrange a row's scores by repeat: noise seed k belongs to repeat k modulo ``repeats``.

    Args:
        scores: scores by noise seed.
        repeats: number of trainings and searches; 1 where the seeds differ in noise alone.

    Returns:
        ``(repeats that have a seed, items)``, averaged over the seeds of each repeat.
    """
    by_repeat: dict[int, list[NDArray[np.float64]]] = {}
    for seed in sorted(scores):
        by_repeat.setdefault(seed % repeats, []).append(scores[seed])
    return np.stack([item_means(np.stack(by_repeat[one])) for one in sorted(by_repeat)])


def paired_table(a: Seeds, b: Seeds, repeats: tuple[int, int]) -> Table:
    """Arrange the differences a - b of two rows by repeat.

    Seeds are paired by their number, since seed k of all rows starts from the same noise. A row
    without repeats, compared with one that has them, serves with its mean over seeds where it lacks
    a seed of the other: its noise differs between items and becomes a part of the residual.

    Args:
        a: scores of the first row by noise seed.
        b: scores of the second row, of the same items.
        repeats: number of repeats of each row; 1 where the seeds differ in noise alone.

    Returns:
        ``(repeats, items)``, NaN where a score is missing: everywhere, if no seed is in both rows.
    """
    first, second = dict(a), dict(b)
    if repeats[0] > 1 and repeats[1] == 1 and not first.keys() <= second.keys():
        second = dict.fromkeys(first, item_means(np.stack(list(second.values()))))
    if repeats[1] > 1 and repeats[0] == 1 and not second.keys() <= first.keys():
        first = dict.fromkeys(second, item_means(np.stack(list(first.values()))))
    shared = sorted(first.keys() & second.keys())
    if not shared:
        return np.full((1, len(next(iter(a.values())))), np.nan)
    return row_table({seed: first[seed] - second[seed] for seed in shared}, max(repeats))


def of_groups(table: Table, groups: Sequence[int]) -> Table:
    """Average items that belong together, such as the clips of one recording.

    Args:
        table: ``(repeats, items)``.
        groups: the group of each item, numbered from 0 without gaps; at least one.

    Returns:
        ``(repeats, groups)``, over the items that have a score.
    """
    of_item = np.asarray(groups)
    parts = [item_means(table[:, of_item == one].T) for one in range(int(of_item.max()) + 1)]
    return np.stack(parts, axis=1)


def table_interval(table: Table) -> Estimate:
    """Estimate the mean of a table of scores, with an interval over repeats and items.

    With one repeat it is `mean_interval` over items. Otherwise the variance of the mean follows
    from the two-way analysis of variance with random effects,
    (MS_repeats + MS_items - MS_residual) / (K n), and is at least that of either effect alone.
    Degrees of freedom are those whose quantile is Cochran's weighted mean of the quantiles for
    K - 1 and n - 1 (1964, Biometrics 20, pages 191 to 195). Satterthwaite's would cover 92 % where
    3 repeats vary as much as items do.

    Missing cells are filled by the additive model (Yates 1933), and each costs the residual one
    degree of freedom. Items and repeats without any score are left out; ``n`` counts the items.

    Args:
        table: ``(repeats, items)``, NaN where there is no score.

    Raises:
        ValueError: the array is not two-dimensional, or a value is infinite.
    """
    means = item_means(table)  # refuses other shapes
    scored = ~np.isnan(table)
    kept = np.asarray(table, np.float64)[scored.any(1)][:, scored.any(0)]
    repeats, n = kept.shape
    if repeats < 2 or n < 2:
        return mean_interval(means)
    if np.isinf(kept).any():
        raise ValueError("a value is infinite: a failed item is NaN")
    if all_equal(kept[~np.isnan(kept)]):
        return mean_interval(means)
    return _crossed(_filled(kept), missing=int(np.isnan(kept).sum()))


def _crossed(table: Table, missing: int) -> Estimate:
    """Interval of a table without gaps, ``missing`` cells of which were filled."""
    repeats, n = table.shape
    value = float(table.mean())
    rows, columns = table.mean(1), table.mean(0)
    residual = table - rows[:, None] - columns[None, :] + value
    left = max((repeats - 1) * (n - 1) - missing, 1)
    ms_repeats, ms_items = n * float(rows.var(ddof=1)), repeats * float(columns.var(ddof=1))
    ms_residual = float(np.square(residual).sum()) / left
    variance = max(ms_repeats + ms_items - ms_residual, ms_repeats, ms_items)
    se = math.sqrt(variance / (repeats * n))
    if se == 0.0:
        return Estimate(value, value, value, n)
    df = cochran_df((max(ms_repeats - ms_residual, 0.0), repeats - 1), (ms_items, n - 1))
    return student(value, se, df, n, mean_skewness(columns, se))


def cochran_df(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a variance that is the sum of independent ones.

    Args:
        *parts: variance and degrees of freedom of each; one variance at least is above 0.

    Returns:
        The number whose 97.5 % quantile of Student's t is the mean of the parts' quantiles, each
        weighted by the part's variance.
    """
    tail = (1 + LEVEL) / 2
    weights, every = np.array([v for v, _ in parts]), np.array([df for _, df in parts])
    wanted = float(weights @ scipy.special.stdtrit(every, tail) / weights.sum())
    fewest, most = float(every.min()), float(every.max())

    def excess(df: float) -> float:
        return float(scipy.special.stdtrit(df, tail)) - wanted

    if excess(most) >= 0.0 or excess(fewest) <= 0.0:  # one part alone, up to rounding
        return most if excess(most) >= 0.0 else fewest
    return float(scipy.optimize.brentq(excess, fewest, most))


def _filled(table: Table) -> Table:
    """Fill missing cells with the sum of their row's and their column's least-squares effects."""
    gaps = np.isnan(table)
    if not gaps.any():
        return table
    repeats, n = table.shape
    rows, columns = np.nonzero(~gaps)
    design = np.zeros((len(rows), repeats + n))
    design[np.arange(len(rows)), rows] = 1.0
    design[np.arange(len(rows)), repeats + columns] = 1.0
    effects = np.linalg.lstsq(design, table[rows, columns], rcond=None)[0]
    filled: Table = np.where(gaps, effects[:repeats, None] + effects[repeats:], table)
    return filled


def welch_difference(a: Estimate, b: Estimate) -> Estimate:
    """Estimate a - b for independent estimates by Welch's t, with Satterthwaite's df.

    Without a standard error on either side there is no interval.
    """
    return _combined([a, b], [1.0, -1.0])


def mean_of_independent(estimates: Sequence[Estimate]) -> Estimate:
    """Average independent estimates, with Student's t and Satterthwaite's df.

    Without a standard error of each there is no interval.
    """
    return _combined(estimates, [1 / len(estimates)] * len(estimates))


def _combined(estimates: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    value = sum(w * one.value for w, one in zip(weights, estimates, strict=True))
    n = min(one.n for one in estimates)
    known = [(one.se, one.df) for one in estimates if one.se is not None and one.df is not None]
    if len(known) < len(estimates):
        return Estimate(value, math.nan, math.nan, n)
    parts = [((w * se) ** 2, df) for w, (se, df) in zip(weights, known, strict=True)]
    variance = sum(v for v, _ in parts)
    df = variance**2 / sum(v**2 / df for v, df in parts)
    return student(value, math.sqrt(variance), df, n)
