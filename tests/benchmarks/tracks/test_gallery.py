"""WAV examples hold exactly the samples that are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch

from benchmarks.core.experiment import Convention
from benchmarks.core.rows import Row, Sampled
from benchmarks.data.clips import Clip
from benchmarks.data.features import MELS, SAMPLE_RATE
from benchmarks.runtime.samples import write_samples
from benchmarks.tracks.speech.gallery import write_wavs
from metrics.pcm import as_pcm16


def test_a_file_holds_the_scored_samples(tmp_path: Path) -> None:
    source = torch.Generator().manual_seed(0)
    recording = torch.randint(-900, 900, (4_000,), generator=source) / 2**15
    samples = torch.randn(1, 4_000, generator=source)  # some beyond full scale
    samples[0, :3] = torch.tensor([1.0, -1.0, float("nan")])
    write_samples(tmp_path / "samples.safetensors", samples)
    row = Row(Convention("raw"), "bddm", 7, seeds=1, items=1)
    clip = Clip("ru_0537@1", recording, torch.zeros(MELS, 1))
    sampled = Sampled(row, (tmp_path / "samples.safetensors",), 7)
    write_wavs([sampled], [clip], tmp_path)
    heard, rate = soundfile.read(tmp_path / "ru_0537@1-bddm-7.wav", dtype="float64")
    scored, clipped = as_pcm16(samples[0].numpy())
    assert rate == SAMPLE_RATE
    assert clipped > 100
    assert heard[2] == 0.0  # a file cannot hold what is no number
    np.testing.assert_array_equal(heard[3:], scored[3:])
    original, _ = soundfile.read(tmp_path / "ru_0537@1-recording.wav", dtype="float64")
    np.testing.assert_array_equal(original, recording.numpy())
