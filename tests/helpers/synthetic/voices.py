"""Clips and recordings of synthetic speech: harmonic words of a gliding pitch, and pauses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
Wave = NDArray[np.float64]


def word(seconds: float, seed: int = 0, rate: int = RATE) -> Wave:
    """A voiced sound of even loudness, ``(L,)``; the seed changes pitch and noise."""
    t = np.arange(round(seconds * rate)) / rate
    pitch = 115 + 9 * (seed % 7) + 18 * np.sin(2 * np.pi * (2 * t + 0.1 * seed))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voiced = sum(np.sin(k * phase + k) / k**0.7 for k in range(1, 22))
    return 0.08 * voiced + 0.002 * np.random.default_rng(seed).normal(size=t.size)


def words(count: int, spoken: float, pause: float, rate: int = RATE) -> Wave:
    """A clip of ``count`` words of ``spoken`` seconds, each followed by a silent pause."""
    silence = np.zeros(round(pause * rate))
    return np.concatenate([part for i in range(count) for part in (word(spoken, i, rate), silence)])


def syllables(seconds: float, seed: int = 0) -> Wave:
    """Fluent speech, ``(L,)``: four syllables a second, without a pause."""
    t = np.arange(round(seconds * RATE)) / RATE
    return word(seconds, seed) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * t + seed))


def write_recordings(folder: Path, waves: dict[str, Wave]) -> Path:
    """Write recordings as WAV files of 16 kHz, by their stems."""
    folder.mkdir(parents=True)
    for name, wave in waves.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="FLOAT")
    return folder
