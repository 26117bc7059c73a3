"""PNG grids of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from bddm_ref.files import write_atomically
from benchmarks.core.rows import Sampled
from benchmarks.runtime.samples import read_samples

TEST_GRID = "test-images.png"


def write_grids(sampled: Sequence[Sampled], test: Tensor, count: int, folder: Path) -> None:
    """Write ``<convention>-<row>.png`` for each row; the same place has the same noise in all.

    Args:
        sampled: the rows; a row without samples has no grid.
        test: test images, uint8 ``(N, C, H, W)``, for a grid to compare with.
        count: images in a grid.
        folder: the folder of the files.
    """
    write_grid(test[:count], folder / TEST_GRID)
    for one in sampled:
        if one.files:
            samples = read_samples(one.files[0])[:count]
            write_grid(samples, folder / grid_name(one.row.key))


def grid_name(key: str) -> str:
    """Name the file of a row's grid."""
    return f"{key.replace('/', '-')}.png"


def write_grid(images: Tensor, path: Path) -> None:
    """Write images ``(N, C, H, W)``, uint8, row by row in a square; empty places stay black."""
    side = math.ceil(math.sqrt(len(images)))
    channels, height, width = images.shape[1:]
    grid = images.new_zeros(side * side, channels, height, width)
    grid[: len(images)] = images
    rows = grid.reshape(side, side, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = rows.reshape(side * height, side * width, channels).squeeze(-1).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: Image.fromarray(pixels).save(temporary, "PNG"))
