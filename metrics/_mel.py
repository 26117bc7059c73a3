"""Log-mel spectrograms of the spectral distances `mcd` and `ls_mse` (`metrics.speech`)."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

N_FFT = 1024
HOP = 256
FLOOR = 1e-5


def _hz_from_mel(mel: Tensor) -> Tensor:
    # Slaney's scale: 3 mel per 200 Hz up to 1 kHz = 15 mel, then 27 mel per factor of 6.4.
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) * math.log(6.4) / 27))


def _mel_from_hz(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int, bands: int, highest: float) -> Tensor:
    """Make triangular filters on Slaney's mel scale, each of unit area (librosa's default).

    Args:
        sample_rate: Hz.
        bands: number of filters.
        highest: upper edge of the last filter, Hz; the first one starts at 0 Hz.

    Returns:
        ``(bands, 513)``, float64.
    """
    frequencies = torch.linspace(0, sample_rate / 2, N_FFT // 2 + 1, dtype=torch.float64)
    edges = _hz_from_mel(torch.linspace(0, _mel_from_hz(highest), bands + 2, dtype=torch.float64))
    left, centre, right = (edges[i : i + bands, None] for i in range(3))
    rise = (frequencies - left) / (centre - left)
    fall = (right - frequencies) / (right - centre)
    return torch.minimum(rise, fall).clamp(min=0) * 2 / (right - left)


def log_mel(
    clip: NDArray[np.float64], sample_rate: int, bands: int, highest: float
) -> NDArray[np.float64]:
    """Compute the natural log of mel-weighted STFT magnitudes, floored at 1e-5.

    The STFT has 1024 points, a periodic Hann window, hop 256 and frames centred by reflection.

    Args:
        clip: ``(L,)``, more than 512 samples.
        sample_rate: Hz.
        bands: mel bands.
        highest: upper edge of the bands, Hz.

    Returns:
        ``(1 + L // 256, bands)``.
    """
    window = torch.hann_window(N_FFT, dtype=torch.float64)
    signal = torch.from_numpy(clip.copy())  # torch warns of a read-only array
    magnitudes = torch.stft(signal, N_FFT, HOP, window=window, return_complex=True).abs()
    mel = mel_filters(sample_rate, bands, highest) @ magnitudes
    logs: NDArray[np.float64] = mel.clamp(min=FLOOR).log().T.numpy()
    return logs
