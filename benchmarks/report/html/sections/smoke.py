"""The warning about runs whose figures mean nothing."""

from __future__ import annotations

from benchmarks.report.page import Prose
from benchmarks.results.schema import RunResults

NOTE = "**This is a smoke run, on tiny budgets: its figures mean nothing.**"


def smoke_note(run: RunResults) -> list[Prose]:
    """A paragraph that warns of a smoke run; empty for all other runs."""
    return [Prose(NOTE)] if run.meaningless else []
