"""Settings that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Timings of single examples mean nothing on a busy two-core machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the performance cases run."""
    parser.addoption("--device", default="cpu", help="of tests/performance: cpu, cuda, cuda:1")
