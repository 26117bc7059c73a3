"""WAV files of recordings and samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bddm_ref.files import write_atomically
from benchmarks.core.rows import Sampled
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.runtime.samples import read_samples
from metrics.pcm import FULL_SCALE, as_pcm16

PUBLISHED_WAVS = ("bddm-3", "bddm-7", "bddm-16", "ddpm-16", "ddpm-1000")


def write_wavs(sampled: Sequence[Sampled], clips: Sequence[Clip], folder: Path) -> None:
    """Write ``<clip>-recording.wav``, and ``<clip>-<row>.wav`` for each published row.

    Args:
        sampled: rows of one convention; rows that are not published, or lack samples, are left out.
        clips: the first test clips.
        folder: the folder of the files.
    """
    shown = [one for one in sampled if one.files and one.row.name in PUBLISHED_WAVS]
    for index, clip in enumerate(clips):
        _write_wav(folder / wav_name(clip.name), clip.waveform.numpy())
        for one in shown:
            samples = read_samples(one.files[0])[index].numpy()
            _write_wav(folder / wav_name(clip.name, one.row.name), samples)


def wav_name(clip: str, row: str = "recording") -> str:
    """Name the file of a clip's samples, or of its recording."""
    return f"{clip}-{row}.wav"


def _write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    rounded, _ = as_pcm16(np.nan_to_num(samples))
    steps = (rounded * FULL_SCALE).astype(np.int16)  # as they are: no writer rounds them again
    write_atomically(
        path,
        lambda temporary: soundfile.write(
            temporary, steps, SAMPLE_RATE, subtype="PCM_16", format="WAV"
        ),
    )
