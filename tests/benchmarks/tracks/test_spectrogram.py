"""Spectrograms: a tone lies where the axis says, and equal clips give equal pictures."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.data.features import MELS, SAMPLE_RATE
from benchmarks.results.spectrograms import BANDS, COLOURS, HIGHEST, height_of
from benchmarks.tracks.speech.spectrogram import spectrogram_png


def tone(hz: float, amplitude: float = 0.5) -> torch.Tensor:
    return amplitude * torch.sin(2 * math.pi * hz * torch.arange(SAMPLE_RATE) / SAMPLE_RATE)


def pixels(png: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(png)))


def test_the_form_that_pages_know_is_that_of_the_features() -> None:
    assert BANDS == MELS
    assert 2 * HIGHEST == SAMPLE_RATE
    assert pixels(spectrogram_png(tone(440))).shape == (BANDS, 1 + SAMPLE_RATE // 256)


@pytest.mark.parametrize("hz", [300, 1000, 2500, 6000])
def test_a_tone_lies_at_its_height(hz: float) -> None:
    column = pixels(spectrogram_png(tone(hz)))[:, 30].astype(float)
    loudest = float(np.argmax(column))
    assert 1 - (loudest + 0.5) / BANDS == pytest.approx(height_of(hz), abs=1 / BANDS)


def test_louder_is_lighter_on_one_scale() -> None:
    quiet, loud = (pixels(spectrogram_png(tone(1000, size))) for size in (0.01, 0.5))
    assert quiet.max() < loud.max() < COLOURS
    assert pixels(spectrogram_png(torch.zeros(SAMPLE_RATE))).max() == 0
    light = Image.open(io.BytesIO(spectrogram_png(tone(1000)))).convert("L")
    shades = [light.getpixel((30, row)) for row in range(BANDS)]
    assert max(shades) > 60
    assert min(shades) < 5


def test_a_clip_shorter_than_the_window_is_drawn() -> None:
    assert pixels(spectrogram_png(tone(1000)[:50])).shape == (BANDS, 3)


def test_equal_clips_are_equal_bytes() -> None:
    assert spectrogram_png(tone(700)) == spectrogram_png(tone(700))
