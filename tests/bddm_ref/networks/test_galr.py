"""GALR: its parts against hand-computed values, the released size, and its contract."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bddm_ref.networks.galr import GALR, GALRBlock, GALRConfig, pad_halves, positions

SMALL = GALRConfig(blocks=2, width=8, hidden=5, window=4, segment=6, mixtures=3, heads=2)
# float64: sums of some 50 terms of order 1, over some 50 operations in a row (the LSTM's steps
# within a segment included), of 1.1e-16 each: 50 * 50 * 1.1e-16 = 3e-13.
CLOSE = {"rtol": 0.0, "atol": 1e-12}


def small_net(seed: int = 0) -> GALR:
    """Make a float64 network in evaluation mode, with every parameter moved from its start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = GALR(SMALL).double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return net


def small_block() -> GALRBlock:
    block = small_net().blocks[0]
    assert isinstance(block, GALRBlock)
    return block


def signals(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(shape[-1])
    return torch.randn(shape, generator=generator, dtype=torch.float64)


# -- exact --------------------------------------------------------------------------------------


def test_parameter_count_of_the_released_size() -> None:
    #   encoder        128 * 8                                         =   1 024
    #   bottleneck     128 * 128                                       =  16 384
    #   LSTM           2 * 4 * 128 * (128 + 128 + 2)                   = 264 192
    #   first state    128 + 128                                       =     256
    #   projection     256 * 128 + 128                                 =  32 896
    #   squeeze        64 * 8 + 8                                      =     520
    #   attention      4 * (128 * 128 + 128)                           =  66 048
    #   spread         8 * 64 + 64                                     =     576
    #   four norms     4 * 2 * 128                                     =   1 024
    #   PReLU, score   1 + 128 + 1                                     =     130
    with torch.device("meta"):
        net = GALR()
    assert sum(parameter.numel() for parameter in net.parameters()) == 383_050


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 12, 13])
def test_every_value_lies_in_two_windows(length: int) -> None:
    window = 6
    values = torch.arange(1.0, length + 1)
    padded = pad_halves(values, window)
    windows = padded.unfold(-1, window, window // 2)
    assert windows.shape[0] % 2 == 0
    assert (windows.shape[0] + 1) * window // 2 == len(padded)  # no value is left over
    for value in values:
        assert int((windows == value).sum()) == 2


@pytest.mark.parametrize(("length", "after"), [(1, 2), (2, 1), (3, 6), (4, 5), (6, 3), (9, 6)])
def test_padding_is_never_empty(length: int, after: int) -> None:
    padded = pad_halves(torch.ones(1, length), 6)  # 3 zeros before, 3 + after behind
    assert padded[0].tolist() == [0.0] * 3 + [1.0] * length + [0.0] * (3 + after)


def test_positions_by_hand() -> None:
    # Width 4: rates 1 and 10000^(-2/4) = 0.01.
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)],
        [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)],
    ]
    # float32: angles up to 2, rounded to 1.2e-7.
    torch.testing.assert_close(positions(3, 4), torch.tensor(expected), rtol=0, atol=3e-7)
    assert positions(6000, 4).shape == (6000, 4)  # no longest utterance


def test_attention_is_added_to_itself_and_not_to_its_input() -> None:
    layer = small_block().across
    with torch.no_grad():
        layer.attention_norm.weight.fill_(1)
        layer.attention_norm.bias.zero_()
        layer.attention.out_proj.weight.zero_()
        layer.attention.out_proj.bias.copy_(torch.arange(8.0))
    segments = signals(2, 8, 5, 6)
    # Whatever the input, the norm of 2 (0 .. 7): mean 7, variance 21, epsilon 1e-5.
    normed = (2 * torch.arange(8.0, dtype=torch.float64) - 7) / math.sqrt(21 + 1e-5)
    expected = layer.spread(normed[:, None].expand(8, 3))[None, :, None].expand(2, 8, 5, 6)
    torch.testing.assert_close(layer(segments), expected, **CLOSE)


def test_a_block_whose_norms_are_silent_changes_nothing() -> None:
    block = small_block()
    segments = signals(2, 8, 4, 6)
    with torch.no_grad():
        for norm in (block.local_norm, block.across_norm):
            norm.weight.zero_()
            norm.bias.zero_()
    assert torch.equal(block(segments), segments)


