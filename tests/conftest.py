"""Settings that all tests share."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Generator

import pytest
from hypothesis import settings

# Timings of single examples mean nothing on a busy two-core machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


LONGEST = 5.0  # seconds of an unmarked test: five times the marker's, for slow and busy machines


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the modules that collecting imports out of every search for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Let workers of pytest-xdist take files in the order below, not those of most tests first."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that both workers end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """In CI, fail a test that is slow and not marked so."""
    began = processor_seconds()
    result = yield
    marked = item.get_closest_marker("slow") is not None
    said = complaint(processor_seconds() - began, marked) if os.environ.get("CI") else None
    if said is not None:
        pytest.fail(said, pytrace=False)
    return result


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the performance cases run."""
    parser.addoption("--device", default="cpu", help="of tests/performance: cpu, cuda, cuda:1")
