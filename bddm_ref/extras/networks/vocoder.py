"""A score network for speech that two CPU cores can train: a preconditioned spectral denoiser.

The network is not from the papers, which use DiffWave. It works on the STFT of x_t. In each bin the
forward process is X_t = alpha X_0 + sqrt(delta) E with E of unit variance. If X_0 were Gaussian of
variance S, X = X_t / sqrt(alpha^2 S + delta) would be white. With the shares of signal and noise

    c_s = sqrt(alpha^2 S / (alpha^2 S + delta)),      c_n = sqrt(delta / (alpha^2 S + delta)),

the posterior of E would have mean c_n X and deviation c_s. The network therefore predicts

    E = c_n X + c_s F(X).

This is the preconditioning of Karras et al. 2022 (Eq. 7, section 5), applied per bin and frame:
F = 0 is the Wiener filter, and the target of F has unit variance at every noise level. The estimate
of X_0 / sqrt(S) is C = c_s X - c_n F, whose mel spectrogram must match the conditioning. The last
stage compares them and moves F by a multiple of C (:mod:`bddm_ref.extras.networks.bands`).
An encoder computes S from the mel spectrogram, once per utterance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.extras.networks.bands import BandTarget, MelFeedback
from bddm_ref.extras.networks.convnext import ConvNextBlock
from bddm_ref.levels import Embedded, Levelled
from bddm_ref.networks.blocks import LevelEmbedding


@dataclass(frozen=True)
class SpectralVocoderConfig:
    """Size and signal conventions of a :class:`SpectralVocoder`."""

    fft: int = 1024  # samples of the network's own STFT; Hann window
    hop: int = 256  # samples per frame, as in the mel spectrogram
    mels: int = 80  # bands of the conditioning
    amplitude: float = 8.0  # factor on the recordings that the network sees
    width: int = 384  # channels of the denoiser
    blocks: int = 4
    encoder_width: int = 256
    encoder_blocks: int = 3
    expansion: int = 2  # hidden width of a block's MLP, in widths
    level_width: int = 64  # width of the noise-level embedding
    taps: int = 3  # frames that the predicted complex filter of a bin spans, odd

    def __post_init__(self) -> None:
        if self.taps % 2 != 1:
            raise ValueError(f"taps = {self.taps} must be odd: a filter centred on its frame")


class SpeechCondition(NamedTuple):
    """The encoder's output for a mel spectrogram, computed once per utterance."""

    log_power: Tensor  # log S, (B, frames, bins): expected power of a bin of the scaled recording
    magnitude: Tensor  # sqrt(S), the same shape
    hidden: Tensor  # (B, frames, width)
    bands: BandTarget  # targets of the scaled recording


class SpectralVocoder(Levelled, nn.Module):
    """Score network eps_theta(x_t, alpha, condition) for waveforms of ``frames * hop`` samples.

    Args:
        config: sizes.
        filterbank: mel filters of the conditioning, ``(fft / 2 + 1, mels)``, for magnitudes of an
            STFT with the same ``fft`` and ``hop``.

    Raises:
        ValueError: the filters have another shape.
    """

    window: Tensor

    def __init__(self, config: SpectralVocoderConfig, filterbank: Tensor) -> None:
        super().__init__()
        self.config = config
        bins, width = config.fft // 2 + 1, config.width
        if filterbank.shape != (bins, config.mels):
            raise ValueError(f"mel filters of {tuple(filterbank.shape)}, not {(bins, config.mels)}")
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
        self.predict_slope = nn.Linear(width, bins)
        self.feedback = MelFeedback(filterbank, width)
        for layer in (self.sharpen, self.predict, self.predict_slope):  # start as the Wiener filter
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode(self, log_mel: Tensor) -> SpeechCondition:
        """Encode an unscaled recording's natural-log magnitude mel ``(B, mels, frames + 1)``."""
        hidden = self.enter(log_mel + 3.0).transpose(1, 2)  # + 3: roughly centred
        for block in self.encoder:
            hidden = block(hidden)
        hidden = self.encoder_norm(hidden)
        scale = self.config.amplitude / self.window_norm
        bands = self.feedback.target(log_mel.float().exp().transpose(1, 2) * scale)
        power = bands.log_power.exp() @ self.feedback.share
        log_power = torch.log(power.float() + 1e-7) + self.sharpen(hidden).float().clamp(-12, 12)
        return SpeechCondition(log_power, (0.5 * log_power).exp(), self.condition(hidden), bands)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Compute log-SNR and sqrt(delta), ``(N,)``, and the modulation of each block."""
        alpha = alpha.to(torch.float64)  # float32 cannot tell 1 - alpha^2 from 0 near the data
        delta = (1 - alpha) * (1 + alpha)
        log_snr = torch.log(alpha.square() / delta).float()
        level = self.embed_level(log_snr)
        blocks = [block for block in self.blocks if isinstance(block, ConvNextBlock)]
        return log_snr, delta.sqrt().float(), *(block.modulate(level) for block in blocks)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: SpeechCondition) -> Tensor:
        """Predict the noise of x ``(B, L)``, L a multiple of ``hop``, in float32.

        Raises:
            ValueError: the condition has another length.
        """
        if x.shape[-1] != (condition.hidden.shape[1] - 1) * self.config.hop:
            raise ValueError(
                f"{x.shape[-1]} samples and a condition of {condition.hidden.shape[1]} frames: "
                f"give frames - 1 times {self.config.hop} samples"
            )
        log_snr, deviation = (part[:, None, None] for part in embedded[:2])
        snr = log_snr + condition.log_power
        signal, noise = torch.sigmoid(snr).sqrt(), torch.sigmoid(-snr).sqrt()
        spectrum = self._stft(x) * (noise / deviation)
        parts = torch.view_as_real(spectrum).flatten(-2)
        hidden = self.embed_bins(torch.cat([parts, 0.2 * snr.clamp(-11.5, 16.0)], dim=-1))
        hidden = hidden + condition.hidden
        for block, modulation in zip(self.blocks, embedded[2:], strict=True):
            hidden = block(hidden, modulation)
        hidden = self.norm(hidden)
        residual = self._filter(hidden, spectrum)

        clean = signal * spectrum - noise * residual
        magnitude = _power(clean).clamp_min(1e-12).sqrt() * condition.magnitude
        correction = self.feedback(magnitude, log_snr, condition.bands, hidden)
        residual = residual - correction * clean
        return self._istft(noise * spectrum + signal * residual, x.shape[-1])

    def _filter(self, hidden: Tensor, spectrum: Tensor) -> Tensor:
        """Add a term and a filter over neighbouring frames for each bin.

        A filter keeps the phase of its input, which an additive term has to rebuild. The filter's
        gain also depends on the input's magnitude: so does the posterior mean of a bin whose
        magnitude is known.
        """
        output = self.predict(hidden).float().unflatten(-1, (1 + self.config.taps, -1, 2))
        terms = torch.view_as_complex(output)
        reach = self.config.taps // 2
        frames = F.pad(spectrum, (0, 0, reach, reach))
        loudness = self.predict_slope(hidden).float() * torch.log(_power(spectrum) + 0.01)
        result = torch.addcmul(terms[..., 0, :], loudness, spectrum)
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


def _power(spectrum: Tensor) -> Tensor:
    """Compute |z|^2, several times faster than ``abs`` on a CPU."""
    return torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
