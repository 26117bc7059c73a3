"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

# Timings of single examples mean nothing on a busy two-core machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
