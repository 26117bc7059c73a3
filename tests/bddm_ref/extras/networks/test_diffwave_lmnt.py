"""The lmnt package's DiffWave: its differences from the released network.

Equality with a plain forward pass, and with the package itself, is tested where its checkpoints
are imported: tests/benchmarks/interop/test_lmnt.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bddm_ref.extras.networks.diffwave_lmnt import LmntBlock, LmntDiffWave, step_table
from bddm_ref.networks.diffwave import DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(50, 1e-4, 0.05)
SMALL = DiffWaveConfig(
    layers=4, channels=6, dilation_cycle=3, mels=5, upsampling=(4, 2), embedding=(8, 7, 9)
)
FRAMES = 7


def small_net() -> LmntDiffWave:
    """Make a float64 network whose last layer is random too."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LmntDiffWave(SMALL, SCHEDULE).double()
        torch.nn.init.normal_(net.predict.weight)
    return net


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """x ``(2, L)``, alpha ``(2,)`` between training levels, mel ``(2, mels, frames + 1)``."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, FRAMES * SMALL.hop, generator=generator, dtype=torch.float64)
    mel = torch.rand(2, SMALL.mels, FRAMES + 1, generator=generator, dtype=torch.float64)
    return x, SCHEDULE.level_at(torch.tensor([3.3, 40.6], dtype=torch.float64)), mel


# -- exact --------------------------------------------------------------------------------------


def test_the_table_is_that_of_float32_arithmetic() -> None:
    k = np.arange(64, dtype=np.float32)
    frequencies = np.float32(10) ** (k * np.float32(4) / np.float32(63))
    t = np.arange(50)
    angles = (t[:, None].astype(np.float32) * frequencies).astype(np.float64)
    found = step_table(50, 128).double().numpy()
    assert found.shape == (50, 128)
    expected = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    # Two implementations of the power agree to a unit in its last place, 2^-23 of the value, and
    # the product of either is rounded by half of one.
    tolerance = np.tile(2.0**-22 * np.abs(angles), 2) + 1e-7
    assert (np.abs(found - expected) <= tolerance).all()
    # The dtype matters: exact angles differ from float32 angles by 0.02.
    exact = t[:, None] * 10.0 ** (np.arange(64) * 4 / 63)
    assert 0.01 < np.abs(exact - angles).max() < 0.05


def test_features_between_two_steps_are_interpolated() -> None:
    net = small_net()
    table = step_table(50, 8).double()
    alpha = SCHEDULE.level_at(torch.tensor([0.0, 17.25, 49.0], dtype=torch.float64))
    features = torch.stack([table[0], 0.75 * table[17] + 0.25 * table[18], table[49]])
    expected = F.silu(net.mix_step(F.silu(net.widen_step(features))))
    # step_of divides by a difference of levels of 3e-4: 1e-16 of alpha becomes 4e-13 of a step.
    torch.testing.assert_close(net.embed_level(alpha), expected, rtol=0, atol=1e-10)


def test_a_block_by_hand() -> None:
    block = LmntBlock(DiffWaveConfig(channels=1, mels=1, embedding=(4, 2, 2)), dilation=2).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        block.step.bias.fill_(0.5)
        block.dilated.weight[0, 0] = torch.tensor([0.0, 1.0, 0.0])  # the gate: the middle sample
        block.dilated.weight[1, 0] = torch.tensor([1.0, 0.0, 0.0])  # the signal: two before
        block.out.weight[:, 0, 0] = torch.tensor([3.0, 5.0])
    hidden = torch.tensor([[[0.1, 0.2, 0.3, 0.4]]], dtype=torch.float64)
    condition = torch.tensor([[[0.7], [0.9]]], dtype=torch.float64).expand(1, 2, 4)
    outputs = block(hidden, torch.zeros(1, 2, dtype=torch.float64), condition)
    residual, skip = (output.flatten().tolist() for output in outputs)
    # The third sample: gate 0.3 + 0.5 + 0.7, signal 0.1 + 0.5 + 0.9; the first sees padding.
    third = math.tanh(1.5) / (1 + math.exp(-1.5))
    first = math.tanh(0.9) / (1 + math.exp(-(0.1 + 0.5 + 0.7)))
    assert skip[2] == pytest.approx(5 * third, abs=1e-14)
    assert skip[0] == pytest.approx(5 * first, abs=1e-14)
    # The residual path has 0.3 and not 0.3 + 0.5.
    assert residual[2] == pytest.approx((0.3 + 3 * third) / math.sqrt(2), abs=1e-14)


def test_parameter_count_of_the_published_size() -> None:
    #   enter            64 + 64                                                =       128
    #   widen_step       128 * 512 + 512                                        =    66 048
    #   mix_step         512 * 512 + 512                                        =   262 656
    #   upsample         two of 3 * 32 + 1                                      =       194
    #   a block: step    512 * 64 + 64                                          =    32 832
    #            dilated 3 * 64 * 128 + 128                                     =    24 704
    #            mel     80 * 128 + 128                                         =    10 368
    #            out     64 * 128 + 128                                         =     8 320
    #   30 blocks        30 * 76 224                                            = 2 286 720
    #   gather           64 * 64 + 64                                           =     4 160
    #   predict          64 + 1                                                 =        65
    with torch.device("meta"):
        net = LmntDiffWave(DiffWaveConfig(channels=64), SCHEDULE)
    assert sum(p.numel() for p in net.parameters()) == 2_619_971
    assert len(net.state_dict()) == 10 + 30 * 8 + 4  # the table is not part of the state


def test_convolutions_start_from_kaiming() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LmntDiffWave(DiffWaveConfig(layers=1, channels=64), SCHEDULE)
    # sqrt(2 / (64 * 3)) over 24 576 weights; PyTorch's default has sqrt(1 / (3 * 64 * 3)).
    weight = net.get_submodule("blocks.0.dilated").get_parameter("weight").detach()
    assert float(weight.std()) == pytest.approx(math.sqrt(2 / 192), rel=0.02)
    assert not net.predict.weight.any()


# -- properties and contract --------------------------------------------------------------------


def test_the_mel_spectrogram_is_upsampled_once() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    calls: list[str] = []
    for layer in net.upsample:
        layer.register_forward_hook(lambda *_: calls.append("upsample"))
    condition = net.encode(mel)
    assert [tuple(part.shape) for part in condition] == [(2, 12, 64)] * SMALL.layers
    once = net(x, alpha, condition)
    again = net(x, alpha, condition)
    assert len(calls) == 2
    assert once.shape == x.shape
    assert torch.equal(once, again)
    assert float(once.detach().abs().max()) > 0.05


def test_every_parameter_but_the_last_residual_gets_a_gradient() -> None:
    net = small_net()
    x, alpha, mel = inputs()
    net(x, alpha, net.encode(mel)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name
    last = net.get_submodule("blocks.3.out").get_parameter("weight").grad
    assert last is not None
    assert not last[: SMALL.channels].any()  # feeds no further block
    assert last[SMALL.channels :].any()
