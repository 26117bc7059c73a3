"""PNG grids of samples and of clean estimates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from bddm_ref.files import write_atomically
from benchmarks.core.rows import Sampled, Watched
from benchmarks.results.example_names import TEST_IMAGES, ExampleName
from benchmarks.runtime.samples import read_samples


def write_grids(sampled: Sequence[Sampled], test: Tensor, count: int, folder: Path) -> None:
    """Write a grid of test images, and one of each row's first noise seed.

    Noise seeds of equal number have the same start noise at the same place, in all rows.

    Args:
        sampled: the rows; a row without samples has no grid.
        test: test images, uint8 ``(N, C, H, W)``, for a grid to compare with.
        count: images in a grid.
        folder: the results folder.
    """
    write_grid(test[:count], folder / TEST_IMAGES)
    for one in sampled:
        if one.files:
            samples = read_samples(one.files[0])[:count]
            write_grid(samples, folder / ExampleName("grid", one.row.id).file)


def write_denoising(watched: Sequence[Watched], folder: Path) -> None:
    """Write a grid of the clean estimates of every evaluation."""
    for one in watched:
        for after, estimates in enumerate(read_samples(one.file), 1):
            name = ExampleName("denoising", one.row.id, after=after)
            write_grid(estimates, folder / name.file)


def write_grid(images: Tensor, path: Path) -> None:
    """Write images ``(N, C, H, W)``, uint8, row by row in a square; empty places stay black."""
    side = math.ceil(math.sqrt(len(images)))
    channels, height, width = images.shape[1:]
    grid = images.new_zeros(side * side, channels, height, width)
    grid[: len(images)] = images
    rows = grid.reshape(side, side, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = rows.reshape(side * height, side * width, channels).squeeze(-1).numpy()
    image = Image.fromarray(pixels)
    write_atomically(path, lambda temporary: image.save(temporary, "PNG", optimize=True))
