"""WaveGrad's grid search over the betas themselves (Chen et al. 2021, section 4.4)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.searching import quality
from benchmarks.searches.base import Workshop

LONGEST = 6  # steps; the number of lists is a power of it
LISTS = 729  # of each length, at most: 9^3
LARGEST_EXPONENT = -1.0  # of the noisiest beta


@dataclass(frozen=True)
class BetaGrid:
    """beta_n = k_n 10^(e_n), the k_n a grid over 1 .. 9, the e_n equally spaced up to -1.

    As many values of k as make at most LISTS lists: all of 1 .. 9 for 3 steps, 1, 3, 5, 7, 9 for
    4, and 1, 5, 9 for 5 and 6. The lowest exponent is that of the training schedule's first beta.
    """

    version: int = 1
    longest: int | None = LONGEST

    def work(self, lengths: Sequence[int]) -> int:
        """One part a list."""
        return sum(_bins(length) ** length for length in lengths if length <= LONGEST)

    def find(self, workshop: Workshop) -> dict[int, NoiseSchedule]:
        """The best by the judge; the first few are judged again, on other items and noise."""
        found = {}
        for length in workshop.plan.lengths:
            if length > LONGEST:
                continue
            ranked = []
            for schedule in lists(length, workshop.training.betas[0]):
                if workshop.training.contains(float(schedule.alphas[-1])):
                    ranked.append((quality(workshop.judge(schedule, 0)), schedule))
                workshop.observe()
            ranked.sort(key=lambda pair: pair[0], reverse=True)
            finalists = [schedule for _, schedule in ranked[: workshop.plan.finalists]]
            if finalists:
                found[length] = max(finalists, key=lambda one: quality(workshop.judge(one, 1)))
        return found


def lists(length: int, first_beta: float) -> Iterator[NoiseSchedule]:
    """All schedules of the grid."""
    bins = _bins(length)
    values = [1 + 8 * i / (bins - 1) for i in range(bins)]
    exponents = torch.linspace(LARGEST_EXPONENT, math.log10(first_beta), length).tolist()[::-1]
    for chosen in itertools.product(values, repeat=length):
        betas = (k * 10**exponent for k, exponent in zip(chosen, exponents, strict=True))
        yield NoiseSchedule(tuple(betas))


def _bins(length: int) -> int:
    return next(bins for bins in range(9, 1, -1) if bins**length <= LISTS)
