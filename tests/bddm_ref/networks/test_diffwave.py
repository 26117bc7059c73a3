"""DiffWave against hand-computed values, the released sizes, and a plain implementation."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig, ResidualBlock, step_features
from bddm_ref.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(200, 1e-4, 0.02)
SMALL = DiffWaveConfig(
    layers=5, channels=6, dilation_cycle=3, mels=5, upsampling=(4, 2), embedding=(8, 7, 9)
)
FRAMES = 7
# Tests run in float64: sums of some 30 terms of order 1 through some 20 layers, each rounding to
# 1.1e-16, differ by less than 30 * 20 * 1.1e-16 = 7e-14 between orders of summation.
CLOSE = {"rtol": 0.0, "atol": 1e-12}


def small_net(seed: int = 0) -> DiffWave:
    """Make a float64 network with random parameters, the zero-initialised layer included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = DiffWave(SMALL, SCHEDULE).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return net


def inputs(batch: int = 2, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """x ``(B, L)``, alpha ``(B,)`` between training levels, mel ``(B, mels, frames + 1)``."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, FRAMES * SMALL.hop, generator=generator, dtype=torch.float64)
    mel = torch.randn(batch, SMALL.mels, FRAMES + 1, generator=generator, dtype=torch.float64)
    return x, SCHEDULE.level_at(torch.linspace(3.3, 150.6, batch, dtype=torch.float64)), mel


# -- the oracle: no caching, weights from their direction and length at every use ---------------


def plain_weight(layer: nn.Module) -> Tensor:
    """Compute W = g v / |v|, normed over all but the first axis (Salimans & Kingma 2016)."""
    g = layer.get_parameter("parametrizations.weight.original0")
    v = layer.get_parameter("parametrizations.weight.original1")
    return g * v / v.flatten(1).norm(dim=1).reshape(g.shape)


def plain_conv(layer: nn.Conv1d, x: Tensor, dilation: int = 1) -> Tensor:
    weight = plain_weight(layer)
    reach = dilation * (weight.shape[-1] // 2)
    return F.conv1d(x, weight, layer.bias, padding=reach, dilation=dilation)


def plain_embedding(net: DiffWave, alpha: float) -> Tensor:
    """Find the step by a linear search over neighbouring levels, then apply two dense layers."""
    levels = SCHEDULE.alphas.tolist()
    t, (high, low) = next(
        (t, pair) for t, pair in enumerate(pairwise(levels)) if pair[1] <= alpha <= pair[0]
    )
    step = t + (high - alpha) / (high - low)
    pairs = SMALL.embedding[0] // 2
    angles = [step * 10 ** (-4 * k / (pairs - 1)) for k in range(pairs)]
    features = torch.tensor([*map(math.sin, angles), *map(math.cos, angles)], dtype=torch.float64)
    for layer in (net.widen_step, net.mix_step):
        features = layer.weight @ features + layer.bias
        features = features * torch.sigmoid(features)
    return features


def plain_block(
    block: ResidualBlock, hidden: Tensor, step: Tensor, mel: Tensor, dilation: int
) -> tuple[Tensor, Tensor]:
    """Compute one block as the release does: in-place embedding, upsampling at every step."""
    hidden = hidden.clone()
    hidden += (block.step.weight @ step + block.step.bias)[None, :, None]
    plane = mel[None, None]
    for upsample, stride in zip(block.upsample, SMALL.upsampling, strict=True):
        weight = plain_weight(upsample)
        bias = upsample.get_parameter("bias")
        full = F.conv_transpose2d(plane, weight, bias, stride=(1, stride))
        start = stride // 2  # a point becomes 3 rows and 2 * stride columns
        plane = full[:, :, 1:-1, start : start + stride * plane.shape[-1]]
        plane = torch.where(plane > 0, plane, 0.4 * plane)
    local = plane[:, 0, :, : hidden.shape[-1]]
    gates = plain_conv(block.dilated, hidden, dilation) + plain_conv(block.mel, local)
    channels = hidden.shape[1]
    gated = torch.tanh(gates[:, :channels]) * torch.sigmoid(gates[:, channels:])
    residual = (hidden + plain_conv(block.residual, gated)) / math.sqrt(2)
    return residual, plain_conv(block.skip, gated)


def plain_diffwave(net: DiffWave, x: Tensor, alpha: float, mel: Tensor) -> Tensor:
    """eps of one item, x ``(L,)``, mel ``(mels, frames + 1)``."""
    step = plain_embedding(net, alpha)
    hidden = plain_conv(net.enter, x[None, None]).clamp(min=0)
    total = 0
    for i, block in enumerate(net.blocks):
        assert isinstance(block, ResidualBlock)
        dilation = (1, 2, 4, 1, 2)[i]
        hidden, skip = plain_block(block, hidden, step, mel, dilation)
        total = total + skip
    gathered = plain_conv(net.gather, total / math.sqrt(SMALL.layers)).clamp(min=0)
    return F.conv1d(gathered, net.predict.weight, net.predict.bias)[0, 0]


# -- exact --------------------------------------------------------------------------------------


def test_encoding_once_equals_a_plain_implementation() -> None:
    net = small_net()
    x, alpha, mel = inputs(batch=3)
    condition = net.encode(mel)
    for seed in (1, 2):  # the same condition serves every step
        levels = alpha if seed == 1 else alpha.flip(0)
        expected = [plain_diffwave(net, x[i], float(levels[i]), mel[i]) for i in range(len(x))]
        eps = net(x, levels, condition)
        assert float(eps.detach().abs().max()) > 0.05  # zeros would compare equal
        torch.testing.assert_close(eps, torch.stack(expected), **CLOSE)


def test_single_precision_agrees() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    expected = net(x, alpha, net.encode(mel)).float()
    net.float()
    # 600 roundings (see CLOSE) of 6e-8, adding up as a random walk: 25 * 6e-8 = 1.5e-6.
    eps = net(x.float(), alpha, net.encode(mel.float()))
    torch.testing.assert_close(eps, expected, rtol=0, atol=1e-5)


def test_step_features_by_hand() -> None:
    # Two pairs: exponents 0 and -4. sin and cos of 2.5 and of 0.00025.
    expected = [0.5984721441039565, 0.00024999999739583334, -0.8011436155469337, 0.99999996875]
    features = step_features(torch.tensor([2.5]), 4)[0]
    assert features.dtype == torch.float64
    assert features.tolist() == pytest.approx(expected, abs=1e-15)


def test_step_features_of_the_released_size() -> None:
    features = step_features(torch.tensor([0.0, 7.25], dtype=torch.float64), 128)
    assert features.shape == (2, 128)
    assert features[0].tolist() == [0.0] * 64 + [1.0] * 64
    # The exponent of k = 1 is -4/63: 10^(-4/63) = 0.86398844948397; with a plus it were 1.157.
    assert float(features[1, 1]) == pytest.approx(math.sin(7.25 * 0.86398844948397), abs=1e-13)
    assert float(features[1, 63]) == pytest.approx(math.sin(7.25e-4), abs=1e-15)


def test_levels_become_fractional_zero_based_steps() -> None:
    net = small_net()
    alpha = torch.stack([SCHEDULE.alphas[0], SCHEDULE.alphas[3:5].mean()])
    features = step_features(torch.tensor([0.0, 3.5], dtype=torch.float64), SMALL.embedding[0])
    expected = F.silu(net.mix_step(F.silu(net.widen_step(features))))
    # step_of divides by alpha_3 - alpha_4 = 3e-4: the rounding 1e-16 of alpha becomes 4e-13.
    torch.testing.assert_close(net.embed_level(alpha), expected, rtol=0, atol=1e-11)


def test_the_residual_path_carries_the_step_embedding() -> None:
    block = small_net().blocks[0]
    assert isinstance(block, ResidualBlock)
    with torch.no_grad():
        block.residual.get_parameter("bias").zero_()
        # A weight-normed weight is 0 where its length g is.
        block.residual.get_parameter("parametrizations.weight.original0").zero_()
    generator = torch.Generator().manual_seed(2)
    hidden = torch.randn(2, SMALL.channels, 10, generator=generator, dtype=torch.float64)
    step = torch.randn(2, SMALL.embedding[2], generator=generator, dtype=torch.float64)
    condition = torch.zeros(2, 2 * SMALL.channels, 10, dtype=torch.float64)
    output, _ = block(hidden, step, condition)
    embedded = block.step(step)[..., None]
    torch.testing.assert_close(output, math.sqrt(0.5) * (hidden + embedded), **CLOSE)
    assert float(embedded.detach().abs().max()) > 0.1


@pytest.mark.slow
def test_parameter_counts_of_the_published_sizes() -> None:
    # Weight norm gives every convolution one length per output channel beside weight and bias.
    #   enter            128 + 128 + 128                                       =       384
    #   widen_step       128 * 512 + 512                                       =    66 048
    #   mix_step         512 * 512 + 512                                       =   262 656
    #   a block: step    512 * 128 + 128                                       =    65 664
    #            dilated 3 * 128 * 256 + 256 + 256                             =    98 816
    #            two upsamplers of 3 * 32 + 1 + 1                              =       196
    #            mel     80 * 256 + 256 + 256                                  =    20 992
    #            residual and skip, each 128 * 128 + 128 + 128                 =    33 280
    #   30 blocks        30 * 218 948                                          = 6 568 440
    #   gather           128 * 128 + 128 + 128                                 =    16 640
    #   predict          128 + 1 (no weight norm)                              =       129
    with torch.device("meta"):
        net = DiffWave(DiffWaveConfig(), SCHEDULE)
        base = DiffWave(DiffWaveConfig(channels=64), SCHEDULE)
    assert sum(p.numel() for p in net.parameters()) == 6_914_297
    assert sum(p.numel() for p in base.parameters()) == 2_637_305
    assert [block.dilated.dilation for block in net.blocks] == [
        (2**i,) for _ in range(3) for i in range(10)
    ]
    # Folded, the lengths are gone: 128 + 30 * (256 + 2 + 256 + 128 + 128) + 128 = 23 356.
    net.fold_weight_norm()
    assert sum(p.numel() for p in net.parameters()) == 6_914_297 - 23_356


def test_the_untrained_network_predicts_zero() -> None:
    net = DiffWave(SMALL, SCHEDULE)
    x, alpha, mel = inputs()
    eps = net(x.float(), alpha, net.encode(mel.float()))
    assert torch.equal(eps, torch.zeros_like(eps))


# -- properties ---------------------------------------------------------------------------------


def test_no_step_upsamples_the_mel_spectrogram() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    calls: list[str] = []
    for block in net.blocks:
        for layer in (*block.upsample, block.mel):
            layer.register_forward_hook(lambda *_: calls.append("conditioning"))
    condition = net.encode(mel)
    once = len(calls)
    assert once == 3 * SMALL.layers
    for _ in range(2):
        net(x, alpha, condition)
    assert len(calls) == once


def test_folding_weight_norm_keeps_the_output() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    expected = net(x, alpha, net.encode(mel))
    net.fold_weight_norm()
    net.fold_weight_norm()  # a second time changes nothing
    assert not any("original" in name for name, _ in net.named_parameters())
    torch.testing.assert_close(net(x, alpha, net.encode(mel)), expected, **CLOSE)


def test_every_parameter_that_is_used_gets_a_gradient() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    net(x, alpha, net.encode(mel)).square().sum().backward()
    unused = f"blocks.{SMALL.layers - 1}.residual."  # feeds no further block, as in the release
    for name, parameter in net.named_parameters():
        if name.startswith(unused):
            assert parameter.grad is None
        else:
            assert parameter.grad is not None, name
            assert float(parameter.grad.abs().sum()) > 0, name


def test_items_do_not_depend_on_their_batch() -> None:
    net = small_net()
    x, alpha, mel = inputs(batch=3)
    together = net(x, alpha, net.encode(mel))
    for i in range(3):
        alone = net(x[i : i + 1], alpha[i : i + 1], net.encode(mel[i : i + 1]))
        torch.testing.assert_close(together[i : i + 1], alone, **CLOSE)


def test_arguments_stay_unchanged() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    with torch.no_grad():
        condition = net.encode(mel)
        before = [value.clone() for value in (x, alpha, mel, *condition)]
        net(x, alpha, condition)
    for value, old in zip((x, alpha, mel, *condition), before, strict=True):
        assert torch.equal(value, old)


# -- contract -----------------------------------------------------------------------------------


def test_shapes_and_cropping() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    condition = net.encode(mel)
    samples = (FRAMES + 1) * SMALL.hop
    assert [tuple(part.shape) for part in condition] == [(2, 12, samples)] * SMALL.layers
    assert net(x, alpha, condition).shape == x.shape
    cropped = tuple(part[..., : x.shape[-1]] for part in condition)
    assert torch.equal(net(x, alpha, cropped), net(x, alpha, condition))


def test_too_short_a_condition_is_refused() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    with pytest.raises(ValueError, match="56 samples, but conditioning for 48"):
        net(x, alpha, net.encode(mel[..., : FRAMES - 1]))


@pytest.mark.parametrize(
    "wrong", [{"upsampling": (16, 15)}, {"upsampling": (0,)}, {"embedding": (7, 8, 8)}]
)
def test_impossible_sizes_are_refused(wrong: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="must be"):
        DiffWaveConfig(**wrong)  # type: ignore[arg-type]


def test_the_released_state_dict_fits() -> None:
    """List names and shapes of the released format, renamed as the module's docstring says."""
    names = {
        "init_conv.0.conv": "enter",
        "residual_layer.fc_t1": "widen_step",
        "residual_layer.fc_t2": "mix_step",
        "residual_layer.residual_blocks": "blocks",
        "final_conv.0.conv": "gather",
        "final_conv.2.conv": "predict",
        "fc_t": "step",
        "dilated_conv_layer.conv": "dilated",
        "upsample_conv2d": "upsample",
        "mel_conv.conv": "mel",
        "res_conv": "residual",
        "skip_conv": "skip",
    }
    state = {
        **{f"init_conv.0.conv.{k}": s for k, s in normed((6, 1, 1)).items()},
        "residual_layer.fc_t1.weight": (7, 8),
        "residual_layer.fc_t1.bias": (7,),
        "residual_layer.fc_t2.weight": (9, 7),
        "residual_layer.fc_t2.bias": (9,),
        **{f"final_conv.0.conv.{k}": s for k, s in normed((6, 6, 1)).items()},
        "final_conv.2.conv.weight": (1, 6, 1),
        "final_conv.2.conv.bias": (1,),
    }
    layers = {
        "dilated_conv_layer.conv": normed((12, 6, 3)),
        "upsample_conv2d.0": normed((1, 1, 3, 8)),
        "upsample_conv2d.1": normed((1, 1, 3, 4)),
        "mel_conv.conv": normed((12, 5, 1)),
        "res_conv": normed((6, 6, 1)),
        "skip_conv": normed((6, 6, 1)),
        "fc_t": {"weight": (6, 9), "bias": (6,)},
    }
    for i in range(SMALL.layers):
        for layer, shapes in layers.items():
            for kind, shape in shapes.items():
                state[f"residual_layer.residual_blocks.{i}.{layer}.{kind}"] = shape
    renamed = {}
    for theirs, shape in state.items():
        ours = theirs
        for old, new in names.items():
            ours = ours.replace(f"{old}.", f"{new}.")
        renamed[ours] = torch.full(shape, float(len(renamed)))
    net = DiffWave(SMALL, SCHEDULE)
    net.load_state_dict(dict(renamed), strict=True)
    loaded = net.blocks[2].get_parameter("mel.parametrizations.weight.original1")
    assert torch.equal(loaded, renamed["blocks.2.mel.weight_v"])


def normed(weight: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """List the shapes of a convolution under the old weight norm: a length per first axis."""
    first = weight[0]
    return {"weight_g": (first, *[1] * (len(weight) - 1)), "weight_v": weight, "bias": (first,)}
