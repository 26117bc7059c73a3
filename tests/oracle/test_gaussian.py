"""Gaussian data, where the score, the moments and the best schedule are known exactly."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from bddm_ref.extras.networks.ratio import RatioNet
from bddm_ref.extras.networks.rescaled import RescaledScoreNet
from bddm_ref.losses import junction_beta, optimal_ratio, schedule_loss
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import TrainingConfig
from bddm_ref.training import train


class GaussianScore(torch.nn.Module):
    """The exact eps*(x, alpha) = sqrt(delta) C_t^-1 (x - alpha mean) of data N(mean, C)."""

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        super().__init__()
        self.mean, self.covariance = mean.double(), covariance.double()

    def forward(self, x: Tensor, alpha: Tensor, condition: object = None) -> Tensor:
        level = float(alpha[0])
        delta = 1 - level**2
        noisy = level**2 * self.covariance + delta * torch.eye(len(self.mean)).double()
        centred = (x.double() - level * self.mean).T
        return (delta**0.5 * torch.linalg.solve(noisy, centred)).T.to(x.dtype)


MEAN = torch.tensor([1.0, -2.0, 0.5])
COVARIANCE = torch.tensor([[1.0, 0.6, 0.0], [0.6, 2.0, -0.3], [0.0, -0.3, 0.25]])


def moments_of_the_chain(schedule: NoiseSchedule, kernel: str) -> tuple[Tensor, Tensor]:
    """Compute mean and covariance of the kernel's affine steps by recursion, in float64."""
    score = GaussianScore(MEAN, COVARIANCE)
    mean, covariance = torch.zeros(3).double(), torch.eye(3).double()
    for n in range(len(schedule) - 1, -1, -1):
        alpha, beta = schedule.alphas[n : n + 1], schedule.betas[n]
        a, b, c = KERNELS[kernel](float(alpha), beta)
        offset = score(torch.zeros(1, 3).double(), alpha)[0]
        matrix = (score(torch.eye(3).double(), alpha) - offset).T
        step = a * torch.eye(3).double() + b * matrix
        mean = step @ mean + b * offset
        covariance = step @ covariance @ step.T + (c if n else 0.0) ** 2 * torch.eye(3).double()
    return mean, covariance


@pytest.mark.parametrize("kernel", [*KERNELS])
def test_kernels_follow_the_moment_recursion(kernel: str) -> None:
    schedule = NoiseSchedule.linear(40, 1e-4, 0.25)
    exact = GaussianScore(MEAN, COVARIANCE)

    def score(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        return exact(x.flatten(0, 1), alpha).reshape(x.shape)

    # 100 items of 200 points each: an item has its own generator.
    generators = [torch.Generator().manual_seed(i) for i in range(100)]
    x_N = torch.stack([torch.randn(200, 3, generator=g, dtype=torch.float64) for g in generators])
    x_0 = sample(score, schedule, KERNELS[kernel], x_N, None, generators).flatten(0, 1)
    mean, covariance = moments_of_the_chain(schedule, kernel)
    # Standard errors: sqrt(2 / 20000) = 0.010 of the mean, 2 * sqrt(2 / 20000) = 0.020; 4.5 sigma.
    torch.testing.assert_close(x_0.mean(0), mean, rtol=0, atol=0.045)
    torch.testing.assert_close(torch.cov(x_0.T), covariance, rtol=0, atol=0.09)


@pytest.mark.parametrize("kernel", [*KERNELS])
def test_moments_reach_the_data_at_first_order(kernel: str) -> None:
    """With the exact score both kernels converge to N(mean, C), at an error of order 1 / N."""
    training = NoiseSchedule.log_snr(2**12, 12.0, -12.0)
    errors = []
    for steps in (64, 128, 256, 512):
        mean, covariance = moments_of_the_chain(training.subsequence(steps), kernel)
        errors.append(float((covariance - COVARIANCE).norm() + (mean - MEAN).norm()))
    # The error at 512 steps is the kernels', not the ends' (e^-12 = 6e-6).
    assert errors[-1] < 0.1
    slopes = [a / b for a, b in itertools.pairwise(errors)]
    assert all(1.7 < slope < 2.3 for slope in slopes), slopes


def test_amplitude_adapter_is_exact() -> None:
    """The score of x from the score of 8 x is the score of x."""
    direct = GaussianScore(MEAN, COVARIANCE)
    scaled = GaussianScore(8 * MEAN, 64 * COVARIANCE)
    adapted = RescaledScoreNet(scaled, 8.0)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for alpha in (0.9999, 0.9, 0.5, 0.05):
        level = torch.full((5,), alpha, dtype=torch.float64)
        torch.testing.assert_close(adapted(x, level, None), direct(x, level), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "deviation"), [("exact", 0.5), ("released", 2.0)])
def test_schedule_network_reaches_the_optimal_ratio(form: str, deviation: float) -> None:
    """The network learns r*(s) on data N(0, c^2 I), where s = delta / (alpha^2 c^2 + delta)."""
    D, tau = 8192, 60  # long enough that a clip's power shows its level
    schedule = NoiseSchedule.linear(200, 1e-4, 0.02)

    def score_net(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        level = alpha[:, None].float()
        delta = 1 - level**2
        return delta.sqrt() * x / (level**2 * deviation**2 + delta)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = RatioNet(filters=8, kernel=8, hidden=32)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = deviation * torch.randn(8, D, generator=generator)
        return schedule_loss((score_net, net), x_0, None, schedule, tau, generator, form)  # type: ignore[arg-type]

    config = TrainingConfig(steps=400, learning_rate=1e-2, warmup=20, ema_decay=0.99, clip=5.0)
    trained, _ = train(net, loss, config)

    generator = torch.Generator().manual_seed(9)
    for t in range(tau - 1, 200 - tau, 8):
        alpha, delta = float(schedule.alphas[t]), float(schedule.deltas[t])
        x_0, eps = (torch.randn(16, D, generator=generator) for _ in range(2))
        x_t = alpha * deviation * x_0 + delta**0.5 * eps
        after = float(junction_beta(schedule, torch.tensor([t]), tau))
        with torch.no_grad():
            beta = min(delta, after) * float(trained(x_t).mean())
        s = delta / (alpha**2 * deviation**2 + delta)
        expected = min(delta, after, optimal_ratio(s, form) * delta)  # type: ignore[arg-type]
        assert beta == pytest.approx(expected, rel=0.02), t
