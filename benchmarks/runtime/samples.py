"""Files of samples: one for each row and noise seed."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from bddm_ref.files import write_atomically


def write_samples(file: Path, samples: Tensor) -> None:
    """Write the samples of one row and seed, ``(items, ...)``."""
    tensors = {"samples": samples.contiguous()}
    write_atomically(file, lambda temporary: save_file(tensors, temporary))


def read_samples(file: Path) -> Tensor:
    """Read the samples of one row and seed, ``(items, ...)``."""
    return load_file(file)["samples"]
