"""The evidence lower bound (ELBO) of a process of any number of steps (Ho et al. 2020).

All values are in nats per data dimension; larger is better. The last step's density is
p_theta(x_0 | x_1) = N(x_0; x_0-estimate, v I). The papers leave the variance v open. Here v is
beta_1, as in DDPM. With ``fitted``, v is the mean squared error of the estimate, which makes the
bound largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bddm_ref.process import ScoreNet, q_sample
from bddm_ref.schedule import NoiseSchedule


@dataclass(frozen=True)
class Elbo:
    """Terms of the ELBO, ``(B,)`` each or their means, in nats per dimension.

    Attributes:
        prior: KL(q(x_N | x_0) || N(0, I)).
        steps: KL(q(x_{n-1} | x_n, x_0) || p_theta(x_{n-1} | x_n)), summed over n = 2 .. N.
        square: |x_0 - its estimate from x_1|^2 / D.
        beta: beta_1.
    """

    prior: Any
    steps: Any
    square: Any
    beta: float

    @property
    def mean_square(self) -> float:
        """Mean squared error of the estimate of x_0: the fitted variance v."""
        return float(torch.as_tensor(self.square).mean())

    def bound(self, fitted: bool = False) -> Any:
        """Compute F_elbo (Ho et al. 2020, Eq. 5), with the variance beta_1 or the fitted one."""
        decoder = log_density(self.square, self.mean_square if fitted else self.beta)
        return decoder - self.steps - self.prior


def prior_kl(schedule: NoiseSchedule, mean_square: float | Tensor) -> Any:
    """Compute KL(q(x_N | x_0) || N(0, I)), in nats per dimension.

    Args:
        schedule: N steps.
        mean_square: |x_0|^2 / D, a float or ``(B,)``.
    """
    alpha, delta = float(schedule.alphas[-1]), float(schedule.deltas[-1])
    return (delta + alpha**2 * mean_square - 1 - math.log(delta)) / 2


def step_weights(schedule: NoiseSchedule) -> Tensor:
    """Compute the factor from |eps - eps_theta|^2 to the KL divergence of step n, n = 2 .. N.

    The divergence is KL(q(x_{n-1} | x_n, x_0) || p_theta(x_{n-1} | x_n)). Both densities have the
    variance v_n = delta_{n-1} / delta_n beta_n, so that the factor is
    beta_n^2 / (2 v_n (1 - beta_n) delta_n) (Ho et al. 2020, Eqs. 7, 8 and 12).

    Returns:
        ``(N - 1,)``, float64.
    """
    betas = torch.tensor(schedule.betas[1:], dtype=torch.float64)
    return betas / (2 * (1 - betas) * schedule.deltas[:-1])


def expected_elbo(
    schedule: NoiseSchedule, error: Callable[[float], float], mean_square: float
) -> Elbo:
    """Compute the expectation of the ELBO's terms over the data (Ho et al. 2020, Eq. 5).

    Args:
        schedule: N steps, long or short.
        error: maps alpha to E|eps - eps_theta|^2 / D, which is 1 - s for an optimal score network.
        mean_square: E|x_0|^2 / D.
    """
    errors = torch.tensor([error(a) for a in schedule.alphas.tolist()], dtype=torch.float64)
    delta = schedule.betas[0]  # delta_1 = beta_1
    return Elbo(
        prior=prior_kl(schedule, mean_square),
        steps=float(step_weights(schedule) @ errors[1:]),
        square=delta / (1 - delta) * float(errors[0]),
        beta=delta,
    )


@torch.no_grad()
def elbo(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    schedule: NoiseSchedule,
    generator: torch.Generator,
    draws: int,
) -> Elbo:
    """Estimate the ELBO's terms of each item by Monte Carlo, without bias (Ho et al. 2020, Eq. 5).

    Args:
        score_net: eps_theta.
        x_0: data, ``(B, ...)``.
        condition: conditioning of the data, passed to the score network.
        schedule: N steps, at least 2.
        generator: CPU generator of levels and noise.
        draws: number of levels that each item draws from 2 .. N.

    Returns:
        Terms of each item, ``(B,)`` float64.
    """
    count, steps, weights = len(x_0), len(schedule) - 1, step_weights(schedule)
    total = torch.zeros(count, dtype=torch.float64)
    for draw in range(draws):
        # One level out of each of `draws` equal parts: less variance than independent levels.
        place = (draw + torch.rand(count, generator=generator, dtype=torch.float64)) / draws
        index = (place * steps).long().clamp(max=steps - 1)
        errors = _squared_errors(score_net, x_0, condition, schedule.alphas[index + 1], generator)
        total += weights[index] * errors
    delta, first = schedule.betas[0], schedule.alphas[:1].expand(count)
    square = delta / (1 - delta) * _squared_errors(score_net, x_0, condition, first, generator)
    return Elbo(prior_kl(schedule, per_item(x_0)), total * steps / draws, square, delta)


def _squared_errors(
    score_net: ScoreNet, x_0: Tensor, condition: Any, alpha: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw |eps - eps_theta|^2 / D of each item, ``(B,)``."""
    eps = torch.randn(x_0.shape, generator=generator).to(x_0)
    alpha = alpha.to(x_0.device)
    return per_item(eps - score_net(q_sample(x_0, alpha, eps), alpha, condition))


def per_item(difference: Tensor) -> Tensor:
    """Average the squares of each item: ``(B, ...)`` to ``(B,)`` float64 on the CPU."""
    return difference.double().square().flatten(1).mean(1).cpu()


def log_density(square: Any, variance: float) -> Any:
    """Compute the log-density of a Gaussian per dimension, from a mean squared difference."""
    return -(math.log(2 * math.pi * variance) + square / variance) / 2
