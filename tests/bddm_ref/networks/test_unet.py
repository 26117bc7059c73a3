"""The U-Net: DDPM's size, its options one by one, and that nothing leaks between images."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from bddm_ref.networks.unet import UNet, UNetConfig

SMALL = UNetConfig(
    image_channels=2,
    channels=8,
    multipliers=(1, 2),
    blocks=1,
    attention=(),
    level_width=16,
    groups=4,
)
ALPHA = torch.tensor([0.9, 0.2], dtype=torch.float64)


def make(perturbed: bool = True, **changes: object) -> UNet:
    """A small network; ``perturbed`` so that the zero-initialised layers do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(dataclasses.replace(SMALL, **changes)).eval()
        if perturbed:
            for parameter in network.parameters():
                parameter.data += 0.05 * torch.randn(parameter.shape)
    return network


def images(n: int = 2, size: int = 8) -> Tensor:
    return torch.randn(n, 2, size, size, generator=torch.Generator().manual_seed(1))


def test_the_default_is_ddpms_network_for_cifar_10() -> None:
    # Ho et al. 2020, appendix B: 35.7 million.
    assert sum(p.numel() for p in UNet(UNetConfig()).parameters()) == 35_746_307


OPTIONS = [
    {},
    {"film": True},
    {"patch": 2},
    {"residual": True},
    {"attention": (0, 1)},
    {"middle_attention": False},
    {"blocks": 2, "multipliers": (1, 1, 2)},
    {"film": True, "patch": 2, "residual": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains_all_its_parameters(options: dict[str, object]) -> None:
    network = make(**options)
    x = images()
    eps = network(x, ALPHA)
    assert eps.shape == x.shape
    assert eps.dtype == torch.float32
    (eps - x).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # A bias of keys shifts all weights of the attention alike: softmax takes no notice.
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_images_do_not_hear_each_other(options: dict[str, object]) -> None:
    network, x = make(**options), images(3)
    alpha = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    together = network(x, alpha)
    for i in range(3):
        alone = network(x[i : i + 1], alpha[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-5)


def test_before_training_it_predicts_nothing() -> None:
    x = images()
    assert torch.equal(make(perturbed=False)(x, ALPHA), torch.zeros_like(x))
    deviation = (1 - ALPHA**2).sqrt().float().reshape(2, 1, 1, 1)
    residual = make(perturbed=False, residual=True)(x, ALPHA)
    torch.testing.assert_close(residual, deviation * x)


def test_residual_is_v_prediction() -> None:
    """eps = sqrt(delta) x + alpha v, the clean estimate alpha x - sqrt(delta) v."""
    x = images()
    v = make()(x, ALPHA)
    eps = make(residual=True)(x, ALPHA)
    a = ALPHA.float().reshape(2, 1, 1, 1)
    s = (1 - ALPHA**2).sqrt().float().reshape(2, 1, 1, 1)
    torch.testing.assert_close(eps, s * x + a * v)
    torch.testing.assert_close((x - s * eps) / a, a * x - s * v, rtol=1e-4, atol=1e-5)


def test_the_level_is_heard_and_continuous() -> None:
    network, x = make(film=True), images(1)
    levels = torch.tensor([0.5, 0.501, 0.8], dtype=torch.float64)
    here, near, far = (network(x, level[None]).detach() for level in levels)
    assert 0 < float((near - here).abs().max()) < 0.1 * float((far - here).abs().max())


@pytest.mark.parametrize("alpha", [1e-4, 1 - 1e-9])
def test_extreme_levels_stay_finite(alpha: float) -> None:
    levels = torch.full((2,), alpha, dtype=torch.float64)
    assert make(residual=True)(images(), levels).isfinite().all()


def test_every_pixel_sees_the_whole_image() -> None:
    x = images(1, 16).requires_grad_()
    make(middle_attention=True)(x, ALPHA[:1])[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum(1) > 0).all()


def test_memory_format_and_precision() -> None:
    network, x = make(film=True, patch=2), images()
    plain = network(x, ALPHA)
    last = network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(x, ALPHA), plain, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        rough = last(x, ALPHA)
    torch.testing.assert_close(rough.float(), plain, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, r"groups = 3 must divide channels = 8"),
        ({"attention": (2,)}, r"attention = \(2,\) must name resolutions 0 to 1"),
    ],
)
def test_impossible_sizes(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **options)


def test_images_that_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match=r"images of \(6, 6\) need sides divisible by 4"):
        make(patch=2)(images(size=6), ALPHA)
