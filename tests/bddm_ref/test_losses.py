"""The losses against hand-computed values and the table of optimal ratios."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from bddm_ref.losses import (
    junction_beta,
    next_beta,
    optimal_ratio,
    schedule_loss,
    score_loss,
    step_loss,
)
from bddm_ref.process import ddpm_kernel
from bddm_ref.schedule import NoiseSchedule

# r*(s), rounded to four decimals.
SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999)
EXACT = (0.3177, 0.3383, 0.3887, 0.4563, 0.5537, 0.7212, 0.7964, 0.9045, 0.9689)
RELEASED = (0.1962, 0.2126, 0.2550, 0.3177, 0.4198, 0.6228, 0.7212, 0.8671, 0.9562)


@pytest.mark.parametrize(("s", "expected"), [*zip(SHARES, EXACT, strict=True)])
def test_optimal_ratio_exact(s: float, expected: float) -> None:
    assert optimal_ratio(s, "exact") == pytest.approx(expected, abs=5.1e-5)


@pytest.mark.parametrize(("s", "expected"), [*zip(SHARES, RELEASED, strict=True)])
def test_optimal_ratio_released(s: float, expected: float) -> None:
    assert optimal_ratio(s, "released") == pytest.approx(expected, abs=5.1e-5)


@pytest.mark.parametrize("s", [-0.1, 1.0, float("nan")])
def test_optimal_ratio_refuses_impossible_shares(s: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        optimal_ratio(s)


def test_step_loss_is_the_kl_divergence() -> None:
    """The loss is the KL of the two Gaussians, computed from their means and variances."""
    generator = torch.Generator().manual_seed(3)
    x_0, eps, eps_theta = (
        torch.randn(1, 64, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    alpha, beta = 0.8, 0.2
    delta = 1 - alpha**2
    x_t = alpha * x_0 + math.sqrt(delta) * eps
    # p: the reverse kernel; q(x_{n-1} | x_0): mean alpha x_0 / sqrt(1 - beta).
    step = ddpm_kernel(alpha, beta)
    mean_p, variance_p = step.signal * x_t + step.eps * eps_theta, step.noise**2
    mean_q, variance_q = alpha * x_0 / math.sqrt(1 - beta), (delta - beta) / (1 - beta)
    ratio = variance_p / variance_q
    kl = 0.5 * (ratio - 1 - math.log(ratio)) + 0.5 * (mean_p - mean_q).square() / variance_q
    loss = step_loss(eps, eps_theta, torch.tensor([beta / delta], dtype=torch.float64))
    assert float(loss) == pytest.approx(float(kl.mean()), rel=1e-12)


@pytest.mark.parametrize("tau", [10, 60])  # beta_{n+1} is the smaller bound for the first
def test_schedule_loss_by_hand(tau: int) -> None:
    schedule = NoiseSchedule.linear(200, 1e-4, 0.02)
    sigma = 0.7

    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x),), sigma)

    def half(x: torch.Tensor, alpha: torch.Tensor, condition: object) -> torch.Tensor:
        return 0.5 * x

    x_0 = torch.randn(6, 32, generator=torch.Generator().manual_seed(1))
    loss = schedule_loss(
        (half, Constant()), x_0, None, schedule, tau, torch.Generator().manual_seed(2)
    )
    generator = torch.Generator().manual_seed(2)
    t = torch.randint(tau - 1, 200 - tau, (6,), generator=generator)
    noise = torch.randn(6, 32, generator=generator)
    expected, bound = [], set()
    for i, step in enumerate(t.tolist()):
        alpha, later = float(schedule.alphas[step]), float(schedule.alphas[step + tau])
        delta, after = 1 - alpha**2, 1 - (later / alpha) ** 2
        bound.add("beta" if after < delta else "delta")
        x_t = alpha * x_0[i] + math.sqrt(delta) * noise[i]
        ratio = torch.tensor([min(delta, after) * sigma / delta])
        expected.append(float(step_loss(noise[None, i], 0.5 * x_t[None], ratio)))
    assert float(loss) == pytest.approx(sum(expected) / 6, rel=1e-5)
    assert bound == ({"delta"} if tau == 60 else {"beta"})


def test_released_form_has_half_the_log() -> None:
    eps = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    ratio = torch.tensor([0.3, 0.7])
    exact, released = (step_loss(eps, 0.5 * eps, ratio, form) for form in ("exact", "released"))
    torch.testing.assert_close(exact - released, -0.25 * ratio.log())


def test_score_loss_by_hand() -> None:
    def half(x: torch.Tensor, alpha: torch.Tensor, condition: object) -> torch.Tensor:
        return torch.full_like(x, 0.5)

    noise = torch.tensor([[1.5, -0.5]])
    alpha = torch.tensor([0.6])
    assert float(score_loss(half, noise, alpha, noise, None, 1)) == pytest.approx(1.0)
    assert float(score_loss(half, noise, alpha, noise, None, 2)) == pytest.approx(1.0)
    assert float(score_loss(half, noise, alpha, 2 * noise, None, 2)) == pytest.approx(4.25)


def test_score_loss_weighs_examples() -> None:
    def zero(x: torch.Tensor, alpha: torch.Tensor, condition: object) -> torch.Tensor:
        return torch.zeros_like(x)

    noise = torch.tensor([[1.0, -3.0], [4.0, 6.0]])
    alpha, weight = torch.tensor([0.6, 0.8]), torch.tensor([0.5, 2.0])
    loss = score_loss(zero, noise, alpha, noise, None, 1, weight)
    assert float(loss) == pytest.approx((0.5 * 2 + 2 * 5) / 2)


def test_next_and_junction_beta_by_hand() -> None:
    sigma, delta, after = (torch.tensor([v]) for v in (0.5, 0.3, 0.2))
    assert float(next_beta(sigma, delta, after)) == pytest.approx(0.1)
    assert float(next_beta(sigma, after, delta)) == pytest.approx(0.1)
    schedule = NoiseSchedule((0.1, 0.2, 0.3))
    # From the first to the third level: 1 - (1 - 0.2)(1 - 0.3).
    beta = junction_beta(schedule, torch.tensor([0]), 2)
    assert float(beta) == pytest.approx(0.44)


def test_schedule_loss_draws_junctions_the_schedule_has() -> None:
    seen: list[torch.Tensor] = []

    def score_net(x: torch.Tensor, alpha: torch.Tensor, condition: object) -> torch.Tensor:
        seen.append(alpha)
        return torch.zeros_like(x)

    class Half(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x),), 0.5)

    schedule = NoiseSchedule.linear(10, 1e-4, 0.02)
    generator = torch.Generator().manual_seed(0)
    x_0 = torch.zeros(500, 4)
    schedule_loss((score_net, Half()), x_0, None, schedule, 3, generator)
    # t in {3, .., 7}, counted from 1.
    expected = schedule.alphas[2:7].flip(0)
    torch.testing.assert_close(seen[0].unique(), expected)
    with pytest.raises(ValueError, match="no junction"):
        schedule_loss((score_net, Half()), x_0, None, schedule, 6, generator)


def test_schedule_loss_leaves_the_score_network_alone() -> None:
    score_layer, schedule_layer = nn.Linear(4, 4), nn.Linear(4, 1)

    class Schedule(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(schedule_layer(x)[:, 0])

    loss = schedule_loss(
        (lambda x, alpha, condition: score_layer(x), Schedule()),
        torch.ones(3, 4),
        None,
        NoiseSchedule.linear(10, 1e-4, 0.02),
        3,
        torch.Generator().manual_seed(0),
    )
    loss.backward()
    assert score_layer.weight.grad is None
    assert schedule_layer.weight.grad is not None


def test_the_elbos_term_is_least_without_a_step() -> None:
    """The ELBO's term is torch's KL of two Gaussians of one variance, and grows with r."""
    eps, eps_theta = torch.tensor([[0.7]]), torch.tensor([[0.1]])
    alpha, losses = 0.6, []
    delta = 1 - alpha**2
    for ratio in (0.05, 0.3, 0.8):
        beta = ratio * delta
        before = 1 - alpha**2 / (1 - beta)
        deviation = (before / delta * beta) ** 0.5
        means = [(0.2 - beta / delta**0.5 * e) / (1 - beta) ** 0.5 for e in (0.7, 0.1)]
        pair = [torch.distributions.Normal(mean, deviation) for mean in means]
        loss = step_loss(eps, eps_theta, torch.tensor([ratio]), "elbo")
        assert float(loss) == pytest.approx(float(torch.distributions.kl_divergence(*pair)))
        losses.append(float(loss))
    assert losses == sorted(losses)
    assert optimal_ratio(0.5, "elbo") == 0.0
