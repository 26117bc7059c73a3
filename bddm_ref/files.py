"""Files that can be trusted: written whole or not at all, and verified when read. No torch.

The SHA-256 of a file stands beside it: in ``<file>.sha256``, or as a line of ``SHA256SUMS``, which
lists the files of one folder. ``sha256sum -c`` reads both.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

from bddm_ref.checksums import listed_line, sums_for
from bddm_ref.locks import locked

SUMS = "SHA256SUMS"
TEMPORARY = re.compile(r"\..+\.(\d+)")  # files of write_atomically; the number is the writer's
WRITING = "while writing "  # start of the note on an error of write_atomically


class DamagedFileError(ValueError):
    """A file is missing, truncated, altered or of another kind; the message says which."""


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file, then move it over ``path`` in one step.

    An error gets a note that names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = threading.get_native_id()  # two writers, or threads, must not share a temporary file
    temporary = path.with_name(f".{path.name}.{writer}")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except Exception as error:
        error.add_note(f"{WRITING}{path}")  # errors of a full disk rarely name the file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_with_checksum(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically, and its SHA-256 beside it in ``<path>.sha256``.

    Two files cannot be replaced in one step. The checksum file therefore first lists the sums of
    both the new and the old content. An interruption leaves a file that one of the sums matches.
    """
    _write_recorded(path, write, _record_beside)


def write_listed(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically, and its SHA-256 into the ``SHA256SUMS`` of its folder.

    The order of steps is that of :func:`write_with_checksum`. A checksum file that the file had of
    its own is removed.
    """
    _write_recorded(path, write, _record_listed)


def remove_listed(path: Path) -> None:
    """Remove a file and its checksum; nothing changes where neither is there.

    The checksum goes first. An interruption leaves a file that has none, and the next call
    finishes.
    """
    if path.is_file() or checksums_of(path):
        _record_listed(path, [])
        path.unlink(missing_ok=True)


def _write_recorded(
    path: Path, write: Callable[[Path], object], record: Callable[[Path, list[str]], None]
) -> None:
    digest = ""

    def write_and_announce(temporary: Path) -> None:
        nonlocal digest
        write(temporary)
        digest = sha256_of(temporary)
        record(path, [digest, *(checksums_of(path) if path.is_file() else [])])

    write_atomically(path, write_and_announce)
    record(path, [digest])


def _record_beside(path: Path, digests: list[str]) -> None:
    text = "".join(_line(digest, path.name) for digest in digests)
    write_atomically(checksum_file(path), lambda file: file.write_text(text))


def _record_listed(path: Path, digests: list[str]) -> None:
    sums = path.with_name(SUMS)
    with locked(sums):
        kept = [(name, digest) for digest, name in listed_in(sums) if name != path.name]
        mine = [(path.name, digest) for digest in dict.fromkeys(digests)]
        text = "".join(_line(digest, name) for name, digest in sorted(kept + mine))
        write_atomically(sums, lambda file: file.write_text(text))
    checksum_file(path).unlink(missing_ok=True)


def verify_checksum(path: Path) -> None:
    """Compare a file with its SHA-256: in ``<path>.sha256``, else in the folder's ``SHA256SUMS``.

    Raises:
        DamagedFileError: the file or its checksum is missing, or they disagree.
    """
    if not path.is_file():
        raise DamagedFileError(f"{path} does not exist; give the path of an existing file")
    digests = checksums_of(path)
    if not digests:
        raise DamagedFileError(
            f"{path} has no checksum; put what 'sha256sum {path.name}' prints into "
            f"{checksum_file(path).name}, or add it to {SUMS} of the same folder"
        )
    if sha256_of(path) not in digests:
        place = checksum_file(path).name if checksum_file(path).is_file() else SUMS
        raise DamagedFileError(
            f"{path} does not match its checksum in {place}; restore or remake it"
        )


def checksums_of(path: Path) -> list[str]:
    """List the SHA-256 sums that a file may have; none where no checksum file names it.

    A checksum file of its own counts alone. While a file is exchanged it has two sums.

    Raises:
        DamagedFileError: the checksum file, or ``SHA256SUMS`` of the folder, holds no sum of the
            file.
    """
    beside = checksum_file(path)
    if beside.is_file():
        try:
            return sums_for(beside.read_text(errors="replace"), path.name)
        except ValueError as error:
            raise DamagedFileError(
                f"{path} has no usable checksum in {beside.name}: {error}; write what 'sha256sum "
                f"{path.name}' prints for a whole file into it, or remove it"
            ) from error
    sums = path.with_name(SUMS)
    return [digest for digest, name in listed_in(sums) if name == path.name]


def listed_in(sums: Path) -> list[tuple[str, str]]:
    """Read the sums and names of a ``SHA256SUMS`` file; none where there is no such file.

    Raises:
        DamagedFileError: a line is not of the form that ``sha256sum`` prints.
    """
    if not sums.is_file():
        return []
    found = []
    for n, line in enumerate(sums.read_text(errors="replace").splitlines(), start=1):
        listed = listed_line(line)
        if listed is None:
            raise DamagedFileError(
                f"{sums}, line {n} is not of the form that sha256sum prints: {line[:40]!r}; "
                "restore or remove it"
            )
        digest, name = listed
        found.append((digest, name.removeprefix("./")))  # 'sha256sum ./*' writes it
    return found


def _line(digest: str, name: str) -> str:
    return f"{digest}  {name}\n"


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
