"""FastDPM (Kong and Ping 2021, arXiv 2106.00132): short schedules by two approximations.

VAR chooses the variances of the short process and looks up the training steps that have the same
noise levels; STEP chooses the training steps and takes their levels. Either way the short process
is a list of levels. The papers' kappa = 1 is the DDPM kernel on it, kappa = 0 the DDIM kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    ContestantInputs,
    Sampler,
    SkipContestantError,
    kernel_sampler,
)
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role

QUADRATIC_END = 0.8  # share of T at which STEP's quadratic steps end
HALVINGS = 200  # steps of the bisection for the free variance


@dataclass(frozen=True)
class FastDpm:
    """FastDPM with one of four schedules and one of two kernels.

    Attributes:
        title: name in tables.
        approximation: ``var`` chooses variances, ``step`` chooses training steps.
        spacing: growth of these variances or steps.
        kernel: ``ddpm`` (kappa = 1) or ``ddim`` (kappa = 0).
    """

    title: str
    approximation: Literal["var", "step"]
    spacing: Literal["linear", "quadratic"]
    kernel: str

    role: ClassVar[Role] = "rival"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of ``steps`` steps, 2 at least."""
        T = len(inputs.training)
        if not 2 <= steps <= T:
            raise SkipContestantError(f"FastDPM needs 2 to {T} steps")
        approximate = by_variance if self.approximation == "var" else by_step
        return kernel_sampler(approximate(inputs.training, steps, self.spacing), self.kernel)


def by_variance(training: NoiseSchedule, steps: int, spacing: str) -> NoiseSchedule:
    """Make the schedule of VAR: eta_s from beta_1 on, ending at the last training level.

    ``linear`` grows in equal steps, ``quadratic`` as beta_1 (1 + c s)^2, s = 0 .. N - 1.
    """
    first, wanted = training.betas[0], 2 * math.log(float(training.alphas[-1]))
    places = torch.arange(steps, dtype=torch.float64)
    if spacing == "linear":
        return NoiseSchedule(_ending_at(wanted, lambda x: first + (1 - first) * x * places))
    root = math.sqrt(first)
    return NoiseSchedule(_ending_at(wanted, lambda x: (root + (1 - root) * x * places).square()))


def by_step(training: NoiseSchedule, steps: int, spacing: str) -> NoiseSchedule:
    """Make the schedule of STEP: training steps 0 .. T - 1 (linear) or 0 .. 0.8 T (quadratic)."""
    if spacing == "linear":
        return training.subsequence(steps, "both-ends")
    T = len(training)
    wanted = torch.linspace(0, math.sqrt(QUADRATIC_END * T), steps, dtype=torch.float64) ** 2
    # Rounding may merge neighbours near the data; push them apart.
    index = torch.maximum(wanted.floor().long(), torch.arange(steps)).clamp(max=T - 1)
    return NoiseSchedule.from_alphas(training.alphas[index])


def _ending_at(wanted: float, variances: Callable[[float], torch.Tensor]) -> tuple[float, ...]:
    """Find by bisection the variances with log prod (1 - eta) = ``wanted``.

    Args:
        wanted: log of the squared alpha of the last level.
        variances: free number in (0, 1) to increasing eta_s, which grow with that number.
    """
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        etas = variances(middle)
        too_noisy = bool((etas >= 1).any()) or float(torch.log1p(-etas).sum()) < wanted
        low, high = (low, middle) if too_noisy else (middle, high)
    return tuple(variances(low).tolist())
