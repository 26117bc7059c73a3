"""Files that can be trusted: written whole or not at all, and verified when read. No torch.

A file may have its SHA-256 beside it, in ``<file>.sha256``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path


class DamagedFileError(ValueError):
    """A file is missing, truncated, altered or of another kind; the message says which."""


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file, then move it over ``path`` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_with_checksum(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically, and its SHA-256 beside it in ``<path>.sha256``.

    Two files cannot be replaced in one step. The checksum file therefore first lists the sums of
    both the new and the old content. An interruption leaves a file that one of the sums matches.
    """
    sidecar, line = checksum_file(path), ""

    def write_and_announce(temporary: Path) -> None:
        nonlocal line
        write(temporary)
        line = f"{sha256_of(temporary)}  {path.name}\n"
        before = sidecar.read_text() if sidecar.is_file() and path.is_file() else ""
        write_atomically(sidecar, lambda file: file.write_text(line + before))

    write_atomically(path, write_and_announce)
    write_atomically(sidecar, lambda file: file.write_text(line))


def verify_checksum(path: Path) -> None:
    """Compare a file with the SHA-256 beside it.

    Raises:
        DamagedFileError: the file or its checksum is missing, or they disagree.
    """
    if not path.is_file():
        raise DamagedFileError(f"{path} does not exist; give the path of an existing file")
    if not checksum_file(path).is_file():
        raise DamagedFileError(
            f"{path} has no checksum beside it; put what 'sha256sum {path.name}' prints into "
            f"{checksum_file(path).name}"
        )
    listed = [
        line.split(" ")[0] for line in checksum_file(path).read_text(errors="replace").splitlines()
    ]
    if sha256_of(path) not in listed:
        raise DamagedFileError(
            f"{path} does not match its checksum in {checksum_file(path).name}; restore or remake "
            "it"
        )


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum_file(path: Path) -> Path:
    """Return the path of the checksum file that belongs to ``path``."""
    return path.with_name(path.name + ".sha256")
