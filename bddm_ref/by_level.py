"""What networks answer on noised data, as functions of the noise level."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.process import q_sample
from bddm_ref.sampling import ScoreNet
from bddm_ref.schedule import NoiseSchedule

LEVELS = 33  # at which it is measured
LARGEST_POWER = 1 - 1e-9  # s is below 1; a measured one may not be


def measured_power(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    training: NoiseSchedule,
    generator: torch.Generator,
) -> Callable[[float], float]:
    """Measure s(alpha) = E|eps_theta|^2 / D on data; arguments and result as of measured_error."""
    power = _measured(score_net, (x_0, condition), training, generator, lambda eps, noise: eps)
    return lambda alpha: min(power(alpha), LARGEST_POWER)


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
        condition: of the data.
        training: its first and last level are the ends.
        generator: CPU generator of the noise.

    Returns:
        The error at a level alpha, linear in the log signal-to-noise ratio between those measured.
    """
    data = (x_0, condition)
    return _measured(score_net, data, training, generator, lambda eps, noise: noise - eps)


def _measured(
    score_net: ScoreNet,
    data: tuple[Tensor, Any],
    training: NoiseSchedule,
    generator: torch.Generator,
    of: Callable[[Tensor, Tensor], Tensor],
) -> Callable[[float], float]:
    x_0, condition = data

    def mean_square(x_t: Tensor, alpha: Tensor, noise: Tensor) -> float:
        return float(of(score_net(x_t, alpha, condition), noise).double().square().mean())

    return _by_level(mean_square, x_0, training, generator)


def measured_ratio(
    schedule_net: nn.Module, x_0: Tensor, training: NoiseSchedule, generator: torch.Generator
) -> Callable[[float], float]:
    """Measure the mean of sigma_phi on data noised to a level, which is what it was trained on."""

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
    """``value(x_t, alpha, noise)`` at LEVELS levels, linear in the log-SNR between them."""
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
