"""Noise scheduling: two networks propose a short schedule (arXiv 2203.13508, Algorithm 3)."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS, ScoreNet, reverse_step
from bddm_ref.schedule import NoiseSchedule

SPREAD = (0.95, 1.05)  # factors of a perturbed start


class Start(NamedTuple):
    """Starting point of a noise-scheduling pass, and the kernel of its reverse steps."""

    alpha: float  # alpha_N
    beta: float  # beta_N
    kernel: str  # key of bddm_ref.process.KERNELS

    @property
    def is_valid(self) -> bool:
        """Tell whether alpha_N and beta_N lie in (0, 1) and the next alpha does not pass 1."""
        return is_possible(self.alpha, self.beta)

    def perturbed(self, source: random.Random) -> Start:
        """Move alpha_N and beta_N by up to +-5 % (arXiv 2203.13508, section 4.3)."""
        alpha, beta = (value * source.uniform(*SPREAD) for value in (self.alpha, self.beta))
        return Start(alpha, beta, self.kernel)


def is_possible(alpha: float, beta: float) -> bool:
    """Tell whether alpha_N and beta_N lie in (0, 1) and the next alpha does not pass 1."""
    return 0 < alpha < 1 and 0 < beta < 1 and alpha <= math.sqrt(1 - beta)


def starts(training: NoiseSchedule, bins: int) -> list[Start]:
    """List the grid of (alpha_N, beta_N), with each kernel (arXiv 2203.13508, section 4.3).

    alpha_N = alpha_T + (alpha_1 - alpha_T) i / (M + 1) and beta_N = j / (M + 1), i, j = 1 .. M,
    without the pairs whose next alpha would pass 1.

    Args:
        training: the training schedule.
        bins: M.
    """
    low, high = float(training.alphas[-1]), float(training.alphas[0])
    grid = [
        Start(low + (high - low) * i / (bins + 1), j / (bins + 1), kernel)
        for j in range(1, bins + 1)
        for i in range(1, bins + 1)
        for kernel in KERNELS
    ]
    return [start for start in grid if start.is_valid]


def starts_in_noise(training: NoiseSchedule, bins: int) -> list[Start]:
    """List the starts at alpha_N = alpha_T: the row i = 0 that the papers' grid lacks.

    Sampling starts from N(0, I), but x_t still holds part of the data's mean. At the lowest alpha_N
    of the papers' grid that part is noticeable; at alpha_T it nearly vanishes.

    Args:
        training: the training schedule.
        bins: M.
    """
    grid = [
        Start(float(training.alphas[-1]), j / (bins + 1), kernel)
        for j in range(1, bins + 1)
        for kernel in KERNELS
    ]
    return [start for start in grid if start.is_valid]


@torch.no_grad()
def schedule_betas(
    networks: tuple[ScoreNet, nn.Module],
    start: Start,
    x_N: Tensor,
    condition: Any,
    training: NoiseSchedule,
    max_steps: int,
    *,
    generator: torch.Generator | None = None,
) -> list[float]:
    """Run one pass of noise scheduling (arXiv 2203.13508, Algorithm 3).

    sigma_phi is averaged over the batch. The pass ends at the first of:

    * beta falls below the smallest beta of the training schedule;
    * alpha leaves the levels that the score network was trained on;
    * ``max_steps`` betas are found.

    A pass with a smaller maximum gives a prefix of the same list.

    Args:
        networks: score network and schedule network.
        start: (alpha_N, beta_N) and the kernel of the reverse steps.
        x_N: start noise, ``(B, ...)``.
        condition: passed to the score network.
        training: the training schedule.
        max_steps: N, the largest number of betas.
        generator: CPU generator; only kernels that add noise need one.

    Returns:
        betas, noisiest first, at least one.

    Raises:
        ValueError: the start is not valid or outside the trained levels, the kernel is unknown,
            or it adds noise and there is no generator.
    """
    score_net, schedule_net = networks
    alpha, beta, kernel = start
    if not start.is_valid or not training.contains(alpha) or kernel not in KERNELS:
        raise ValueError(
            f"{start} is no start: alpha must lie within the training schedule and below "
            f"sqrt(1 - beta), beta in (0, 1), kernel in {', '.join(KERNELS)}"
        )
    if KERNELS[kernel](alpha, beta).noise > 0 and generator is None:
        raise ValueError(f"the kernel {kernel!r} adds noise: give a generator")
    betas, x = [beta], x_N  # x_N ~ N(0, I), drawn by the caller
    while len(betas) < max_steps:  # for n = N, .., 2
        # x_{n-1} ~ p_theta(x_{n-1} | x_n; alpha_n, beta_n)
        level = torch.full((len(x),), alpha, dtype=torch.float64, device=x.device)
        eps = score_net(x, level, condition)
        z = torch.randn(x.shape, generator=generator).to(x.device)
        x = reverse_step(x, eps, KERNELS[kernel](alpha, beta), z)
        alpha /= math.sqrt(1 - beta)  # alpha_{n-1} = alpha_n / sqrt(1 - beta_n)
        if alpha >= 1 or not training.contains(alpha):
            break
        # beta_{n-1} = min(delta_{n-1}, beta_n) sigma_phi(x_{n-1})
        beta = min(1 - alpha**2, beta) * float(schedule_net(x).mean())
        if beta < training.betas[0]:  # if beta_{n-1} < beta_1: return
            break
        betas.append(beta)
    return betas  # beta_N first
