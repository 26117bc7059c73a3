"""The spectral vocoder: its start, its last stage, and its contract."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.extras.networks.bands import band_shares
from bddm_ref.extras.networks.vocoder import SpectralVocoder, SpectralVocoderConfig

CONFIG = SpectralVocoderConfig(
    fft=64, hop=16, mels=4, width=16, blocks=2, encoder_width=8, encoder_blocks=1, level_width=8
)
FRAMES = 12


def filterbank() -> Tensor:
    """Make four overlapping triangles over 33 bins."""
    bins, centres = torch.arange(33.0)[:, None], torch.tensor([5.0, 12.0, 19.0, 26.0])
    return (1 - (bins - centres).abs() / 9).clamp_min(0)


def network(moved: float = 0.0) -> SpectralVocoder:
    """Make a small network whose parameters are ``moved`` away from their start."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SpectralVocoder(CONFIG, filterbank()).eval()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(moved * torch.randn(parameter.shape))
    return net


def inputs(batch: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, FRAMES * 16, generator=generator)
    log_mel = torch.randn(batch, 4, FRAMES + 1, generator=generator) - 1
    alpha = torch.linspace(0.1, 0.95, batch)
    return x, alpha, log_mel


def spectrum_of(net: SpectralVocoder, x: Tensor) -> Tensor:
    return torch.stft(x, 64, 16, window=net.window, return_complex=True) / net.window_norm


@torch.no_grad()
def test_untrained_it_is_the_wiener_filter() -> None:
    net = network()
    x, alpha, log_mel = inputs()
    # S of a bin: the squared mean magnitudes of its bands, times 4 / pi for a Gaussian.
    mean = log_mel.exp() * 8 / net.window_norm / filterbank().sum(0)[:, None]
    power = torch.einsum("bmt,mk->bkt", mean**2 * 4 / torch.pi, band_shares(filterbank())) + 1e-7
    delta = (1 - alpha**2)[:, None, None]
    gain = delta.sqrt() / ((1 - delta) * power + delta)
    expected = torch.istft(
        gain * spectrum_of(net, x) * net.window_norm, 64, 16, window=net.window, length=x.shape[1]
    )
    torch.testing.assert_close(net(x, alpha, net.encode(log_mel)), expected, rtol=1e-4, atol=1e-5)


class Constant(nn.Module):
    """A feedback that returns the same correction everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, magnitude: Tensor, *rest: object) -> Tensor:
        return torch.full_like(magnitude, self.value)


@torch.no_grad()
def test_the_last_stage_scales_the_clean_estimate() -> None:
    """A correction m changes the estimate C of the clean spectrum by m C in units of c_n."""
    net = network(moved=0.05)
    x, _, log_mel = inputs(1)
    alpha = torch.tensor([0.7])
    condition = net.encode(log_mel)
    # With one value of S for all bins, the gain of a bin is the gain of the waveform.
    condition = condition._replace(log_power=torch.zeros_like(condition.log_power))
    results = []
    for m in (0.0, -0.4):
        net.feedback = Constant(m)
        results.append((x - torch.tensor(1 - 0.49).sqrt() * net(x, alpha, condition)) / 0.7)
    clean, corrected = results
    c_n = (1 - 0.49) ** 0.5  # S = 1, so that alpha^2 S + delta = 1
    torch.testing.assert_close(corrected, (1 - 0.4 * c_n) * clean, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_examples_do_not_see_each_other() -> None:
    net = network(moved=0.1)
    x, alpha, log_mel = inputs()
    together = net(x, alpha, net.encode(log_mel))
    alone = net(x[1:2], alpha[1:2], net.encode(log_mel[1:2]))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_finite_at_both_ends_of_the_levels_and_in_silence() -> None:
    net = network(moved=0.1)
    x, _, log_mel = inputs(2)
    silence = torch.full_like(log_mel, -11.5)
    alpha = torch.tensor([1e-3, 1.0 - 5e-7], dtype=torch.float64)
    for mel in (log_mel, silence):
        eps = net(x, alpha, net.encode(mel))
        assert eps.shape == x.shape
        assert eps.dtype == torch.float32
        assert eps.isfinite().all()


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="taps = 2 must be odd"):
        SpectralVocoderConfig(taps=2)
    with pytest.raises(ValueError, match=r"mel filters of \(33, 3\), not \(33, 4\)"):
        SpectralVocoder(CONFIG, filterbank()[:, :3])
    net = network()
    x, alpha, log_mel = inputs()
    with pytest.raises(ValueError, match="192 samples and a condition of 12 frames"):
        net(x, alpha, net.encode(log_mel[..., 1:]))
