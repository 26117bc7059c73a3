"""Density of the data that a short reverse chain gives, E log p_theta(x_0). Not from the papers.

The chain starts at x_N ~ N(0, I), takes DDPM's reverse steps down to x_1, and ends in p_theta(x_0 |
x_1) = N(x_0; x_0-estimate, v). With the exact score of a Gaussian all of it is Gaussian. In one
dimension the density can be integrated for any score.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bddm_ref.extras.gaussian import AffineStep, affine_chain
from bddm_ref.process import KERNELS, Coefficients, reverse_steps
from bddm_ref.schedule import NoiseSchedule

FINENESS = 3  # grid points per smallest standard deviation of the two steps around a level
REACH = 12.0  # standard deviations that a grid goes beyond the outermost mean
NEGLIGIBLE = 1e-60  # probability of a grid point that no longer counts
ROWS = 1_000  # points of the next level in memory at a time


def last_and_ddpm_steps(schedule: NoiseSchedule, variance: float) -> list[Coefficients]:
    """List the chain's steps from step 1 to N; step 1 is the x_0-estimate with noise of variance v.

    DDIM's step from x_1 is the estimate of x_0.
    """
    last = reverse_steps(schedule, KERNELS["ddim"])[0]._replace(noise=math.sqrt(variance))
    return [last, *reverse_steps(schedule, KERNELS["ddpm"])[1:]]


def gaussian_log_p(
    means: Tensor, variances: Tensor, schedule: NoiseSchedule, variance: float
) -> Tensor:
    """Compute E log p_theta(x_0) exactly for independent Gaussians and their exact score.

    Args:
        means: means of the data, ``(K,)``.
        variances: variances of the data, ``(K,)``.
        schedule: the whole short chain.
        variance: v, of the last step.

    Returns:
        The expectation over the data of each coordinate, ``(K,)`` float64, nats.
    """
    levels = zip(schedule.alphas.tolist(), schedule.deltas.tolist(), strict=True)
    steps = []
    for step, (alpha, delta) in zip(last_and_ddpm_steps(schedule, variance), levels, strict=True):
        slope = step.eps * math.sqrt(delta) / (alpha**2 * variances + delta)
        steps.append(AffineStep(step.signal + slope, -slope * alpha * means, step.noise))
    output = affine_chain(reversed(steps), start_variance=1.0)
    squares = (means - output.shift).square() + variances
    return -(torch.log(2 * math.pi * output.variance) + squares / output.variance) / 2


def density_on_line(
    score: Callable[[Tensor, float], Tensor], schedule: NoiseSchedule, finest: float
) -> Callable[[Tensor, float], Tensor]:
    """Integrate the chain's density of one-dimensional data from level to level.

    Args:
        score: maps points ``(B,)`` and a level alpha to the predicted noise ``(B,)``.
        schedule: the whole short chain.
        finest: the smallest variance of the last step that will be asked for.

    Returns:
        A function from points ``(B,)`` and v to log p_theta ``(B,)``, nats.
    """
    steps = last_and_ddpm_steps(schedule, finest)
    alphas = schedule.alphas.tolist()
    noises = [step.noise for step in steps] + [1.0]  # x_N has the standard deviation 1
    points = _grid(-REACH, REACH, min(noises[-2:]))
    masses = torch.exp(-points.square() / 2)
    for n in reversed(range(len(steps))):
        masses /= masses.sum()  # the trapezoidal rule, whose error is that of rounding here
        kept = masses > NEGLIGIBLE
        points, masses = points[kept], masses[kept]
        means = steps[n].signal * points + steps[n].eps * score(points, alphas[n])
        if n == 0:
            break
        reach, narrowest = REACH * noises[n], min(noises[n], noises[n - 1])
        points = _grid(float(means.min()) - reach, float(means.max()) + reach, narrowest)
        masses = _mixed(points, means, masses, noises[n])
    logs = masses.log()

    def log_p(x: Tensor, variance: float) -> Tensor:
        squares = (x.double()[:, None] - means).square() / variance
        return torch.logsumexp(logs - squares / 2, 1) - math.log(2 * math.pi * variance) / 2

    return log_p


def _grid(low: float, high: float, narrowest: float) -> Tensor:
    count = math.ceil((high - low) / narrowest * FINENESS) + 1
    return torch.linspace(low, high, count, dtype=torch.float64)


def _mixed(points: Tensor, means: Tensor, masses: Tensor, noise: float) -> Tensor:
    """Evaluate a mixture of equal Gaussians at sorted or unsorted points, ``(B,)``."""
    scale = noise * math.sqrt(2 * math.pi)
    parts = [
        torch.exp(-((rows[:, None] - means) / noise).square() / 2) @ masses / scale
        for rows in points.split(ROWS)
    ]
    return torch.cat(parts)


def extended(training: NoiseSchedule, below: NoiseSchedule, t: int, tau: int) -> NoiseSchedule:
    """Continue a short chain above its junction t, by tau long steps a short step.

    Source: arXiv 2203.13508, section 3: beta_{n+1} = 1 - (alpha_{t+tau} / alpha_t)^2.

    Args:
        training: the training schedule.
        below: n steps, the last of which is the level of t.
        t: the junction, 1 .. T.
        tau: long steps per short step.
    """
    above = training.alphas[t + tau - 1 :: tau]
    return NoiseSchedule.from_alphas(torch.cat([below.alphas, above]))
