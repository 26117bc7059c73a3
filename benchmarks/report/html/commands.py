"""Command lines that make results again."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.results.schema import RunResults


def run_commands(runs: Iterable[RunResults]) -> tuple[str, ...]:
    """The commands that make some runs again, each once.

    Documents of an earlier version, which do not name their experiment, have none.
    """
    names = dict.fromkeys(run.experiment_name for run in runs if run.experiment_name)
    return tuple(f"python -m benchmarks run {name}" for name in names)
