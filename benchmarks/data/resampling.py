"""Resampling between any two rates, at a cost that the length of the output bounds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ZEROS = 6  # zero crossings of the kernel on each side, as in torchaudio's resample
ROLLOFF = 0.99  # cut-off, as a share of the lower Nyquist frequency, as in torchaudio's resample
BLOCK = 2**21  # kernel values that are in memory at once


def resampled(waveform: Tensor, rate: int, wanted: int) -> Tensor:
    """Resample by a windowed sinc that is evaluated at each output sample.

    The kernel is that of :func:`torchaudio.functional.resample`, which tabulates it for all phases:
    for 44 099 Hz and 16 000 Hz the table has 16 000 rows of 44 131 values. Here each output sample
    costs the kernel's width alone, whatever divisor the rates have in common.

    Args:
        waveform: ``(L,)`` float32.
        rate: its rate, Hz.
        wanted: the rate of the result, Hz.

    Returns:
        ``(ceil(L * wanted / rate),)`` float32.
    """
    length = math.ceil(len(waveform) * wanted / rate)
    cutoff = ROLLOFF * min(rate, wanted) / rate  # in units of the input's Nyquist frequency
    reach = math.ceil(ZEROS / cutoff)
    taps = torch.arange(-reach, reach + 2)
    padded = torch.nn.functional.pad(waveform, (reach, reach + 2))
    block = max(1, BLOCK // len(taps))
    parts = []
    for first in range(0, length, block):
        index = torch.arange(first, min(first + block, length))
        ticks = index * rate
        start = ticks // wanted
        phase = (ticks % wanted).double() / wanted
        distance = (taps - phase[:, None]).mul(cutoff).clamp(-ZEROS, ZEROS)
        window = distance.mul(math.pi / (2 * ZEROS)).cos().square()
        kernel = (torch.sinc(distance) * window * cutoff).float()
        pieces = padded[start[:, None] + (taps + reach)]
        parts.append((pieces * kernel).sum(1))
    return torch.cat(parts) if parts else waveform.new_zeros(0)
