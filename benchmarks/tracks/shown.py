"""The rows whose samples people hear and see."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row, Sampled, rows_of

BDDM, LITERAL = "bddm", "bddm-literal"
BASELINES = ("ddpm", "ddim")
LONGEST_SHOWN = 16  # steps; the reference row may have more


def shown_rows(experiment: Experiment) -> list[Row]:
    """The rows of BDDM, DDPM, DDIM and the user's own contestants, and the reference row.

    The papers' literal setting of BDDM is shown where an experiment has no tuned schedules.
    """
    rows = rows_of(experiment)
    is_tuned = any(row.contestant == BDDM for row in rows)
    names = {BDDM if is_tuned else LITERAL, *BASELINES, *experiment.contestants}
    return [
        row
        for row in rows
        if row.name == experiment.reference
        or (row.contestant in names and row.steps <= LONGEST_SHOWN)
    ]


def shown_samples(sampled: Sequence[Sampled], experiment: Experiment) -> list[Sampled]:
    """The shown rows that have samples."""
    shown = {row.key for row in shown_rows(experiment)}
    return [one for one in sampled if one.files and one.row.key in shown]
