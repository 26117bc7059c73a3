"""A file that one writer holds alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(sums: Path) -> Iterator[None]:
    """Hold a list of checksums alone, so that two writers of a folder lose no line.

    Each update replaces the file. Whoever waited for the former one has to ask again.
    """
    sums.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with sums.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if sums.is_file() and os.path.samestat(os.fstat(file.fileno()), sums.stat()):
                yield
                return
