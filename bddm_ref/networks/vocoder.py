"""A score network for speech that two CPU cores can train: a preconditioned spectral denoiser.

Not from the papers, which use DiffWave. It works on the STFT of x_t. In each bin the forward
process is X_t = alpha X_0 + sqrt(delta) E with E of unit variance; were X_0 Gaussian of variance S,
the posterior of E would have mean c_skip X_t and deviation c_out,

    c_skip = sqrt(delta) / (alpha^2 S + delta),      c_out = sqrt(alpha^2 S / (alpha^2 S + delta)).

So the network predicts E = c_skip X_t + c_out F(X_t / sqrt(alpha^2 S + delta)), which is the
preconditioning of Karras et al. 2022 (Eq. 7, section 5), done per bin and frame: F = 0 is the
Wiener filter, and the target of F has unit variance at every noise level. S is read from the mel
spectrogram and sharpened by an encoder that runs once per utterance, not once per step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.networks.blocks import ConvNextBlock, LevelEmbedding


@dataclass(frozen=True)
class SpectralVocoderConfig:
    """Size and signal conventions of a :class:`SpectralVocoder`."""

    fft: int = 1024  # samples; of the network's own STFT, Hann window
    hop: int = 256  # samples per frame, those of the mel spectrogram
    mels: int = 80  # bands of the conditioning
    amplitude: float = 8.0  # the network hears recordings scaled by this
    width: int = 384  # channels of the denoiser
    blocks: int = 7
    encoder_width: int = 256
    encoder_blocks: int = 3
    expansion: int = 2  # hidden width of a block's MLP, in widths
    level_width: int = 64  # of the noise-level embedding
    taps: int = 3  # frames that the predicted complex filter of a bin spans, odd


class SpeechCondition(NamedTuple):
    """What the encoder makes of a mel spectrogram, once per utterance."""

    power: Tensor  # S, (B, frames, bins): expected power of a bin of the scaled recording
    hidden: Tensor  # (B, frames, width)


class SpectralVocoder(nn.Module):
    """eps_theta(x_t, alpha, condition) for waveforms of ``frames * hop`` samples.

    Args:
        config: sizes.
        filterbank: mel filters the conditioning was made with, ``(fft / 2 + 1, mels)``, applied
            to magnitudes of an STFT with the same ``fft`` and ``hop``.
    """

    window: Tensor
    spread: Tensor

    def __init__(self, config: SpectralVocoderConfig, filterbank: Tensor) -> None:
        super().__init__()
        self.config = config
        bins, width = config.fft // 2 + 1, config.width
        self.register_buffer("spread", _spread(filterbank), persistent=False)
        self.register_buffer("window", torch.hann_window(config.fft), persistent=False)
        self.window_norm = float(self.window.square().sum().sqrt())

        self.enter = nn.Conv1d(config.mels, config.encoder_width, 5, padding=2)
        self.encoder = nn.ModuleList(
            ConvNextBlock(config.encoder_width, config.expansion)
            for _ in range(config.encoder_blocks)
        )
        self.encoder_norm = nn.LayerNorm(config.encoder_width)
        self.sharpen = nn.Linear(config.encoder_width, bins)
        self.condition = nn.Linear(config.encoder_width, width)

        self.embed_level = LevelEmbedding(config.level_width)
        self.embed_bins = nn.Linear(3 * bins, width)
        self.blocks = nn.ModuleList(
            ConvNextBlock(width, config.expansion, config.level_width) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.predict = nn.Linear(width, 2 * (1 + config.taps) * bins)
        for layer in (self.sharpen, self.predict):  # start as the Wiener filter
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode(self, log_mel: Tensor) -> SpeechCondition:
        """Natural-log magnitude mel ``(B, mels, frames + 1)`` of the unscaled recording."""
        hidden = self.enter(log_mel + 3.0).transpose(1, 2)  # + 3: roughly centred
        for block in self.encoder:
            hidden = block(hidden)
        hidden = self.encoder_norm(hidden)
        # The mean of a Gaussian bin's magnitude, squared, is pi / 4 of its power.
        magnitude = log_mel.exp().transpose(1, 2) @ self.spread
        scale = self.config.amplitude**2 * 4 / math.pi / self.window_norm**2
        power = (magnitude.square() * scale + 1e-7) * self.sharpen(hidden).float().clamp(
            -12, 12
        ).exp()
        return SpeechCondition(power, self.condition(hidden))

    def forward(self, x: Tensor, alpha: Tensor, condition: SpeechCondition) -> Tensor:
        """Predict the noise.

        Args:
            x: x_t of the scaled recording, ``(B, L)``, L a multiple of ``hop``.
            alpha: noise levels, ``(B,)``.
            condition: from :meth:`encode`, ``L / hop + 1`` frames.

        Returns:
            eps, ``(B, L)``, float32.
        """
        alpha = alpha.to(torch.float64)  # float32 cannot tell 1 - alpha^2 from 0 near the data
        level_delta = (1 - alpha) * (1 + alpha)
        log_snr = torch.log(alpha.square() / level_delta).float()
        delta = level_delta.float()[:, None, None]
        signal = (1 - delta) * condition.power
        whiten = torch.rsqrt(signal + delta)
        spectrum = self._stft(x) * whiten
        snr = torch.log(signal / delta).clamp(-11.5, 16.0)
        features = torch.cat([spectrum.real, spectrum.imag, 0.2 * snr], dim=-1)

        level = self.embed_level(log_snr)
        hidden = self.embed_bins(features) + condition.hidden
        for block in self.blocks:
            hidden = block(hidden, level)
        residual = self._filter(self.predict(self.norm(hidden)).float(), spectrum)
        residual = residual * (signal.sqrt() * whiten)
        return self._istft(delta.sqrt() * whiten * spectrum + residual, x.shape[-1])

    def _filter(self, output: Tensor, spectrum: Tensor) -> Tensor:
        """An additive term, plus a filter over neighbouring frames for each bin.

        A filter keeps the phase of what it hears, which an additive term has to rebuild.
        """
        output = output.unflatten(-1, (2, 1 + self.config.taps, -1))
        terms = torch.complex(output[..., 0, :, :], output[..., 1, :, :])
        reach = self.config.taps // 2
        frames = F.pad(spectrum.transpose(1, 2), (reach, reach)).transpose(1, 2)
        result = terms[..., 0, :]
        for tap in range(self.config.taps):
            window = frames[:, tap : tap + spectrum.shape[1]]
            result = torch.addcmul(result, terms[..., 1 + tap, :], window)
        return result

    def _stft(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(
            x, self.config.fft, self.config.hop, window=self.window, return_complex=True
        )
        return spectrum.transpose(1, 2) / self.window_norm

    def _istft(self, spectrum: Tensor, length: int) -> Tensor:
        return torch.istft(
            spectrum.transpose(1, 2) * self.window_norm,
            self.config.fft,
            self.config.hop,
            window=self.window,
            length=length,
        )


def _spread(filterbank: Tensor) -> Tensor:
    """(mels, bins): a bin's magnitude as the weighted mean of the bands that cover it."""
    covered = filterbank.sum(1, keepdim=True)
    share = filterbank / covered.clamp_min(1e-9)
    # Bins that no band covers (the lowest and the highest) take their nearest band.
    nearest = torch.where(torch.arange(len(share)) < len(share) // 2, 0, filterbank.shape[1] - 1)
    share = torch.where(covered > 0, share, F.one_hot(nearest, filterbank.shape[1]).to(share))
    return (share / filterbank.sum(0)).T.contiguous()
