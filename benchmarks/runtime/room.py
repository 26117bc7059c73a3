"""Places that a run writes to: usable folders, free space, lengths of names. Imports no torch."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.core.errors import UserError

LEAST = 100_000_000  # free bytes that a run must find at its start
MARGIN = 12  # bytes that a temporary name is longer than its file's: a dot, and a thread's number
LONGEST = 255  # bytes of a name, where the file system does not say


def existing(place: Path) -> Path:
    """The place itself, or the nearest folder above it that exists."""
    found = place.resolve()
    while not found.exists() and found != found.parent:
        found = found.parent
    return found


def mount_of(place: Path) -> Path:
    """The folder at which the disk of a place is mounted."""
    found = existing(place)
    while not found.is_mount():
        found = found.parent
    return found


def free_bytes(place: Path) -> int:
    """Free bytes on the disk of a place, for this user."""
    return shutil.disk_usage(existing(place)).free


def refuse_unusable_place(place: Path, option: str) -> None:
    """Refuse a folder that cannot be written to, or whose disk is all but full.

    Args:
        place: the folder; it need not exist yet.
        option: the option that names it, for messages.

    Raises:
        UserError: the place is a file, cannot be written to, or has too little free space.
    """
    found = existing(place)
    if not found.is_dir():
        raise UserError(f"{option}: {found} is a file, not a folder; name a folder")
    try:
        with tempfile.TemporaryFile(dir=found) as file:
            file.write(b"\0")
    except OSError as error:
        raise UserError(
            f"{option}: nothing can be written to {found} ({error.strerror}); name another folder"
        ) from error
    free = free_bytes(found)
    if free < LEAST:
        raise UserError(
            f"{option}: the disk of {found}, mounted at {mount_of(found)}, has {free} bytes free; "
            f"a run needs at least {LEAST}; free some, or name a folder on another disk"
        )


def refuse_long_names(place: Path, names: Iterable[str], remedy: str) -> None:
    """Refuse names of files that are too long for the disk of a folder.

    Args:
        place: the folder; it need not exist yet.
        names: names or relative paths of files.
        remedy: words on how to shorten a name.

    Raises:
        UserError: a name is too long; names the longest.
    """
    try:
        most = os.pathconf(existing(place), "PC_NAME_MAX")
    except (OSError, ValueError):
        most = LONGEST
    parts = {part for name in names for part in Path(name).parts}
    longest = max(parts, key=lambda part: len(os.fsencode(part)), default="")
    size = len(os.fsencode(longest)) + MARGIN
    if size > most:
        raise UserError(
            f"a file called {longest} would need {size} bytes for its name, and the disk of "
            f"{place} takes {most}; {remedy}"
        )
