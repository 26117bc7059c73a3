"""Resampling of whole sets by integer weights of their rows.

A finite set is farther away than its distribution, and resampling adds the same bias again. A plain
percentile interval would miss the estimate. The intervals of distances are therefore *centred*: the
quantiles of (resampled - mean of the resampled) are added to the estimate.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from metrics.statistics import LEVEL, Estimate

CHUNK = 250  # resamples at a time


def bootstrap_counts(n: int, seed: int, resamples: int, chunk: int = CHUNK) -> Iterator[Tensor]:
    """Count how often each of n rows is drawn, in n draws with replacement.

    Args:
        n: number of rows of the set.
        seed: seed of the draws, which do not depend on the chunks.
        resamples: number of resamples.
        chunk: resamples in memory at a time.

    Yields:
        ``(R, n)``, float64, R at most ``chunk``.
    """
    generator = torch.Generator().manual_seed(seed)
    for first in range(0, resamples, chunk):
        count = min(chunk, resamples - first)
        drawn = torch.randint(n, (count, n), generator=generator)
        weights = torch.zeros(count, n, dtype=torch.float64)
        yield weights.scatter_add_(1, drawn, torch.ones(count, n, dtype=torch.float64))


def centred(value: float, drawn: Tensor, n: int) -> Estimate:
    """Combine a distance and its resampled values to an estimate with a centred 95 % interval.

    The standard error is the standard deviation of the resampled values, with n - 1 degrees of
    freedom; p values that follow from it agree with the interval up to the resampling.

    Args:
        value: distance of the set itself.
        drawn: distances of the resampled sets, ``(R,)``.
        n: number of rows of the set.
    """
    tails = torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=torch.float64)
    low, high = (torch.quantile(drawn, tails) - drawn.mean() + value).tolist()
    return Estimate(value, low, high, n, se=float(drawn.std()), df=n - 1)
