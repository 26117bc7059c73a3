"""The U-Net: DDPM's size, its options one by one, and that nothing leaks between images."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
# float32: sums of some 150 products of order 1 in another order, over some 20 layers, of 6e-8 each:
# sqrt(150 * 20) * 6e-8 = 3e-6; the outputs are of order 1.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def make(perturbed: bool = True, **changes: object) -> UNet:
    """Make a small network; ``perturbed`` makes zero-initialised layers contribute."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(dataclasses.replace(SMALL, **changes)).eval()
        if perturbed:
            for parameter in network.parameters():
                parameter.data += 0.05 * torch.randn(parameter.shape)
    return network


def without_norms(network: nn.Module) -> nn.Module:
    """Remove group norms, which see the whole image; convolutions reach only neighbours."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.ModuleList):
                for i, layer in enumerate(child):
                    child[i] = nn.Identity() if isinstance(layer, nn.GroupNorm) else layer
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
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_images_do_not_hear_each_other(options: dict[str, object]) -> None:
    network, x = make(**options), images(3)
    alpha = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    together = network(x, alpha)
    for i in range(3):
        alone = network(x[i : i + 1], alpha[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, **CLOSE)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (28, 28)])
def test_images_need_not_be_square(channels: int, height: int, width: int) -> None:
    x = torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(1))
    eps = make(image_channels=channels, patch=2, residual=True)(x, ALPHA)
    assert eps.shape == x.shape
    assert eps.dtype == torch.float32
    assert eps.isfinite().all()


@pytest.mark.parametrize("residual", [False, True])
def test_patches_are_deeper_pixels(residual: bool) -> None:
    """Folding pixels orders channels as pixel_unshuffle does, and keeps the weights."""
    x = images()
    folded = make(image_channels=8, residual=residual)(F.pixel_unshuffle(x, 2), ALPHA)
    patched = make(patch=2, residual=residual)(x, ALPHA)
    torch.testing.assert_close(patched, F.pixel_shuffle(folded, 2), **CLOSE)


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
    torch.testing.assert_close((x - s * eps) / a, a * x - s * v, **CLOSE)


def test_the_level_is_heard_and_continuous() -> None:
    network, x = make(film=True), images(1)
    levels = torch.tensor([0.5, 0.501, 0.8], dtype=torch.float64)
    here, near, far = (network(x, level[None]).detach() for level in levels)
    assert 0 < float((near - here).abs().max()) < 0.1 * float((far - here).abs().max())


@pytest.mark.parametrize("film", [False, True])
def test_levels_near_the_data_are_told_apart(film: bool) -> None:
    """1 - 1e-9 and 1 - 1e-8 are both 1 in float32."""
    network, x = make(film=film), images(1)
    levels = torch.tensor([1 - 1e-8, 1 - 1e-9], dtype=torch.float64)
    near, nearer = (network(x, level[None]) for level in levels)
    assert near.isfinite().all()
    assert nearer.isfinite().all()
    assert not torch.allclose(near, nearer, **CLOSE)


@pytest.mark.parametrize("alpha", [1e-4, 1 - 1e-9])
def test_extreme_levels_stay_finite(alpha: float) -> None:
    levels = torch.full((2,), alpha, dtype=torch.float64)
    assert make(residual=True)(images(), levels).isfinite().all()


@pytest.mark.parametrize(
    ("options", "everywhere"),
    [
        ({"middle_attention": True}, True),
        ({"middle_attention": False, "attention": (0,)}, True),
        ({"middle_attention": False}, False),
    ],
)
def test_attention_sees_the_whole_image(options: dict[str, object], everywhere: bool) -> None:
    x = images(1, 64).requires_grad_()
    without_norms(make(**options))(x, ALPHA[:1])[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(1)[0] > 0
    # Convolutions alone reach 30 pixels: first, last, halving and enlarging 1 each; three stages
    # at full size 2 each, five at half size 4 each.
    assert seen[:31, :31].all()
    assert seen.all() == everywhere
    assert seen[31:].any() == seen[:, 31:].any() == everywhere


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_memory_format_is_no_matter(options: dict[str, object]) -> None:
    network, x = make(**options), images()
    plain = network(x, ALPHA)
    last = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(last, ALPHA), plain, **CLOSE)
    network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(x, ALPHA), plain, **CLOSE)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_runs_in_bfloat16(options: dict[str, object]) -> None:
    network, x = make(**options), images()
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(x, ALPHA)
    # Roundings of 2^-9 over some 20 layers: sqrt(20) * 2^-9 = 0.009 of values up to 4.
    torch.testing.assert_close(rough.float(), network(x, ALPHA), rtol=0.1, atol=0.1)


def test_dropout_acts_in_training_alone() -> None:
    network, x = make(dropout=0.5), images()
    assert torch.equal(network(x, ALPHA), make()(x, ALPHA))
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.allclose(network(x, ALPHA), network(x, ALPHA), **CLOSE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, r"groups = 3 must divide channels = 8"),
        ({"multipliers": (2, 1), "groups": 16}, r"groups = 16 .* multipliers = \(2, 1\)"),
        ({"attention": (2,)}, r"attention = \(2,\) must name resolutions 0 to 1"),
        ({"attention": (0, -1)}, r"attention = \(0, -1\) must name resolutions 0 to 1"),
    ],
)
def test_impossible_sizes(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **options)


@pytest.mark.parametrize(("height", "width"), [(6, 6), (8, 6), (6, 8)])
def test_images_that_cannot_be_halved(height: int, width: int) -> None:
    message = rf"images of \({height}, {width}\) need sides divisible by 4"
    with pytest.raises(ValueError, match=message):
        make(patch=2)(torch.zeros(2, 2, height, width), ALPHA)
