"""Schedule networks for images: ranges, sizes, independence, and what they can learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.losses import optimal_ratio, schedule_loss
from bddm_ref.networks.image_ratio import ImageRatioNet, VGG11Ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.training import TrainingConfig, train

MAKERS: list[Callable[[int], nn.Module]] = [
    ImageRatioNet,
    lambda channels: VGG11Ratio(channels, width=4, hidden=8),
]


def images(n: int, channels: int, size: int) -> Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (3, 17)])
def test_one_number_in_the_unit_interval(
    maker: Callable[[int], nn.Module], channels: int, size: int
) -> None:
    network, x = maker(channels), images(5, channels, size)
    sigma = network(x)
    assert sigma.shape == (5,)
    assert ((sigma > 0) & (sigma < 1)).all()
    torch.testing.assert_close(sigma[2:3], network(x[2:3]))
    sigma.sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
    assert network(100 * x).isfinite().all()


def test_sizes_of_the_networks() -> None:
    assert sum(p.numel() for p in ImageRatioNet().parameters()) == 8_897
    convolutions = [m for m in VGG11Ratio().modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 8
    # VGG-11's convolutions (Simonyan and Zisserman 2015, configuration A), with biases.
    assert sum(p.numel() for m in convolutions for p in m.parameters()) == 9_220_480


@pytest.mark.slow
def test_the_small_one_learns_the_best_ratio() -> None:
    """On images N(0, c^2 I) with the exact score, where the best ratio is known."""
    scale, T, tau = 0.5, 200, 66
    schedule = NoiseSchedule.linear(T, 1e-4, 0.02)

    def score(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        a = alpha.reshape(-1, 1, 1, 1).to(x.dtype)
        delta = 1 - a**2
        return delta.sqrt() * x / (a**2 * scale**2 + delta)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ImageRatioNet(filters=8, hidden=32)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = scale * torch.randn(32, 1, 16, 16, generator=generator)
        return schedule_loss((score, network), x_0, None, schedule, tau, generator)

    config = TrainingConfig(steps=1500, learning_rate=3e-3, clip=5.0, ema_decay=0.98)
    trained, _ = train(network, loss, config)
    for t in (70, 100, 130):
        alpha, delta = float(schedule.alphas[t]), float(schedule.deltas[t])
        s = delta / (alpha**2 * scale**2 + delta)
        bound = min(delta, float(1 - (schedule.alphas[t + tau] / schedule.alphas[t]) ** 2))
        best = min(1.0, optimal_ratio(s) * delta / bound)
        generator = torch.Generator().manual_seed(t)
        noise = torch.randn(64, 1, 16, 16, generator=generator)
        x_0 = scale * torch.randn(64, 1, 16, 16, generator=generator)
        with torch.no_grad():
            sigma = float(trained(alpha * x_0 + delta**0.5 * noise).mean())
        assert sigma == pytest.approx(best, rel=0.05), t
