"""The end of child processes together with the process that started them."""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait

PR_SET_PDEATHSIG = 1  # of Linux: the signal that a process gets when its parent ends


def end_with_parent() -> None:
    """Make this process end as soon as the process that started it has ended, even by SIGKILL.

    Call it in a child process of :mod:`multiprocessing`. On Linux the kernel ends the child, also
    inside a library in C. Elsewhere a thread watches the parent.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        signal_from_kernel(parent.pid or 0)
    threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def serve_until_parent_ends(module: str, function: str, pipe: Connection) -> None:
    """Call a function with a pipe; its module is imported once this process ends with its parent.

    Imports may take seconds, during which the parent may be killed.
    """
    end_with_parent()
    getattr(importlib.import_module(module), function)(pipe)


def signal_from_kernel(parent: int) -> None:
    """Ask Linux to kill this process when the thread that started it ends; elsewhere do nothing.

    Args:
        parent: process number of the parent, which may have ended before this call.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
