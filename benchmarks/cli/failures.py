"""Messages about errors of commands, and the exit status of each."""

from __future__ import annotations

import sys
import traceback

from bddm_ref.files import DamagedFileError
from benchmarks.core.errors import OWN_PACKAGES, UserError
from benchmarks.core.names import printable
from benchmarks.runtime.packages import missing_extra

BAD_INPUT, FAULT = 2, 3  # exit statuses
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
    of_input = isinstance(error, (UserError, DamagedFileError, FloatingPointError))
    if of_input or (isinstance(error, OSError) and error.filename is not None):
        return str(error)
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
