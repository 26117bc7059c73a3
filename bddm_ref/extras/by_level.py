"""Mean answers of networks to noised data, as functions of the noise level.

Not from the papers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.process import ScoreNet, q_sample
from bddm_ref.schedule import NoiseSchedule

LEVELS = 33  # noise levels of a measurement
LARGEST_POWER = 1 - 1e-9  # s is below 1, but a measurement may exceed it


def measured_power(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    training: NoiseSchedule,
    generator: torch.Generator,
) -> Callable[[float], float]:
    """Measure s(alpha) = E|eps_theta|^2 / D on data; arguments are those of measured_error.

    Near pure noise 1 - s is far smaller than the chance error of a mean of |eps_theta|^2. Two
    measures reduce that error:

    * Each item is evaluated with its noise and with the negated noise, so that products of noise
      and data cancel.
    * The noise's own power, whose mean is 1, serves as control variate.

    Returns:
        A function from alpha to s, at most LARGEST_POWER.
    """

    def power(x_t: Tensor, alpha: Tensor, noise: Tensor) -> float:
        pair = x_t, q_sample(x_0, alpha, -noise)
        both = torch.stack([score_net(x, alpha, condition).double().square() for x in pair])
        squares, known = both.mean(0), noise.double().square()
        varying = known - known.mean()
        slope = (squares * varying).mean() / varying.square().mean()
        return float(squares.mean() - slope * (known.mean() - 1))

    measured = _by_level(power, x_0, training, generator)
    return lambda alpha: min(measured(alpha), LARGEST_POWER)


def measured_error(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    training: NoiseSchedule,
    generator: torch.Generator,
) -> Callable[[float], float]:
    """Measure E|eps - eps_theta|^2 / D on data, at LEVELS levels of the training schedule.

    Args:
        score_net: eps_theta.
        x_0: data, ``(B, ...)``.
        condition: conditioning of the data, passed to the score network.
        training: the training schedule, whose first and last levels bound the measurement.
        generator: CPU generator of the noise.

    Returns:
        A function from alpha to the error, linear in the log-SNR between measured levels.
    """

    def error(x_t: Tensor, alpha: Tensor, noise: Tensor) -> float:
        return float((noise - score_net(x_t, alpha, condition)).double().square().mean())

    return _by_level(error, x_0, training, generator)


def measured_ratio(
    schedule_net: nn.Module, x_0: Tensor, training: NoiseSchedule, generator: torch.Generator
) -> Callable[[float], float]:
    """Measure the mean of sigma_phi on noised data, the inputs of its training.

    Args:
        schedule_net: sigma_phi.
        x_0: data, ``(B, ...)``.
        training: the training schedule, whose first and last levels bound the measurement.
        generator: CPU generator of the noise.

    Returns:
        A function from alpha to the mean, linear in the log-SNR between measured levels.
    """

    def mean_ratio(x_t: Tensor, alpha: Tensor, noise: Tensor) -> float:
        return float(schedule_net(x_t).double().mean())

    return _by_level(mean_ratio, x_0, training, generator)


@torch.no_grad()
def _by_level(
    value: Callable[[Tensor, Tensor, Tensor], float],
    x_0: Tensor,
    training: NoiseSchedule,
    generator: torch.Generator,
) -> Callable[[float], float]:
    """Interpolate ``value(x_t, alpha, noise)`` linearly in the log-SNR between LEVELS levels."""
    high, low = (float(training.log_snrs[end]) for end in (0, -1))
    places = torch.linspace(low, high, LEVELS, dtype=torch.float64)
    values = []
    for place in places:
        alpha = place.sigmoid().sqrt().expand(len(x_0)).to(x_0.device)
        noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        values.append(value(q_sample(x_0, alpha, noise), alpha, noise))
    spacing = float(places[1] - places[0])

    def between(alpha: float) -> float:
        position = (2 * math.log(alpha) - math.log1p(-(alpha**2)) - low) / spacing
        below = min(max(int(position), 0), LEVELS - 2)
        share = min(max(position - below, 0.0), 1.0)
        return (1 - share) * values[below] + share * values[below + 1]

    return between
