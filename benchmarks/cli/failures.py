"""Messages about errors of commands, and the exit status of each."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from bddm_ref.files import WRITING, DamagedFileError
from benchmarks.core.errors import OWN_PACKAGES, UserError
from benchmarks.core.names import printable
from benchmarks.runtime.packages import missing_extra
from benchmarks.runtime.room import free_bytes, mount_of

BAD_INPUT, FAULT = 2, 3  # exit statuses
FULL = {errno.ENOSPC, errno.EDQUOT}
DISK_WORDS = ("no space left on device", "disk quota exceeded")
NO_ROOM = 4096  # free bytes of a disk to which nothing can be written
MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def reported(error: Exception, with_trace: bool) -> int:
    """Print an error on standard error.

    Args:
        error: the error of a command.
        with_trace: print the trace, too.

    Returns:
        The exit status: 2 if the user can mend the input or the machine, else 3.
    """
    if with_trace:
        sys.stderr.write(printable("".join(traceback.format_exception(error))))
    if (sentence := _sentence(error)) is not None:
        sys.stderr.write(printable(f"error: {sentence}\n"))
        return BAD_INPUT
    told = f"{type(error).__name__}: {' '.join(str(error).split())}"
    hint = "" if with_trace else "; the same command with --traceback shows where"
    fault = f"error: this is a fault of the benchmark, not of your input: {told}{hint}\n"
    sys.stderr.write(printable(fault))
    return FAULT


def _sentence(error: Exception) -> str | None:
    """The sentence for an error that the user can mend; None for any other."""
    # FloatingPointError: training diverged, and the message says what to lower.
    if isinstance(error, (UserError, DamagedFileError, FloatingPointError)):
        return str(error)
    sentence = _of_full_disk(error)
    if sentence is None and isinstance(error, OSError) and error.filename is not None:
        sentence = str(error)
    if sentence is not None:
        return sentence
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] not in OWN_PACKAGES:
        if isinstance(error, ModuleNotFoundError):
            return missing_extra(error) or f"{error}; install that package"
        return str(error)
    if _is_out_of_memory(error):
        first = str(error).partition("\n")[0] or "no memory is left"
        return f"{first}; lower batch_items or a batch_size, or use another device"
    return None


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether the machine lacks memory; torch raises a RuntimeError in varying words."""
    told = str(error).lower()
    by_torch = isinstance(error, RuntimeError) and any(words in told for words in MEMORY_WORDS)
    return by_torch or isinstance(error, MemoryError)


def _of_full_disk(error: Exception) -> str | None:
    """The sentence for an error of a full disk; None for any other.

    Libraries raise errors of their own, which name neither the file nor the disk. A note of
    ``write_atomically`` has the file. The words, or the disk itself, tell that it is full.
    """
    chain = [*_chain(error)]
    place = next((found for one in chain if (found := _written(one)) is not None), None)
    numbers = {one.errno for one in chain if isinstance(one, OSError)}
    told = any(words in str(one).lower() for one in chain for words in DISK_WORDS)
    if not (numbers & FULL or told or (place and free_bytes(place) < NO_ROOM)):
        return None
    place = place or Path.cwd()
    return (
        f"{place} cannot be written: the disk mounted at {mount_of(place)} is full "
        f"({free_bytes(place)} bytes free); finished work is kept: free some space, and repeat the "
        "same command"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and the errors that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _written(error: BaseException) -> Path | None:
    """The file that could not be written, as an error or its note names it."""
    for note in getattr(error, "__notes__", ()):
        if note.startswith(WRITING):
            return Path(note.removeprefix(WRITING))
    if isinstance(error, OSError) and error.errno in FULL and isinstance(error.filename, str):
        return Path(error.filename)
    return None
