"""The signal SIGTERM as an exception, so that a terminated command ends as an interrupted one."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class TerminatedError(BaseException):
    """The process got SIGTERM; like KeyboardInterrupt, no handler of errors catches it."""


@contextlib.contextmanager
def termination_raises() -> Iterator[None]:
    """Raise `TerminatedError` at SIGTERM, so that processes and files are closed in order.

    Only the main thread of a program gets signals; in other threads nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise TerminatedError
