"""Code of users cannot end the process: its calls of ``sys.exit`` and ``os._exit`` are errors.

Otherwise a run without results would end with the status that a sampler has chosen, as 0. A call
of the C library's ``exit``, as through ``ctypes``, is not caught.
"""

from __future__ import annotations

import os
import posix
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from benchmarks.core.errors import UserError


class EndedError(UserError):
    """Code of a user tried to end the process."""

    def __init__(self, call: str) -> None:
        super().__init__(f"{call} was called, which would end the run without results")


@contextmanager
def no_exit() -> Iterator[None]:
    """Turn ``SystemExit`` and calls of ``os._exit`` in the body into an error.

    A process that the body forks may still end itself.

    Raises:
        EndedError: the body tried to end this process.
    """
    mine, end = os.getpid(), os._exit

    def refuse(status: int) -> NoReturn:
        if os.getpid() != mine:
            end(status)
        raise EndedError(f"os._exit({status!r})")

    os._exit = posix._exit = refuse
    try:
        yield
    except SystemExit as error:
        ended = EndedError(f"sys.exit({error.code!r})")
        raise ended.with_traceback(error.__traceback__) from error  # with the user's line
    finally:
        os._exit = posix._exit = end
