"""Schedule networks for images: ranges, sizes, independence, and what they can learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bddm_ref.extras.networks.image_ratio import ImageRatioNet
from bddm_ref.losses import optimal_ratio, schedule_loss
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.networks.vgg11 import VGG11Ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import TrainingConfig
from bddm_ref.training import train

MAKERS: list[Callable[[int], nn.Module]] = [
    ImageRatioNet,
    lambda channels: VGG11Ratio(channels, width=4, hidden=8),
]


def make(maker: Callable[[int], nn.Module], channels: int, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return maker(channels)


def images(n: int, channels: int, height: int, width: int) -> Tensor:
    return torch.randn(n, channels, height, width, generator=torch.Generator().manual_seed(0))


def parameters(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


# -- exact --------------------------------------------------------------------------------------


def test_sizes_of_the_networks() -> None:
    # 16 * 32 of the filters, 64 * 64 + 64 twice, 64 + 1.
    assert parameters(ImageRatioNet()) == 8_897
    with torch.device("meta"):
        vgg = VGG11Ratio()
    convolutions = [m for m in vgg.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 128, 256, 256, 512, 512, 512, 512]
    # VGG-11's convolutions (Simonyan and Zisserman 2015, configuration A), with biases.
    assert parameters(*convolutions) == 9_220_480
    assert parameters(vgg) == 9_220_480 + (512 * 512 + 512) + (512 + 1) == 9_483_649


def test_poolings_keep_odd_edges() -> None:
    network = make(MAKERS[1], 1)
    sides: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(lambda _pool, _input, out: sides.append(out.shape[-1]))
    network(images(1, 1, 28, 28))
    assert sides == [14, 7, 4, 2, 1]


def test_the_small_one_costs_next_to_nothing() -> None:
    """The schedule network costs little beside the U-Net of `images-cpu-full.yaml`."""
    sizes = {"channels": 64, "multipliers": (1, 2), "blocks": 1, "attention": (), "groups": 8}
    config = UNetConfig(image_channels=1, level_width=256, film=True, patch=2, **sizes)  # type: ignore[arg-type]
    x = images(1, 1, 28, 28)
    with FlopCounterMode(display=False) as unet:
        UNet(config)(x, torch.tensor([0.9]))
    with FlopCounterMode(display=False) as ratio:
        ImageRatioNet()(x)
    assert 0 < ratio.get_total_flops() < 1e-3 * unet.get_total_flops()


# -- properties ---------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    ("channels", "height", "width"),
    [(1, 16, 16), (3, 17, 17), (1, 28, 28), (3, 32, 32), (3, 16, 45), (1, 64, 64)],
)
def test_one_number_in_the_unit_interval(
    maker: Callable[[int], nn.Module], channels: int, height: int, width: int
) -> None:
    network, x = make(maker, channels), images(5, channels, height, width)
    sigma = network(x)
    assert sigma.shape == (5,)
    assert sigma.dtype == torch.float32
    assert ((sigma > 0) & (sigma < 1)).all()
    assert len(set(sigma.tolist())) == 5  # it depends on the image
    for extreme in (torch.zeros_like(x), 100 * x):
        assert network(extreme).isfinite().all()


@pytest.mark.parametrize("maker", MAKERS)
def test_images_do_not_hear_each_other(maker: Callable[[int], nn.Module]) -> None:
    network, x = make(maker, 3), images(5, 3, 28, 28)
    together = network(x)
    for i in range(5):
        # float32: another order of sums, roundings of 6e-8 each.
        torch.testing.assert_close(together[i : i + 1], network(x[i : i + 1]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("maker", MAKERS)
def test_every_parameter_gets_a_gradient(maker: Callable[[int], nn.Module]) -> None:
    network = make(maker, 3)
    network(images(5, 3, 28, 28)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("maker", MAKERS)
def test_the_seed_makes_the_network(maker: Callable[[int], nn.Module]) -> None:
    x = images(2, 1, 28, 28)
    assert torch.equal(make(maker, 1)(x), make(maker, 1)(x))
    assert not torch.equal(make(maker, 1)(x), make(maker, 1, seed=1)(x))


def test_the_small_one_hears_power_and_not_sign() -> None:
    network, x = make(MAKERS[0], 1), images(3, 1, 28, 28)
    assert torch.equal(network(-x), network(x))


@pytest.mark.slow
def test_the_small_one_learns_the_best_ratio() -> None:
    """The network learns the known best ratio on images N(0, c^2 I) with the exact score."""
    scale, T, tau = 0.5, 200, 66
    # Large images show their level by their power. On small ones the network tends to the middle of
    # all levels: by 5 % at the ends for 16 pixels a side, 1.5 % for 32, 0.5 % for 64.
    side = 64
    schedule = NoiseSchedule.linear(T, 1e-4, 0.02)

    def score(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        a = alpha.reshape(-1, 1, 1, 1).to(x.dtype)
        delta = 1 - a**2
        return delta.sqrt() * x / (a**2 * scale**2 + delta)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ImageRatioNet(filters=8, hidden=32)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = scale * torch.randn(8, 1, side, side, generator=generator)
        return schedule_loss((score, network), x_0, None, schedule, tau, generator)

    config = TrainingConfig(steps=400, learning_rate=1e-2, clip=5.0, ema_decay=0.99)
    trained, _ = train(network, loss, config)
    for t in range(tau - 1, T - tau, 8):
        alpha, delta = float(schedule.alphas[t]), float(schedule.deltas[t])
        s = delta / (alpha**2 * scale**2 + delta)
        bound = min(delta, float(1 - (schedule.alphas[t + tau] / schedule.alphas[t]) ** 2))
        best = min(1.0, optimal_ratio(s) * delta / bound)
        generator = torch.Generator().manual_seed(t)
        noise = torch.randn(64, 1, side, side, generator=generator)
        x_0 = scale * torch.randn(64, 1, side, side, generator=generator)
        with torch.no_grad():
            sigma = float(trained(alpha * x_0 + delta**0.5 * noise).mean())
        assert sigma == pytest.approx(best, rel=0.02), t
