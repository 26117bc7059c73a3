"""Schedules without a schedule network: what sigma_phi has to beat.

Both rules below choose the next beta from the noise level alone. No sample is followed, so that a
pass costs no network evaluation.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bddm_ref.losses import StepLossForm, optimal_ratio
from bddm_ref.process import q_sample
from bddm_ref.sampling import ScoreNet
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import SPREAD, Start, is_possible

LEVELS = 33  # at which s and the error are measured
LARGEST_POWER = 1 - 1e-9  # s is below 1; a measured one may not be
Rule = Callable[[float, float], float]
"""``(alpha_n, beta_{n+1}) -> beta_n``."""


class ConstantStart(NamedTuple):
    """The four numbers of a two-constant schedule."""

    alpha: float  # alpha_N
    beta: float  # beta_N
    by_beta: float  # c1
    by_delta: float  # c2

    @property
    def is_valid(self) -> bool:
        """Whether it is a start, and both constants lie in (0, 1]."""
        constants_fit = 0 < self.by_beta <= 1 and 0 < self.by_delta <= 1
        return constants_fit and is_possible(self.alpha, self.beta)

    def perturbed(self, source: random.Random) -> ConstantStart:
        """With all four numbers moved by up to +-5 %."""
        return ConstantStart(*(value * source.uniform(*SPREAD) for value in self))


def closed_form_rule(power: Callable[[float], float], form: StepLossForm = "exact") -> Rule:
    """beta_n = min(delta_n, beta_{n+1}, r*(s) delta_n): the optimum of the expected step loss.

    Args:
        power: s of a level alpha, measured or known (see :func:`bddm_ref.losses.optimal_ratio`).
        form: which constant of the step loss.
    """

    def rule(alpha: float, beta_after: float) -> float:
        delta = (1 - alpha) * (1 + alpha)
        return min(delta, beta_after, optimal_ratio(power(alpha), form) * delta)

    return rule


def constant_rule(start: ConstantStart) -> Rule:
    """beta_n = min(c1 beta_{n+1}, c2 delta_n): close to the authors' searched schedules."""

    def rule(alpha: float, beta_after: float) -> float:
        return min(start.by_beta * beta_after, start.by_delta * (1 - alpha) * (1 + alpha))

    return rule


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


@torch.no_grad()
def _measured(
    score_net: ScoreNet,
    data: tuple[Tensor, Any],
    training: NoiseSchedule,
    generator: torch.Generator,
    of: Callable[[Tensor, Tensor], Tensor],
) -> Callable[[float], float]:
    x_0, condition = data
    high, low = (float(training.log_snrs[end]) for end in (0, -1))
    places = torch.linspace(low, high, LEVELS, dtype=torch.float64)
    squares = []
    for place in places:
        alpha = place.sigmoid().sqrt().expand(len(x_0)).to(x_0.device)
        noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        eps = score_net(q_sample(x_0, alpha, noise), alpha, condition)
        squares.append(float(of(eps, noise).double().square().mean()))
    spacing = float(places[1] - places[0])

    def square(alpha: float) -> float:
        position = (2 * math.log(alpha) - math.log1p(-(alpha**2)) - low) / spacing
        below = min(max(int(position), 0), LEVELS - 2)
        share = min(max(position - below, 0.0), 1.0)
        return (1 - share) * squares[below] + share * squares[below + 1]

    return square


def rule_betas(
    rule: Rule, start: Start | ConstantStart, training: NoiseSchedule, max_steps: int
) -> list[float]:
    """One pass: as :func:`bddm_ref.scheduling.schedule_betas`, by a rule instead of two networks.

    Args:
        rule: gives the next beta.
        start: (alpha_N, beta_N); its other fields are not read here.
        training: the training schedule.
        max_steps: N.

    Returns:
        betas, noisiest first, at least one.

    Raises:
        ValueError: the start is not valid or outside the trained levels.
    """
    alpha, beta = start.alpha, start.beta
    if not start.is_valid or not training.contains(alpha):
        raise ValueError(
            f"{start} is no start: alpha must lie within the training schedule and below "
            "sqrt(1 - beta), beta in (0, 1), constants in (0, 1]"
        )
    betas = [beta]
    while len(betas) < max_steps:
        alpha /= math.sqrt(1 - beta)
        if alpha >= 1 or not training.contains(alpha):
            break
        beta = rule(alpha, beta)
        if beta < training.betas[0]:
            break
        betas.append(beta)
    return betas
