"""Rounding to 16 bit: the values of a file, what counts as clipped, what is left to metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from metrics.pcm import FULL_SCALE, as_pcm16


def test_a_16_bit_file_is_not_changed(tmp_path: Path) -> None:
    steps = np.arange(-FULL_SCALE, FULL_SCALE, 7, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", steps, 16_000, subtype="PCM_16")
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float64")
    rounded, clipped = as_pcm16(read)
    assert clipped == 0
    np.testing.assert_array_equal(rounded, steps / FULL_SCALE)
    np.testing.assert_array_equal(rounded, read)


def test_floats_are_moved_by_half_a_step_at_most() -> None:
    floats = np.random.default_rng(0).uniform(-0.99, 0.99, (3, 1_000)).astype(np.float32)
    rounded, clipped = as_pcm16(floats)
    assert clipped == 0
    assert rounded.shape == floats.shape
    assert rounded.dtype == np.float64
    assert 0 < np.abs(rounded - floats).max() <= 0.5 / FULL_SCALE
    np.testing.assert_array_equal(rounded * FULL_SCALE, np.round(rounded * FULL_SCALE))


def test_samples_beyond_the_range_are_clipped_and_counted() -> None:
    half = 0.49 / FULL_SCALE
    rounded, clipped = as_pcm16([1.0, 1.0 + half, -1.0 - half, 1.1, -1.1, 50.0])
    top = (FULL_SCALE - 1) / FULL_SCALE
    assert rounded.tolist() == [top, top, -1.0, top, -1.0, top]
    assert clipped == 3


def test_samples_that_are_not_finite_stay() -> None:
    rounded, clipped = as_pcm16([np.nan, np.inf, -np.inf, 2.0])
    np.testing.assert_array_equal(rounded[:3], [np.nan, np.inf, -np.inf])
    assert clipped == 1
