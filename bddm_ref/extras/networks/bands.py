"""Feedback to a vocoder from the mel spectrogram that its clean estimate must match."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GAUSSIAN_POWER = 4 / math.pi
"""Power of a complex Gaussian over the square of its mean magnitude."""


class BandTarget(NamedTuple):
    """Targets for each mel band of a clean estimate, computed once per utterance."""

    magnitude: Tensor  # (B, frames, mels): sum of a band's weighted bin magnitudes
    log_power: Tensor  # (B, frames, mels), nats: log power of a bin in the band


class MelFeedback(nn.Module):
    """Correct a clean estimate by the distance of its mel spectrogram from the conditioning.

    A denoiser that knows only each bin's expected power (the Wiener filter) draws Gaussian
    magnitudes, although a mel spectrogram nearly determines the magnitude of a band. This module
    compares the estimate's mel spectrogram with the conditioning. One small network, shared by all
    bands, turns the difference into a gain of the band.

    Args:
        filterbank: mel filters, ``(bins, mels)``, applied to magnitudes.
        width: channels of the denoiser's hidden state.
        channels: channels of the network that the bands share.

    Raises:
        ValueError: a band is empty.
    """

    filterbank: Tensor
    share: Tensor

    def __init__(self, filterbank: Tensor, width: int, channels: int = 8) -> None:
        super().__init__()
        if not (filterbank.sum(0) > 0).all():
            raise ValueError("a mel band holds no bin: use fewer bands or a longer transform")
        self.register_buffer("filterbank", filterbank, persistent=False)
        self.register_buffer("share", band_shares(filterbank), persistent=False)
        self.channels = channels
        self.hear = nn.Linear(3, channels)
        self.advise = nn.Linear(width, filterbank.shape[1] * channels)
        self.mix = nn.Linear(channels, channels)
        self.decide = nn.Linear(channels, 1)
        for layer in (self.advise, self.decide):  # start without a correction
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def target(self, mel: Tensor) -> BandTarget:
        """Compute targets from a magnitude mel spectrogram ``(B, frames, mels)``."""
        power = (mel / self.filterbank.sum(0)).square() * GAUSSIAN_POWER
        return BandTarget(mel, power.log())

    def forward(
        self, magnitude: Tensor, log_snr: Tensor, target: BandTarget, hidden: Tensor
    ) -> Tensor:
        """Compute relative corrections, in units of a bin's own uncertainty.

        Args:
            magnitude: magnitudes of the clean estimate's spectrum, ``(B, frames, bins)``.
            log_snr: log-SNR of each example's level, nats, ``(B, 1, 1)``.
            target: from :meth:`target`.
            hidden: hidden state of the denoiser, ``(B, frames, width)``.

        Returns:
            ``(B, frames, bins)``.
        """
        # bfloat16 would round the mel spectrogram by 0.4 %, more than the errors near the data.
        with torch.autocast(magnitude.device.type, enabled=False):
            mel = magnitude @ self.filterbank
        error = (mel / target.magnitude).clamp_min(1e-3).log()
        band_snr = (log_snr + target.log_power).clamp(-11.5, 16.0)
        # The unit of errors is a clean estimate's relative deviation, about (1 + SNR)^-1/2.
        normalised = (error * torch.sqrt(1 + band_snr.exp())).clamp(-4, 4)
        compared = self.hear(torch.stack([normalised, error, 0.2 * band_snr], dim=-1))
        mixed = F.gelu(compared + self.advise(hidden).unflatten(-1, (-1, self.channels)))
        mixed = mixed + F.gelu(self.mix(mixed))
        correction: Tensor = self.decide(mixed).squeeze(-1).float() @ self.share
        return correction


def band_shares(filterbank: Tensor) -> Tensor:
    """Compute each band's share in a bin, ``(mels, bins)``; the shares of a bin sum to 1."""
    covered = filterbank.sum(1, keepdim=True)
    share = filterbank / covered.clamp_min(1e-9)
    # Bins that no band covers (the lowest and the highest) take their nearest band.
    bins = torch.arange(len(filterbank), dtype=filterbank.dtype)
    centres = bins @ filterbank / filterbank.sum(0)
    nearest = (bins[:, None] - centres).abs().argmin(1)
    share = torch.where(covered > 0, share, F.one_hot(nearest, filterbank.shape[1]).to(share))
    return share.T.contiguous()
