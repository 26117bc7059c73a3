"""The bilateral bound of the papers (arXiv 2203.13508, section 3).

All values are in nats per data dimension; larger is better. The variance of the last step's density
is chosen as in :mod:`bddm_ref.elbo_bound`. docs/theory.md says what the bound bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bddm_ref.elbo_bound import log_density, per_item, step_weights
from bddm_ref.losses import step_loss
from bddm_ref.process import KERNELS, ScoreNet, q_sample, reverse_steps
from bddm_ref.sampling import reverse_chain
from bddm_ref.schedule import NoiseSchedule


@dataclass(frozen=True)
class Bilateral:
    """Terms of the bilateral bound, ``(B,)`` each or their means, in nats per dimension.

    Attributes:
        score: L_score = KL(p_theta(x_{n-1} | x_n = x_t) || q(x_{n-1}; x_t, eps)).
        step: L_step = KL(p_theta(x_{n-1} | x_n = x_t) || q(x_{n-1} | x_0)).
        square: |x_0 - its estimate from x_1|^2 / D, x_1 being sampled from x_t.
        beta: beta_1 of the short chain.
        ratio: r = beta_n / delta_t.
        power: |eps_theta|^2 / D at the junction.
        noise: |eps|^2 / D at the junction; its expectation is 1.
    """

    score: Any
    step: Any
    square: Any
    beta: float
    ratio: float
    power: Any
    noise: Any = 1.0

    def reconstruction(self, fitted: bool = False) -> Any:
        """Compute R_theta = -E log p_theta(x_0 | x_1), of variance beta_1 or fitted."""
        return -log_density(self.square, self.mean_square if fitted else self.beta)

    @property
    def mean_square(self) -> float:
        """Mean squared error of the estimate of x_0: the fitted variance v."""
        return float(torch.as_tensor(self.square).mean())

    def f_score(self, fitted: bool = False) -> Any:
        """Compute F_score = -L_score - R_theta (arXiv 2203.13508, section 3)."""
        return -self.score - self.reconstruction(fitted)

    def f_bddm(self, fitted: bool = False) -> Any:
        """Compute the authors' F_bddm = F_score + L_step (arXiv 2203.13508, section 3)."""
        return self.f_score(fitted) + self.step


@torch.no_grad()
def bilateral(
    score_net: ScoreNet,
    x_0: Tensor,
    condition: Any,
    schedule: NoiseSchedule,
    generator: torch.Generator,
) -> Bilateral:
    """Draw the bilateral bound's terms for each item (arXiv 2203.13508, section 3).

    Each item takes one draw of x_t, and one of the chain from x_t down to x_1.

    Args:
        score_net: eps_theta.
        x_0: data, ``(B, ...)``.
        condition: conditioning of the data, passed to the score network.
        schedule: the short chain below the junction, at least 2 steps. Its last level is
            alpha_t, its last beta is beta_n.
        generator: CPU generator of all noise.

    Returns:
        Terms of each item, ``(B,)``.

    Raises:
        ValueError: fewer than 2 steps.
    """
    if len(schedule) < 2:
        raise ValueError("the bilateral bound needs a schedule of at least 2 steps")
    eps = torch.randn(x_0.shape, generator=generator).to(x_0)
    levels = schedule.alphas[:, None].expand(-1, len(x_0)).to(x_0.device)
    x = q_sample(x_0, levels[-1], eps)
    eps_theta = score_net(x, levels[-1], condition)
    squares = per_item(eps - eps_theta)
    beta, delta = schedule.betas[-1], float(schedule.deltas[-1])
    ratio = torch.full((len(x_0),), beta / delta, dtype=torch.float64)
    step = step_loss(eps.double().cpu(), eps_theta.double().cpu(), ratio)

    def predict(x_n: Tensor, n: int) -> Tensor:
        at_junction = n == len(schedule) - 1  # evaluated above
        return eps_theta if at_junction else score_net(x_n, levels[n], condition)

    def draw() -> Tensor:
        return torch.randn(x.shape, generator=generator).to(x)

    # DDIM's step from x_1 is the estimate of x_0.
    last = reverse_steps(schedule, KERNELS["ddim"])[:1]
    steps = last + reverse_steps(schedule, KERNELS["ddpm"])[1:]
    estimate = reverse_chain(predict, steps, x, draw)
    return Bilateral(
        score=float(step_weights(schedule)[-1]) * squares,
        step=step,
        square=per_item(x_0 - estimate),
        beta=schedule.betas[0],
        ratio=beta / delta,
        power=per_item(eps_theta),
        noise=per_item(eps),
    )
