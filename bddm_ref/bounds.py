"""The two lower bounds on the log-likelihood: the ELBO, and the bilateral one.

Everything is in nats per data dimension, larger is better. The last step's density is
p_theta(x_0 | x_1) = N(x_0; x_0-estimate, v I) in both bounds. The papers do not say v: it is beta_1
as in DDPM, unless the functions say ``fitted``, where it is the mean squared error of the estimate,
the v that makes the bound largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bddm_ref.losses import step_loss
from bddm_ref.process import KERNELS, q_sample, reverse_step
from bddm_ref.sampling import ScoreNet
from bddm_ref.schedule import NoiseSchedule


@dataclass(frozen=True)
class Bilateral:
    """The terms of the bilateral bound; each ``(B,)`` or its mean, nats per dimension.

    Attributes:
        score: L_score = KL(p_theta(x_{n-1} | x_n = x_t) || q(x_{n-1}; x_t, eps)).
        step: L_step = KL(p_theta(x_{n-1} | x_n = x_t) || q(x_{n-1} | x_0)).
        square: |x_0 - its estimate from x_1|^2 / D, x_1 being sampled from x_t.
        beta: beta_1 of the short process.
    """

    score: Any
    step: Any
    square: Any
    beta: float

    def reconstruction(self, fitted: bool = False) -> Any:
        """R_theta = -E log p_theta(x_0 | x_1)."""
        return -log_density(self.square, self.mean_square if fitted else self.beta)

    @property
    def mean_square(self) -> float:
        """The fitted v."""
        return float(torch.as_tensor(self.square).mean())

    def f_score(self, fitted: bool = False) -> Any:
        """F_score = -L_score - R_theta (arXiv 2203.13508, section 3)."""
        return -self.score - self.reconstruction(fitted)

    def f_bddm(self, fitted: bool = False) -> Any:
        """F_bddm = -L_step - R_theta: the bound with the loss that trains sigma_phi."""
        return -self.step - self.reconstruction(fitted)


def prior_kl(schedule: NoiseSchedule, mean_square: float | Tensor) -> Any:
    """KL(q(x_N | x_0) || N(0, I)) of data with this mean of squares, nats per dimension."""
    alpha, delta = float(schedule.alphas[-1]), float(schedule.deltas[-1])
    return (delta + alpha**2 * mean_square - 1 - math.log(delta)) / 2


def step_weights(schedule: NoiseSchedule) -> Tensor:
    """KL(q(x_{n-1} | x_n, x_0) || p_theta(x_{n-1} | x_n)) over |eps - eps_theta|^2, n = 2 .. N.

    beta_n^2 / (2 v_n (1 - beta_n) delta_n) with v_n = delta_{n-1} / delta_n beta_n, the variance of
    both (Ho et al. 2020, Eqs. 7, 8 and 12).

    Returns:
        ``(N - 1,)``, float64.
    """
    betas = torch.tensor(schedule.betas[1:], dtype=torch.float64)
    return betas / (2 * (1 - betas) * schedule.deltas[:-1])


def expected_elbo(
    schedule: NoiseSchedule,
    error: Callable[[float], float],
    mean_square: float,
    fitted: bool = False,
) -> float:
    """F_elbo in expectation over data, exactly (Ho et al. 2020, Eq. 5).

    Args:
        schedule: of N steps, long or short.
        error: alpha to E|eps - eps_theta|^2 / D; 1 - s for an optimal score network.
        mean_square: E|x_0|^2 / D.
        fitted: whether v is the best one.
    """
    errors = torch.tensor([error(a) for a in schedule.alphas.tolist()], dtype=torch.float64)
    steps = float(step_weights(schedule) @ errors[1:])
    delta = schedule.betas[0]  # of the first level
    square = delta / (1 - delta) * float(errors[0])  # of x_0 less its estimate
    decoder = log_density(square, square if fitted else delta)
    return float(decoder - steps - prior_kl(schedule, mean_square))


@torch.no_grad()
def elbo(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    schedule: NoiseSchedule,
    generator: torch.Generator,
    draws: int,
) -> Tensor:
    """F_elbo of each item by Monte Carlo, unbiased: ``draws`` levels spread over 2 .. N.

    Args:
        score_net: eps_theta.
        x_0: data, ``(B, ...)``.
        condition: of the data.
        schedule: of N steps, at least 2.
        generator: CPU generator of levels and noise.
        draws: levels of each item, besides the first and the last.

    Returns:
        ``(B,)``, float64.
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
    prior = prior_kl(schedule, _per_item(x_0))
    bound: Tensor = log_density(square, delta) - total * steps / draws - prior
    return bound


@torch.no_grad()
def bilateral(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    schedule: NoiseSchedule,
    generator: torch.Generator,
) -> Bilateral:
    """The bilateral bound's terms of each item, by one draw of x_t and of the chain down from it.

    Args:
        score_net: eps_theta.
        x_0: data, ``(B, ...)``.
        condition: of the data.
        schedule: the short process from x_t on: its last level is the junction's alpha_t, and its
            last beta is beta_n. At least 2 steps.
        generator: CPU generator of all noise.

    Raises:
        ValueError: fewer than 2 steps.
    """
    if len(schedule) < 2:
        raise ValueError("the bilateral bound needs a schedule of at least 2 steps")
    eps = torch.randn(x_0.shape, generator=generator).to(x_0)
    levels = schedule.alphas[:, None].expand(-1, len(x_0)).to(x_0.device)
    x = q_sample(x_0, levels[-1], eps)
    eps_theta = score_net(x, levels[-1], condition)
    squares = _per_item(eps - eps_theta)
    beta, delta = schedule.betas[-1], float(schedule.deltas[-1])
    ratio = torch.full((len(x_0),), beta / delta, dtype=torch.float64)
    step = step_loss(eps.double().cpu(), eps_theta.double().cpu(), ratio)
    for n in range(len(schedule) - 1, 0, -1):
        if n < len(schedule) - 1:
            eps_theta = score_net(x, levels[n], condition)
        z = torch.randn(x.shape, generator=generator).to(x)
        kernel = KERNELS["ddpm"](float(schedule.alphas[n]), schedule.betas[n])
        x = reverse_step(x, eps_theta, kernel, z)
    last = score_net(x, levels[0], condition)
    clean = KERNELS["ddim"](float(schedule.alphas[0]), schedule.betas[0])
    estimate = reverse_step(x, last, clean, None)
    return Bilateral(
        score=float(step_weights(schedule)[-1]) * squares,
        step=step,
        square=_per_item(x_0 - estimate),
        beta=schedule.betas[0],
    )


def _squared_errors(
    score_net: ScoreNet, x_0: Tensor, condition: Any, alpha: Tensor, generator: torch.Generator
) -> Tensor:
    """|eps - eps_theta|^2 / D of each item, ``(B,)``."""
    eps = torch.randn(x_0.shape, generator=generator).to(x_0)
    alpha = alpha.to(x_0.device)
    return _per_item(eps - score_net(q_sample(x_0, alpha, eps), alpha, condition))


def _per_item(difference: Tensor) -> Tensor:
    return difference.double().square().flatten(1).mean(1).cpu()


def log_density(square: Any, variance: float) -> Any:
    """Log N(.; ., variance) per dimension, for this mean squared difference."""
    return -(math.log(2 * math.pi * variance) + square / variance) / 2
