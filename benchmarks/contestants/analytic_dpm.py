"""Analytic-DPM: the optimal variance of each reverse step (Bao et al. 2022, arXiv 2201.06503)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from bddm_ref.process import KERNELS, Coefficients, Kernel
from benchmarks.contestants.base import (
    ContestantInputs,
    Sampler,
    SkipContestantError,
    kernel_sampler,
)
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role


@dataclass(frozen=True)
class AnalyticDpm:
    """A linear sub-sequence with a kernel's mean and the optimal variance for that mean.

    The variance follows from the power of the noise estimate, measured on validation items. The
    contestants ``ddpm`` and ``ddim`` have the same sub-sequence: only the variance differs.

    Two things differ from the original. The original's sub-sequence contains the first training
    step. The original bounds the variance by the range of the data, and near the data by a
    threshold for 8-bit images.
    """

    title: str
    kernel: str  # a key of bddm_ref.process.KERNELS, for the mean

    role: ClassVar[Role] = "rival"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of the sub-sequence of ``steps`` steps."""
        if steps > len(inputs.training):
            raise SkipContestantError(
                f"the training schedule has only {len(inputs.training)} steps"
            )
        if inputs.power is None:
            raise SkipContestantError("there is nothing to measure the power of the noise on")
        schedule = inputs.training.subsequence(steps)
        power = inputs.power()
        powers = [power(alpha) for alpha in schedule.alphas.tolist()]
        kernel = optimal_variance(KERNELS[self.kernel], power)
        return kernel_sampler(schedule, f"analytic-{self.kernel}", kernel, powers=powers)


def optimal_variance(kernel: Kernel, power: Callable[[float], float]) -> Kernel:
    """Give a kernel the optimal variance for its mean (Bao et al. 2022, theorem 1).

    sigma^2 = lambda^2 + (sqrt(delta_n / (1 - beta_n)) - sqrt(delta_{n-1} - lambda^2))^2 (1 - s),
    where lambda^2 is the kernel's own variance and s = E|eps_theta|^2 / D.

    Args:
        kernel: DDPM's or DDIM's.
        power: level alpha to s.
    """

    def optimal(alpha: float, beta: float) -> Coefficients:
        own = kernel(alpha, beta)
        delta = 1 - alpha**2
        before = max(0.0, (delta - beta) / (1 - beta))
        rest = math.sqrt(delta / (1 - beta)) - math.sqrt(max(0.0, before - own.noise**2))
        variance = own.noise**2 + rest**2 * (1 - power(alpha))
        return own._replace(noise=math.sqrt(variance))

    return optimal
