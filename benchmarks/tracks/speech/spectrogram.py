"""Log-mel spectrograms as pictures; their form is in :mod:`benchmarks.results.spectrograms`."""

from __future__ import annotations

import io
import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from benchmarks.data.features import FFT, log_mel
from benchmarks.results.spectrograms import COLOURS, LOUDEST, PALETTE, QUIETEST


def spectrogram_png(waveform: Tensor) -> bytes:
    """Draw the log-mel spectrogram of a clip; equal clips give equal bytes.

    Args:
        waveform: ``(L,)`` at 16 kHz, full scale 1; followed by silence up to 513 samples.

    Returns:
        A PNG file with a palette: 1 + L // 256 columns, a row for each mel band.
    """
    # A machine that only trains and samples has neither package.
    from matplotlib import colormaps  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    least = FFT // 2 + 1  # samples that the transform needs
    whole = pad(waveform, (0, max(0, least - len(waveform))))
    decibel = log_mel(whole) * (20 / math.log(10))
    share = (decibel - QUIETEST) / (LOUDEST - QUIETEST)
    colours = (share * COLOURS).clamp(0, COLOURS - 1).to(torch.uint8)
    picture = Image.fromarray(colours.flip(0).numpy(), mode="P")
    palette = colormaps[PALETTE].resampled(COLOURS)(range(COLOURS), bytes=True)[:, :3]
    picture.putpalette(palette.tobytes())
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True, bits=(COLOURS - 1).bit_length())
    return stream.getvalue()
