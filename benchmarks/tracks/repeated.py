"""Repeats of training and search behind a row's noise seeds."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.contestants.plugins import contestant
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row


def repeats_of(experiment: Experiment, row: Row, seeds: Iterable[int]) -> int:
    """Number of repeats by which a row's noise seeds are grouped.

    Args:
        experiment: the experiment, with the number of repeats and the user's contestants.
        row: the row; only rows whose contestant takes a searched schedule have repeats.
        seeds: numbers of the noise seeds, from 0, that have samples.

    Returns:
        The experiment's repeats: seed k belongs to repeat k modulo this. 1 where all seeds have one
        schedule, so that they differ in noise alone.
    """
    repeats = experiment.repeats
    if contestant(row.contestant, experiment).search is None:
        return 1
    return repeats if len({seed % repeats for seed in seeds}) > 1 else 1
