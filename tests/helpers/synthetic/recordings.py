"""Small recordings of made-up voices, and headers that say something else than their files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 16_000
Samples = np.ndarray[Any, np.dtype[np.float64]]


def voice(seed: int, seconds: float = 0.5, rate: int = RATE) -> Samples:
    """Pulses of a pitch of its own through two resonances, in syllables."""
    source = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    pitch = 90 + 7 * (seed % 23) + 12 * np.sin(2 * np.pi * (1.1 + 0.1 * seed) * t)
    phase = np.cumsum(pitch) / rate
    formants = 500 + 40 * (seed % 11), 1500 + 60 * (seed % 7)
    wave = sum(
        np.cos(2 * np.pi * k * phase) / (1 + min(abs(k * 120 - f) for f in formants) / 200)
        for k in range(1, 24)
    )
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * t + seed)
    loud = wave * syllables + 0.01 * source.standard_normal(len(t))
    made: Samples = 0.4 * loud / np.abs(loud).max()
    return made


def write(path: Path, samples: Samples, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    """Write a recording; the ending says the format, in any case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix[1:].upper()
    soundfile.write(path, samples, rate, subtype=subtype, format=kind)
    return path


def write_voices(
    folder: Path,
    count: int,
    change: Callable[[int, Samples], Samples] = lambda seed, samples: samples,
    subtype: str = "FLOAT",
    seconds: float = 0.5,
) -> list[Path]:
    """Recordings of different voices; ``change`` gets the number and the samples of each."""
    return [
        write(folder / f"{i:02}.wav", change(i, voice(i, seconds)), subtype=subtype)
        for i in range(count)
    ]


def patched(path: Path, place: int, form: str, value: int) -> Path:
    """Overwrite a number in a header, in the form of :mod:`struct`."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, place, value)
    path.write_bytes(content)
    return path


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path