@torch.no_grad()
def test_the_local_layer_stays_within_its_segment() -> None:
    local = small_block().local
    segments = signals(1, 8, 4, 6)
    changed = segments.clone()
    changed[:, :, 2] += 1
    difference = (local(changed) - local(segments)).abs().amax(dim=(0, 1, 3))
    assert difference[[0, 1, 3]].max() < 1e-12
    # Both directions: one changed frame reaches every frame of its segment.
    changed = segments.clone()
    changed[:, :, 2, 3] += 1
    difference = (local(changed) - local(segments))[0, :, 2].abs().amax(dim=0)
    assert float(difference.min()) > 0


@torch.no_grad()
def test_attention_knows_the_order_of_segments() -> None:
    layer = small_block().across
    alike = signals(1, 8, 1, 6).expand(1, 8, 5, 6)
    output = layer(alike)
    for s in range(4):  # equal segments differ by their position alone
        assert not torch.allclose(output[:, :, s], output[:, :, s + 1], rtol=0, atol=1e-6)


@torch.no_grad()
def test_segments_overlap_by_half() -> None:
    net = small_net()
    seen: list[Tensor] = []
    net.blocks[0].register_forward_pre_hook(lambda _block, arguments: seen.extend(arguments))
    net(signals(1, 61))
    # 2 + 61 + (1 + 2) samples are 32 frames of 4, one every 2; 3 + 32 + (1 + 3) frames are 12
    # segments of 6, one every 3.
    assert seen[0].shape == (1, 8, 12, 6)
    assert torch.equal(seen[0][:, :, :-1, 3:], seen[0][:, :, 1:, :3])


def test_the_score_is_averaged_before_the_sigmoid() -> None:
    net = small_net()
    x = signals(2, 50)
    scores: list[Tensor] = []
    net.score.register_forward_hook(lambda _layer, _input, output: scores.append(output))
    ratio = net(x)
    assert scores[0].shape[1] == 1
    torch.testing.assert_close(ratio, torch.sigmoid(scores[0].flatten(1).mean(1)), **CLOSE)


# -- properties ---------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 4, 11, 12, 13, 64, 257])
def test_any_length_gives_a_ratio_per_example(length: int) -> None:
    ratio = small_net()(signals(3, length))
    assert ratio.shape == (3,)
    assert bool(((ratio > 0) & (ratio < 1)).all())
    assert len(set(ratio.tolist())) == 3  # it depends on the example


def test_released_size_runs_in_single_precision() -> None:
    torch.manual_seed(0)
    net = GALR().eval()
    with torch.no_grad():
        ratio = net(signals(2, 600).float())
    assert ratio.dtype == torch.float32
    assert bool(((ratio > 0) & (ratio < 1)).all())


def test_examples_do_not_depend_on_their_batch() -> None:
    net = small_net()
    x = signals(3, 61)
    together = net(x)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], net(x[i : i + 1]), **CLOSE)


def test_every_parameter_gets_a_gradient() -> None:
    net = small_net()
    x = signals(2, 61).requires_grad_()
    net(x).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name
    assert x.grad is not None
    assert int((x.grad != 0).sum()) == x.numel()


def test_gradients_are_those_of_the_function() -> None:
    net = small_net()
    x = signals(1, 9).requires_grad_()
    assert torch.autograd.gradcheck(net, (x,))


def test_inference_mode_gives_the_same_ratio() -> None:
    """PyTorch takes another path through attention where no gradient is required."""
    net = small_net()
    x = signals(2, 61)
    with torch.inference_mode():
        without = net(x).clone()
    torch.testing.assert_close(without, net(x).detach(), **CLOSE)


def test_dropout_acts_in_training_alone() -> None:
    net = small_net()
    x = signals(2, 61)
    assert torch.equal(net(x), net(x))
    net.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = net(x)
        assert not torch.equal(first, net(x))


# -- contract -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"window": 7}, {"segment": 5}, {"width": 7}, {"width": 10, "heads": 4}]
)
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be even|do not divide"):
        GALRConfig(**wrong)  # type: ignore[arg-type]
