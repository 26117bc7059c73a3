"""Log-mel spectrograms and resampling: the one module that uses torchaudio."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from benchmarks.data.resampling import resampled

try:
    from torchaudio.functional import melscale_fbanks, resample
except OSError as error:  # a wheel built for another torch
    raise ImportError(
        "torchaudio does not fit the installed torch; install matching versions with "
        "'pip install torch==2.14.1 torchaudio==2.11.0'"
    ) from error

SAMPLE_RATE = 16_000  # Hz
FFT = 1024  # samples, Hann window
HOP = 256  # samples per frame
MELS = 80  # bands, 0 to 8 kHz, Slaney's scale and normalisation as in librosa
FLOOR = 1e-5  # smallest magnitude of a band, before the logarithm
LARGEST_TABLE = 2**20  # values of a resampling kernel that torchaudio may tabulate


@lru_cache(maxsize=1)
def filterbank() -> Tensor:
    """Mel filters, ``(FFT / 2 + 1, MELS)``."""
    with torch.inference_mode(False):  # the cached tensor must serve training, too
        bank: Tensor = melscale_fbanks(
            FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
    return bank


def log_mel(waveform: Tensor) -> Tensor:
    """Natural log of mel magnitudes, clamped from below at FLOOR.

    Args:
        waveform: ``(..., L)`` at 16 kHz, unscaled.

    Returns:
        ``(..., MELS, L // HOP + 1)``, frames centred on multiples of the hop.
    """
    window = torch.hann_window(FFT)
    magnitudes = torch.stft(waveform, FFT, HOP, window=window, return_complex=True).abs()
    return (filterbank().T @ magnitudes).clamp_min(FLOOR).log()


def to_sample_rate(waveform: Tensor, rate: int) -> Tensor:
    """Resample a waveform ``(L,)`` from ``rate`` Hz to 16 kHz.

    torchaudio tabulates the kernel for every phase, which suits usual rates such as 44 100 Hz. For
    rates with a small common divisor the table would fill the memory: :func:`resampled` computes
    the same result without it.
    """
    if rate == SAMPLE_RATE:
        return waveform
    divisor = math.gcd(rate, SAMPLE_RATE)
    table = (rate // divisor) * (SAMPLE_RATE // divisor)
    if table > LARGEST_TABLE:
        return resampled(waveform, rate, SAMPLE_RATE)
    by_table: Tensor = resample(waveform, rate, SAMPLE_RATE)
    return by_table
