"""Audio of recordings, samples and clean estimates, 16-bit mono FLAC, each with its spectrogram."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from bddm_ref.files import write_atomically
from benchmarks.core.rows import Sampled, Watched
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.results.example_names import ExampleName, spectrogram_of
from benchmarks.runtime.samples import read_samples
from benchmarks.tracks.speech.spectrogram import spectrogram_png
from metrics.pcm import FULL_SCALE, as_pcm16


def write_recordings(clips: Sequence[Clip], folder: Path) -> None:
    """Write the recordings of test clips below a results folder."""
    for clip in clips:
        _write(folder, ExampleName("recording", clip=clip.name), clip.waveform)


def write_clips(sampled: Sequence[Sampled], clips: Sequence[Clip], folder: Path) -> None:
    """Write each row's samples of the first test clips, from its first noise seed.

    Args:
        sampled: rows that have samples.
        clips: the first test clips.
        folder: the results folder.
    """
    for one in sampled:
        samples = read_samples(one.files[0])
        for index, clip in enumerate(clips):
            _write(folder, ExampleName("clip", one.row.id, clip.name), samples[index])


def write_denoising(watched: Sequence[Watched], clips: Sequence[Clip], folder: Path) -> None:
    """Write the clean estimates of every evaluation, for the test clips that were watched."""
    for one in watched:
        for after, estimates in enumerate(read_samples(one.file), 1):
            for clip, waveform in zip(clips, estimates, strict=False):
                _write(folder, ExampleName("denoising", one.row.id, clip.name, after), waveform)


def _write(folder: Path, name: ExampleName, waveform: Tensor) -> None:
    """Write the values that scores are of, and their spectrogram; equal waveforms, equal files."""
    file = folder / name.file
    rounded, _ = as_pcm16(np.nan_to_num(waveform.numpy()))
    steps = (rounded * FULL_SCALE).astype(np.int16)  # as they are: no writer rounds them again
    write_atomically(
        file,
        lambda temporary: soundfile.write(
            temporary, steps, SAMPLE_RATE, subtype="PCM_16", format="FLAC", compression_level=1.0
        ),
    )
    picture = spectrogram_png(torch.from_numpy(rounded.astype(np.float32)))
    write_atomically(spectrogram_of(file), partial(Path.write_bytes, data=picture))
