"""WaveGrad's grid search over the betas themselves (Chen et al. 2021, section 4.4)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.searching import quality
from benchmarks.runtime.found import Found
from benchmarks.searches.base import Search, SearchInputs, judged_last

LISTS = 729  # most lists of one length: 9^3
LARGEST_EXPONENT = -1.0  # e_N, of the noisiest beta


@dataclass(frozen=True)
class BetaGrid(Search):
    """A grid of lists beta_n = k_n 10^(e_n).

    The k_n lie on a grid over 1 .. 9, the e_n are equally spaced up to -1.

    The number of values of k is the largest that makes at most LISTS lists: 1 .. 9 for 3 steps,
    five values for 4 steps, and 1, 5, 9 for 5 and 6 steps. The lowest e_n is log10 of the training
    schedule's first beta.
    """

    longest: ClassVar[int | None] = 6  # the number of lists is a power of the steps

    def _work(self, inputs: SearchInputs) -> int:
        """Count one part for each list."""
        return sum(_bins(length) ** length for length in inputs.config.lengths)

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        """Judge all lists, then the best few again, on other items and noise."""
        judge, training, plan = inputs.problem.judge, inputs.training, inputs.plan
        found = {}
        for length in plan.lengths:
            ranked = []
            for schedule in lists(length, training.betas[0]):
                if training.contains(float(schedule.alphas[-1])):
                    ranked.append((quality(judge(schedule, 0)), schedule))
                inputs.observe()
            ranked.sort(key=lambda pair: pair[0], reverse=True)
            finalists = [schedule for _, schedule in ranked[: plan.finalists]]
            if finalists:
                found[length] = max(finalists, key=lambda one: quality(judge(one, 1)))
        return judged_last(found, inputs)


def lists(length: int, first_beta: float) -> Iterator[NoiseSchedule]:
    """Yield all schedules of the grid.

    Args:
        length: steps of each schedule.
        first_beta: the training schedule's first beta, whose exponent is the smallest.
    """
    bins = _bins(length)
    values = [1 + 8 * i / (bins - 1) for i in range(bins)]
    exponents = torch.linspace(LARGEST_EXPONENT, math.log10(first_beta), length).tolist()[::-1]
    for chosen in itertools.product(values, repeat=length):
        betas = (k * 10**exponent for k, exponent in zip(chosen, exponents, strict=True))
        yield NoiseSchedule(tuple(betas))


def _bins(length: int) -> int:
    return next(bins for bins in range(9, 1, -1) if bins**length <= LISTS)
