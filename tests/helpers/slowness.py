"""The bound on the processor time of tests that are not marked ``slow``."""

from __future__ import annotations

import resource
import time

LONGEST = 5.0  # seconds: five times what the marker allows, for slow and busy machines


def processor_seconds() -> float:
    """Processor time of this process, and of its child processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def complaint(seconds: float, marked: bool) -> str | None:
    """Say why a test is too slow; None: it is not.

    Args:
        seconds: processor time of the test without its fixtures.
        marked: whether it has the marker ``slow``.
    """
    if marked or seconds <= LONGEST:
        return None
    return (
        f"the test took {seconds:.1f} s of processor time, more than {LONGEST:g} s: make it "
        "smaller, or mark it slow"
    )
