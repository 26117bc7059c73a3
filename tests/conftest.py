"""Settings that all tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import settings
from slowness import complaint, processor_seconds

# Timings of single examples mean nothing on a busy two-core machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


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
