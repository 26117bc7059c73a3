"""The rows of an experiment: contestant, steps and convention; and where their samples are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants.plugins import contestant
from benchmarks.core.experiment import Convention, Experiment, ExperimentError


@dataclass(frozen=True)
class Row:
    """One line of the results, sampled with several noise seeds."""

    convention: Convention
    contestant: str
    steps: int
    seeds: int
    items: int  # of each seed

    @property
    def name(self) -> str:
        """Contestant and steps, as ``bddm-7``."""
        return f"{self.contestant}-{self.steps}"

    @property
    def key(self) -> str:
        """Unique within an experiment, as ``scaled/bddm-7``."""
        return f"{self.convention.name}/{self.name}"


@dataclass(frozen=True)
class Sampled:
    """A row's samples: one file for each noise seed, or the reason why there is none."""

    row: Row
    files: tuple[Path, ...]
    nfe: int
    betas: tuple[float, ...] | None = None  # of the sampling schedule, if it has one
    skipped: str | None = None


def rows_of(experiment: Experiment) -> list[Row]:
    """All rows, in the order of the experiment, one convention after the other.

    Raises:
        ExperimentError: an unknown contestant, or a row twice, or no reference row.
    """
    rows = list(_expand(experiment))
    keys = [row.key for row in rows]
    for key in keys:
        if keys.count(key) > 1:
            raise ExperimentError(f"rows: {key} occurs twice; give each contestant's steps once")
    if experiment.reference not in [row.name for row in rows]:
        raise ExperimentError(
            f"reference: {experiment.reference!r} is none of the rows "
            f"{', '.join(dict.fromkeys(row.name for row in rows))}"
        )
    return rows


def _expand(experiment: Experiment) -> Iterator[Row]:
    for convention in experiment.conventions:
        for config in experiment.rows:
            contestant(config.contestant, experiment)
            for steps in config.steps:
                items = config.items or experiment.test_items
                yield Row(convention, config.contestant, steps, config.seeds, items)
