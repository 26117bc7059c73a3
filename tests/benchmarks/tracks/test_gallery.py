"""Examples hold exactly what is scored, and equal samples are equal files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from benchmarks.core.experiment import Convention, Experiment, RowConfig
from benchmarks.core.rows import Row, Sampled, Watched
from benchmarks.data.clips import Clip
from benchmarks.data.distributions import distribution
from benchmarks.data.features import MELS, SAMPLE_RATE
from benchmarks.results.points import ConventionPoints, read_points
from benchmarks.runtime.samples import write_samples
from benchmarks.tracks.analytic.data import Distributions
from benchmarks.tracks.analytic.gallery import write_convention
from benchmarks.tracks.images import gallery as grids
from benchmarks.tracks.shown import shown_rows, shown_samples
from benchmarks.tracks.speech import gallery as audio
from metrics.pcm import as_pcm16

ROW = Row(Convention("raw"), "bddm", 7, seeds=1, items=1)


def clip_of(length: int) -> Clip:
    source = torch.Generator().manual_seed(0)
    recording = torch.randint(-900, 900, (length,), generator=source) / 2**15
    return Clip("ru_0537@1", recording, torch.zeros(MELS, 1))


def test_audio_holds_the_scored_samples(tmp_path: Path) -> None:
    clip = clip_of(4_000)
    samples = torch.randn(1, 4_000, generator=torch.Generator().manual_seed(1))
    samples[0, :3] = torch.tensor([1.0, -1.0, float("nan")])  # others are beyond full scale, too
    write_samples(tmp_path / "samples.safetensors", samples)
    sampled = Sampled(ROW, (tmp_path / "samples.safetensors",), 7)
    audio.write_clips([sampled], [clip], tmp_path)
    audio.write_recordings([clip], tmp_path)
    file = tmp_path / "clips/raw/bddm-7/ru_0537@1.flac"
    heard, rate = soundfile.read(file, dtype="float64")
    scored, clipped = as_pcm16(samples[0].numpy())
    facts = soundfile.info(file)
    assert (rate, facts.subtype, facts.channels) == (SAMPLE_RATE, "PCM_16", 1)
    assert clipped > 100
    assert heard[2] == 0.0  # a file cannot hold what is no number
    np.testing.assert_array_equal(heard[3:], scored[3:])
    original, _ = soundfile.read(tmp_path / "recordings/ru_0537@1.flac", dtype="float64")
    np.testing.assert_array_equal(original, clip.waveform.numpy())


def test_equal_samples_are_equal_audio_without_date_or_title(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        audio.write_recordings([clip_of(9_000)], tmp_path / name)
        files.append(tmp_path / name / "recordings/ru_0537@1.flac")
    first, second = (file.read_bytes() for file in files)
    assert first == second
    with soundfile.SoundFile(files[0]) as file:
        assert not any(file.copy_metadata().values())


def test_clean_estimates_of_the_watched_clips_are_written(tmp_path: Path) -> None:
    estimates = torch.linspace(-0.5, 0.5, 3 * 50).reshape(3, 1, 50)  # of one clip of two
    write_samples(tmp_path / "estimates.safetensors", estimates)
    clips = [clip_of(50), Clip("other", torch.zeros(50), torch.zeros(MELS, 1))]
    audio.write_denoising([Watched(ROW, tmp_path / "estimates.safetensors")], clips, tmp_path)
    written = sorted((tmp_path / "denoising").rglob("*.flac"))
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        f"denoising/raw/bddm-7/after-{after}/ru_0537@1.flac" for after in (1, 2, 3)
    ]
    for path, expected in zip(written, estimates, strict=True):
        heard, _ = soundfile.read(path, dtype="float64")
        np.testing.assert_array_equal(heard, as_pcm16(expected[0].numpy())[0])


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_grids_hold_the_samples_place_by_place(tmp_path: Path, channels: int, mode: str) -> None:
    source = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5, channels, 4, 6), generator=source, dtype=torch.uint8)
    write_samples(tmp_path / "samples.safetensors", images)
    write_samples(tmp_path / "estimates.safetensors", images[None, :2])
    sampled = Sampled(ROW, (tmp_path / "samples.safetensors",), 7)
    grids.write_grids([sampled], images.flip(0), 5, tmp_path)
    grids.write_denoising([Watched(ROW, tmp_path / "estimates.safetensors")], tmp_path)
    with Image.open(tmp_path / "grids/raw/bddm-7.png") as grid:
        assert (grid.mode, grid.size) == (mode, (18, 12))
        pixels = np.asarray(grid).reshape(12, 18, channels)
    for place in range(5):
        y, x = 4 * (place // 3), 6 * (place % 3)
        cell = pixels[y : y + 4, x : x + 6].transpose(2, 0, 1)
        np.testing.assert_array_equal(cell, images[place].numpy())
    assert not pixels[4:, 12:].any()
    with Image.open(tmp_path / "grids/test-images.png") as grid:
        np.testing.assert_array_equal(
            np.asarray(grid).reshape(12, 18, channels)[:4, :6].transpose(2, 0, 1), images[4].numpy()
        )
    with Image.open(tmp_path / "denoising/raw/bddm-7/after-1.png") as grid:
        assert grid.size == (12, 8)


def points_of(name: str, samples: torch.Tensor, folder: Path) -> ConventionPoints:
    """The points of a convention with one row of these samples."""
    convention = Convention("known", data=name)
    experiment = Experiment(track="analytic", data=name, conventions=(convention,))
    write_samples(folder / "samples.safetensors", samples)
    row = Row(convention, "bddm", 7, seeds=2, items=len(samples))
    sampled = Sampled(row, (folder / "samples.safetensors",), 7, seeds=(1,))
    write_convention([sampled], Distributions(experiment), convention, folder)
    return read_points(folder / "points/known.json.gz")


@pytest.mark.parametrize("name", ["gaussian-1", "modes-1", "ring-2", "ring-16"])
def test_points_are_samples_and_the_density_is_exact(tmp_path: Path, name: str) -> None:
    data = distribution(name)
    samples = data.sample(700, torch.Generator().manual_seed(5))
    found = points_of(name, samples, tmp_path)
    shown = min(2, data.dimensions)
    assert (found.distribution, found.dimensions) == (name, data.dimensions)
    assert found.coordinates == [1, 2][:shown]
    (row,) = found.rows
    assert (row.key, row.seed, len(row.points), len(found.data)) == ("known/bddm-7", 1, 500, 500)
    np.testing.assert_allclose(row.points, samples[:500, :shown].numpy(), rtol=6e-4)
    axes = found.density.axes
    assert [axis.count for axis in axes] == [[200], [60, 60]][shown - 1]
    # The trapezoidal rule on the grid: total 1, and the mean of the last coordinate.
    values = np.array(found.density.values).reshape([axis.count for axis in axes])
    cell = np.prod([axis.values[1] - axis.values[0] for axis in axes])
    assert values.sum() * cell == pytest.approx(1, abs=2e-3)
    mean = (values * np.array(axes[-1].values)).sum() * cell
    assert mean == pytest.approx(float(data.mean[shown - 1]), abs=5e-3)
    if data.dimensions <= 2:
        place = torch.tensor([[axis.values[-1] for axis in axes]], dtype=torch.float64)
        assert found.density.values[-1] == pytest.approx(float(data.log_prob(place).exp()), 1e-3)
    inside = np.abs(np.array(found.data)[:, 0]) <= max(abs(axes[0].low), axes[0].high)
    assert inside.mean() > 0.99


def test_main_contestants_and_users_own_are_shown() -> None:
    rows = (
        RowConfig("bddm", (3, 16, 17)),
        RowConfig("bddm-literal", (3,)),
        RowConfig("ddpm", (3,)),
        RowConfig("ddim", (16,)),
        RowConfig("ddim-quad", (3,)),
        RowConfig("mine", (3, 50)),
        RowConfig("ddpm", (1000,)),
    )
    experiment = Experiment(rows=rows, conventions=(Convention("raw"), Convention("scaled")))
    own = Experiment(
        rows=rows, conventions=(Convention("raw"),), contestants={"mine": "mine.py:Mine"}
    )
    main = ["bddm-3", "bddm-16", "ddpm-3", "ddim-16", "ddpm-1000"]
    shown = [row.key for row in shown_rows(experiment)]
    assert shown == [f"{convention}/{name}" for convention in ("raw", "scaled") for name in main]
    assert [row.name for row in shown_rows(own)] == [*main[:-1], "mine-3", "ddpm-1000"]
    without = Experiment(rows=rows[1:], conventions=(Convention("raw"),))
    assert shown_rows(without)[0].name == "bddm-literal-3"
    lacking = [Sampled(row, (), 3, skipped="no schedule") for row in shown_rows(own)[:2]]
    sampled = Sampled(shown_rows(own)[2], (Path("samples"),), 3)
    assert shown_samples([*lacking, sampled], own) == [sampled]
