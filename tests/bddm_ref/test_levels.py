"""Networks that embed all levels at once predict the same eps as level by level."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.extras.networks.clipped import ClippedScoreNet
from bddm_ref.extras.networks.diffwave_cuda import CudaDiffWave
from bddm_ref.extras.networks.diffwave_fast import FastDiffWave
from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.extras.networks.rescaled import RescaledScoreNet
from bddm_ref.extras.networks.vector_score import VectorScoreNet
from bddm_ref.extras.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at, level_of
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(200, 1e-4, 0.02)
ALPHAS = SCHEDULE.level_at(torch.tensor([1.0, 40.5, 200.0], dtype=torch.float64))
WAVES = DiffWaveConfig(
    layers=3, channels=8, dilation_cycle=2, mels=4, upsampling=(4, 4), embedding=(8, 16, 16)
)
SPECTRA = SpectralVocoderConfig(
    fft=64, hop=16, mels=4, width=16, blocks=2, encoder_width=8, encoder_blocks=1, level_width=8
)
IMAGES = UNetConfig(
    image_channels=2,
    channels=8,
    multipliers=(1, 2),
    blocks=1,
    attention=(),
    level_width=16,
    groups=4,
)


class OneLayer(nn.Module):
    """A plain network, which gets one level per item."""

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        assert alpha.shape == x.shape[:1]
        return torch.tanh(x * alpha.reshape(-1, *[1] * (x.ndim - 1)).to(x.dtype))


def moved(net: nn.Module) -> Any:
    """Move a network off its start, where the last layers of most networks are zero."""
    for parameter in net.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape)
    return net


def vocoder() -> nn.Module:
    bins, centres = torch.arange(33.0)[:, None], torch.tensor([5.0, 12.0, 19.0, 26.0])
    return SpectralVocoder(SPECTRA, (1 - (bins - centres).abs() / 9).clamp_min(0))


MAKERS: dict[str, Callable[[], nn.Module]] = {
    "DiffWave": lambda: DiffWave(WAVES, SCHEDULE),
    "lmnt's DiffWave": lambda: LmntDiffWave(WAVES, SCHEDULE),
    "FastDiffWave": lambda: FastDiffWave(moved(DiffWave(WAVES, SCHEDULE))),
    "CudaDiffWave": lambda: CudaDiffWave(moved(DiffWave(WAVES, SCHEDULE))),
    "vocoder": vocoder,
    "U-Net": lambda: UNet(IMAGES),
    "U-Net with FiLM, of v": lambda: UNet(
        UNetConfig(**{**vars(IMAGES), "film": True, "residual": True})
    ),
    "vectors": lambda: VectorScoreNet(12 * 16, width=16, blocks=2),
    "vectors, of v": lambda: VectorScoreNet(12 * 16, width=16, blocks=2, residual=True),
    "of one part": OneLayer,
    "rescaled": lambda: RescaledScoreNet(vocoder(), 8.0),
    "rescaled, of one part": lambda: RescaledScoreNet(OneLayer(), 8.0),
    "clipped": lambda: ClippedScoreNet(UNet(IMAGES), 0.5),
    "clipped, of one part": lambda: ClippedScoreNet(OneLayer(), 0.5),
}


@pytest.fixture(params=MAKERS)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor, Any]:
    """Make a network off its start, x of two items, and their condition."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = MAKERS[request.param]().eval()
        net = net if isinstance(net, FastDiffWave) else moved(net)
        whole = getattr(net, "score_net", net)
        images = isinstance(whole, UNet)
        x = torch.randn(2, 2, 8, 8) if images else torch.randn(2, 12 * 16)
        with torch.no_grad():
            encoded = whole.encode(torch.randn(2, 4, 13)) if hasattr(whole, "encode") else None
    return net, x, encoded


@torch.no_grad()
def test_all_levels_at_once_are_the_levels_one_by_one(case: tuple[nn.Module, Tensor, Any]) -> None:
    net, x, condition = case
    embedded = embed_levels(net, ALPHAS)
    assert all(len(part) == len(ALPHAS) for part in embedded)
    found = [evaluate_at(net, x, level_of(embedded, n), condition) for n in range(len(ALPHAS))]
    for eps, alpha in zip(found, ALPHAS, strict=True):
        torch.testing.assert_close(
            eps, net(x, alpha.expand(len(x)), condition), rtol=1e-5, atol=1e-5
        )
    assert float((found[0] - found[-1]).abs().max()) > 1e-3  # the level matters


@torch.no_grad()
def test_items_may_have_levels_of_their_own(case: tuple[nn.Module, Tensor, Any]) -> None:
    net, x, condition = case
    both = net(x, ALPHAS[:2], condition)
    embedded = embed_levels(net, ALPHAS[:2])
    torch.testing.assert_close(evaluate_at(net, x, embedded, condition), both)
    for item in range(2):
        alone = evaluate_at(net, x, level_of(embedded, item), condition)[item]
        torch.testing.assert_close(both[item], alone, rtol=1e-5, atol=1e-5)


class Counting(Levelled):
    """A levelled network that counts its embeddings."""

    def __init__(self) -> None:
        self.asked: list[list[float]] = []

    def embed_levels(self, alpha: Tensor) -> Embedded:
        self.asked.append(alpha.tolist())
        return (alpha.float(),)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        (alpha,) = embedded
        assert alpha.shape == (1,)
        return torch.tanh(x * alpha[:, None])


@pytest.mark.parametrize("kernel", KERNELS)
def test_sampling_embeds_a_schedule_once(kernel: str) -> None:
    net, x_N = Counting(), torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    schedule = NoiseSchedule.linear(20, 1e-4, 0.05)
    generators = [torch.Generator().manual_seed(i) for i in range(2)]
    x_0 = sample(net, schedule, KERNELS[kernel], x_N, None, copy.deepcopy(generators))
    assert net.asked == [schedule.alphas.tolist()]
    expected = sample(OneLayer(), schedule, KERNELS[kernel], x_N, None, generators)
    torch.testing.assert_close(x_0, expected)
