"""Files of samples: one for each row and noise seed, and parts of it while it is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from bddm_ref.files import (
    DamagedFileError,
    checksum_file,
    verify_checksum,
    write_atomically,
    write_with_checksum,
)

KEPT_EVERY = 30.0  # seconds between two parts, so that an interruption costs no more


def write_samples(file: Path, samples: Tensor) -> None:
    """Write the samples of one row and seed, ``(items, ...)``."""
    tensors = {"samples": samples.contiguous()}
    write_atomically(file, lambda temporary: save_file(tensors, temporary))


def read_samples(file: Path) -> Tensor:
    """Read the samples of one row and seed, ``(items, ...)``."""
    return load_file(file)["samples"]


class SampleParts:
    """The samples of one row and seed while they are made, kept every half minute.

    Parts of an interrupted run are found again; a damaged part, and those after it, are made anew.

    Args:
        folder: the folder of the row and seed.
        clock: gives the time in seconds.

    Attributes:
        seconds: seconds of work that the parts found took.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._batches: list[Tensor] = []
        self._kept = 0
        self.seconds = 0.0
        while (part := self._file(self._kept)).is_file() and self._found(part):
            self._kept += len(self._batches[-1])
        self._began = clock()
        self._last = self._began

    @property
    def items(self) -> int:
        """Number of samples so far."""
        return sum(len(batch) for batch in self._batches)

    def add(self, samples: Tensor) -> None:
        """Add the samples of the next items, ``(B, ...)``."""
        self._batches.append(samples)
        if self._clock() - self._last >= KEPT_EVERY:
            self._keep()

    def joined(self) -> Tensor:
        """All samples so far, ``(items, ...)``."""
        return torch.cat(self._batches)

    def remove(self) -> None:
        """Remove the files of parts, once the whole is written."""
        for part in self._folder.glob("part-*"):
            part.unlink()

    def _keep(self) -> None:
        tensors = {"samples": self.joined()[self._kept :].contiguous()}
        seconds = {"seconds": f"{self.seconds + self._clock() - self._began:.3f}"}
        write_with_checksum(
            self._file(self._kept), lambda temporary: save_file(tensors, temporary, seconds)
        )
        self._kept, self._last = self.items, self._clock()

    def _found(self, part: Path) -> bool:
        """Read a part; a damaged one is removed."""
        try:
            verify_checksum(part)
        except DamagedFileError:
            part.unlink()
            checksum_file(part).unlink(missing_ok=True)
            return False
        with safe_open(part, framework="pt") as tensors:
            self._batches.append(tensors.get_tensor("samples"))
            self.seconds = float(tensors.metadata()["seconds"])
        return True

    def _file(self, first: int) -> Path:
        return self._folder / f"part-{first}.safetensors"
