"""Feedback from the mel spectrogram that a vocoder's clean estimate has to have."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GAUSSIAN_POWER = 4 / math.pi
"""Power of a complex Gaussian over the square of its mean magnitude."""


class BandTarget(NamedTuple):
    """What a clean estimate has to have in each mel band, once per utterance."""

    magnitude: Tensor  # (B, frames, mels): sum of a band's weighted bin magnitudes
    log_power: Tensor  # (B, frames, mels), nats: of a bin in the band


class MelFeedback(nn.Module):
    """Correct a clean estimate by how far its mel spectrogram is from the conditioning.

    A denoiser that knows only each bin's expected power (the Wiener filter) draws magnitudes from
    a Gaussian's, although a mel spectrogram all but fixes the magnitude of a band. Here the
    estimate's own mel spectrogram is compared with that of the conditioning, and a small network,
    the same for every band, turns the difference into a gain of the band.

    Args:
        filterbank: mel filters, ``(bins, mels)``, applied to magnitudes.
        width: channels of the denoiser's hidden state.
        channels: of the network of a band.

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
        """Targets from a magnitude mel spectrogram ``(B, frames, mels)``."""
        power = (mel / self.filterbank.sum(0)).square() * GAUSSIAN_POWER
        return BandTarget(mel, power.log())

    def forward(
        self, magnitude: Tensor, log_snr: Tensor, target: BandTarget, hidden: Tensor
    ) -> Tensor:
        """Relative corrections, in units of a bin's own uncertainty.

        Args:
            magnitude: of the clean estimate's spectrum, ``(B, frames, bins)``.
            log_snr: of the process, per example, nats, ``(B, 1, 1)``.
            target: from :meth:`target`.
            hidden: of the denoiser, ``(B, frames, width)``.

        Returns:
            ``(B, frames, bins)``.
        """
        # bfloat16 would round the mel spectrogram by 0.4 %, more than the errors near the data.
        with torch.autocast(magnitude.device.type, enabled=False):
            mel = magnitude @ self.filterbank
        error = (mel / target.magnitude).clamp_min(1e-3).log()
        band_snr = (log_snr + target.log_power).clamp(-11.5, 16.0)
        # A clean estimate's relative deviation is about (1 + SNR)^-1/2: errors in that unit.
        normalised = (error * torch.sqrt(1 + band_snr.exp())).clamp(-4, 4)
        heard = self.hear(torch.stack([normalised, error, 0.2 * band_snr], dim=-1))
        mixed = F.gelu(heard + self.advise(hidden).unflatten(-1, (-1, self.channels)))
        mixed = mixed + F.gelu(self.mix(mixed))
        correction: Tensor = self.decide(mixed).squeeze(-1).float() @ self.share
        return correction


def band_shares(filterbank: Tensor) -> Tensor:
    """(mels, bins): how much each band counts for a bin; the bands' shares of a bin sum to 1."""
    covered = filterbank.sum(1, keepdim=True)
    share = filterbank / covered.clamp_min(1e-9)
    # Bins that no band covers (the lowest and the highest) take their nearest band.
    bins = torch.arange(len(filterbank), dtype=filterbank.dtype)
    centres = bins @ filterbank / filterbank.sum(0)
    nearest = (bins[:, None] - centres).abs().argmin(1)
    share = torch.where(covered > 0, share, F.one_hot(nearest, filterbank.shape[1]).to(share))
    return share.T.contiguous()
