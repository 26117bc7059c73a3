"""Training losses of the score network and of the schedule network (the step loss).

Logs are natural, losses are in nats per data dimension. BDDM's alpha is DDPM's sqrt(alpha-bar).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.process import ScoreNet, q_sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm

LOG_WEIGHT: dict[str, float] = {"exact": 0.5, "released": 0.25}
"""Weight of -log r per dimension in each form of the step loss.

The KL divergence gives 1/2; the released code computes 1/4. The form ``elbo`` has no such term."""


def score_loss(
    score_net: ScoreNet,
    x_0: Tensor,
    alpha: Tensor,
    noise: Tensor,
    condition: Any,
    power: int,
    weight: Tensor | None = None,
) -> Tensor:
    """Compute the score loss E |eps - eps_theta(x_t, alpha_t)|^power (arXiv 2203.13508, Eq. 6).

    Args:
        score_net: eps_theta.
        x_0: data, ``(B, ...)``.
        alpha: noise levels, ``(B,)``.
        noise: eps, same shape as ``x_0``.
        condition: passed on to the network.
        power: 2 for images, 1 for speech (as WaveGrad and the released code do).
        weight: weight of each example, ``(B,)``; None for the papers' 1.

    Returns:
        Mean over examples and dimensions, a scalar.
    """
    eps_theta = score_net(q_sample(x_0, alpha, noise), alpha, condition)
    per_example = (noise - eps_theta).abs().pow(power).flatten(1).mean(1)
    return per_example.mean() if weight is None else (weight * per_example).mean()


def step_loss(
    eps: Tensor, eps_theta: Tensor, ratio: Tensor, form: StepLossForm = "exact"
) -> Tensor:
    """Compute L_step = KL(p_theta(x_{n-1} | x_n = x_t) || q(x_{n-1} | x_0)) per dimension.

    With r = beta_n / delta_t (arXiv 2203.13508, Eq. 13 and appendix) the loss is
    |eps - r eps_theta|^2 / (2 D (1 - r)) - k log r + (r - 1) / 2.

    ========  ======================================================================
    form      loss
    ========  ======================================================================
    exact     k = 1/2: the KL divergence
    released  k = 1/4: the loss of the released code
    elbo      the ELBO's term KL(q(x_{n-1} | x_n, x_0) || p_theta(x_{n-1} | x_n)) instead:
              |eps - eps_theta|^2 r / (2 D (1 - r)), which is least at r = 0
    ========  ======================================================================

    Args:
        eps: the true noise, ``(B, ...)``.
        eps_theta: its prediction, same shape.
        ratio: r in (0, 1), ``(B,)``.
        form: a row of the table above.

    Returns:
        ``(B,)``, nats per dimension.
    """
    if form == "elbo":
        return (eps - eps_theta).square().flatten(1).mean(1) * ratio / (2 * (1 - ratio))
    r = ratio.reshape(-1, *[1] * (eps.ndim - 1))
    fit = (eps - r * eps_theta).square().flatten(1).mean(1) / (2 * (1 - ratio))
    return fit - LOG_WEIGHT[form] * ratio.log() + 0.5 * (ratio - 1)


def next_beta(schedule_net_output: Tensor, delta: Tensor, beta_after: Tensor) -> Tensor:
    """Compute beta_n = min(delta_n, beta_{n+1}) sigma_phi(x_n) (arXiv 2203.13508, Eq. 12).

    Args:
        schedule_net_output: sigma_phi(x_n), ``(B,)``.
        delta: delta_n, ``(B,)``.
        beta_after: beta_{n+1}, ``(B,)``.

    Returns:
        ``(B,)``.
    """
    return torch.minimum(delta, beta_after) * schedule_net_output


def junction_beta(schedule: NoiseSchedule, t: Tensor, tau: int) -> Tensor:
    """Compute beta_{n+1} = 1 - (alpha_{t+tau} / alpha_t)^2, the short step beyond the junction t.

    Source: arXiv 2203.13508, section 3.

    Args:
        schedule: the training schedule.
        t: 0-based steps, ``(B,)``, with ``t + tau`` inside the schedule.
        tau: long steps per short step.

    Returns:
        ``(B,)``, float64.
    """
    alphas = schedule.alphas
    return 1 - (alphas[t + tau] / alphas[t]) ** 2


def schedule_loss(
    networks: tuple[ScoreNet, nn.Module],
    x_0: Tensor,
    condition: Any,
    schedule: NoiseSchedule,
    tau: int,
    generator: torch.Generator,
    form: StepLossForm = "exact",
) -> Tensor:
    """Compute the step loss at random junctions t (arXiv 2203.13508, Algorithm 2).

    Args:
        networks: the score network (frozen: no gradient reaches it) and the schedule network.
        x_0: data, ``(B, ...)``.
        condition: passed to the score network.
        schedule: the training schedule, T steps.
        tau: long steps per short step, at most T / 2.
        generator: CPU generator of t and of the noise.
        form: form of :func:`step_loss`.

    Returns:
        Mean over the batch, nats per dimension.

    Raises:
        ValueError: no t lies in {tau, .., T - tau}.
    """
    score_net, schedule_net = networks
    T = len(schedule)
    if not 1 <= tau <= T // 2:
        raise ValueError(
            f"tau = {tau} leaves no junction in a schedule of {T} steps: use 1..{T // 2}"
        )
    # t ~ U({tau, .., T - tau}); index t - 1 holds the paper's t, which counts from 1.
    t = torch.randint(tau - 1, T - tau, (len(x_0),), generator=generator)
    # eps ~ N(0, I)
    noise = torch.randn(x_0.shape, generator=generator).to(x_0.device)
    # x_t = alpha_t x_0 + sqrt(delta_t) eps
    alpha = schedule.alphas[t].to(x_0.device)
    x_t = q_sample(x_0, alpha, noise)
    with torch.no_grad():  # theta is frozen
        eps_theta = score_net(x_t, alpha, condition).float()
    # alpha_n = alpha_t, delta_n = delta_t, beta_{n+1} = 1 - (alpha_{t+tau} / alpha_t)^2
    delta = schedule.deltas[t].to(x_0.device, torch.float32)
    beta_after = junction_beta(schedule, t, tau).to(x_0.device, torch.float32)
    # beta_n = min(delta_n, beta_{n+1}) sigma_phi(x_t), and L_step
    ratio = next_beta(schedule_net(x_t), delta, beta_after) / delta
    return step_loss(noise, eps_theta, ratio, form).mean()


def optimal_ratio(s: float, form: StepLossForm = "exact") -> float:
    """Find the r in (0, 1) that minimises the expected step loss of an MMSE-optimal score network.

    With s = E|eps_theta|^2 / D the expectation is (1 - 2 r s + r^2 s) / (2 (1 - r)) - k log r +
    (r - 1) / 2 per dimension, a function of one variable whose derivative changes sign once.

    Args:
        s: share of the noise's power that the network recovers, in [0, 1).
        form: form of :func:`step_loss`; ``elbo`` has its minimum at 0.

    Returns:
        r*, to the precision of float64; 0 for ``elbo``.

    Raises:
        ValueError: s is outside [0, 1).
    """
    if not 0.0 <= s < 1.0:
        raise ValueError(
            f"s = {s} must lie in [0, 1): a network can recover no more than the noise"
        )

    if form == "elbo":
        return 0.0

    def slope(r: float) -> float:
        fit = (1 - 2 * s + 2 * r * s - r * r * s) / (2 * (1 - r) ** 2)
        return fit - LOG_WEIGHT[form] / r + 0.5

    low, high = 0.0, 1.0
    for _ in range(60):  # bisection down to the spacing of float64
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2
