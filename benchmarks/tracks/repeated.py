"""Repeats of training and search behind a row's noise seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.contestants.plugins import contestant
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row
from benchmarks.core.schedule_nets import repeats_in
from benchmarks.results.comparisons import PValues
from metrics.repeats import row_table
from metrics.statistics import Estimate, mean_interval, sign_flip_p

LEAST_SETS = 3  # sets of one row from which their spread is known; fewer: resampled items
LEAST_FLIPS = 6  # sets from which flipped signs can reach p < 0.05


@dataclass(frozen=True)
class RowSets:
    """A row's items as whole sets: one for each noise seed."""

    by_seed: Mapping[int, Tensor]  # (items, D) by number of the seed
    repeats: int  # of `repeats_of`

    @property
    def items(self) -> int:
        """Number of items of each seed."""
        return len(next(iter(self.by_seed.values())))

    @property
    def are_many(self) -> bool:
        """Tell whether the spread from set to set is known; else the sets are joined to one."""
        return groups_of(self.by_seed, self.repeats) >= LEAST_SETS

    @property
    def joined(self) -> Tensor:
        """All items, ``(N, D)``."""
        return torch.cat([self.by_seed[seed] for seed in sorted(self.by_seed)])

    @property
    def size(self) -> int:
        """Number of items of a set that the row's distances are of."""
        return self.items if self.are_many else self.items * len(self.by_seed)


def repeats_of(experiment: Experiment, row: Row, seeds: Iterable[int]) -> int:
    """Number of repeats by which a row's noise seeds are grouped.

    Args:
        experiment: the experiment, with the number of repeats and the user's contestants.
        row: the row; only rows whose contestant takes a searched schedule have repeats.
        seeds: numbers of the noise seeds, from 0, that have samples.

    Returns:
        The repeats of the row's convention: seed k belongs to repeat k modulo this. 1 where all
        seeds have one schedule, so that they differ in noise alone.
    """
    repeats = repeats_in(experiment, row.convention)
    if contestant(row.contestant, experiment).search is None:
        return 1
    return repeats if len({seed % repeats for seed in seeds}) > 1 else 1


def groups_of(seeds: Iterable[int], repeats: int) -> int:
    """Number of repeats that some noise seeds belong to; of the seeds themselves without repeats.

    Args:
        seeds: numbers of the noise seeds, from 0.
        repeats: the number that `repeats_of` gives.
    """
    return len({seed % repeats for seed in seeds}) if repeats > 1 else len(set(seeds))


def by_repeat(values: Mapping[int, float], repeats: int) -> NDArray[np.float64]:
    """Average a value of whole sets over the noise seeds of each repeat.

    Args:
        values: noise seed, from 0, to the value of its set.
        repeats: the number that `repeats_of` gives; 1 keeps each seed as it is.

    Returns:
        ``(K,)``, one for each repeat, or for each seed without repeats.
    """
    if repeats == 1:
        return np.array([values[seed] for seed in sorted(values)])
    return row_table({seed: np.array([one]) for seed, one in values.items()}, repeats)[:, 0]


def differences_by_repeat(
    a: Mapping[int, float], b: Mapping[int, float], repeats: int
) -> NDArray[np.float64]:
    """Differences a - b of values of whole sets, paired by noise seed, by repeat: ``(K,)``.

    Seeds of one row alone are left out. K is 0 if no seed is in both rows.
    """
    shared = {seed: a[seed] - b[seed] for seed in a.keys() & b.keys()}
    return by_repeat(shared, repeats) if shared else np.empty(0)


def over_seeds(values: NDArray[np.float64], items: int) -> Estimate:
    """Estimate the mean of values ``(K,)`` of sets of ``items`` items each, by Student's t."""
    return replace(mean_interval(values), n=items)


def flipped(
    differences: NDArray[np.float64], margin: float, higher_is_better: bool, seed: int, least: int
) -> PValues:
    """Flip the signs of paired differences ``(K,)``; nothing is tested if they are too few.

    Args:
        differences: first row less second.
        margin: the largest loss that still counts as good.
        higher_is_better: direction of the metric.
        seed: seed of the sign patterns.
        least: number of differences from which they are tested.
    """
    if len(differences) < least:
        return PValues()
    loss = margin if higher_is_better else -margin
    return PValues(*(sign_flip_p(differences + shift, seed) for shift in (0.0, loss, -loss)))
