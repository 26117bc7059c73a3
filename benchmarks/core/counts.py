"""Counts of an experiment that can be judged without its data."""

from __future__ import annotations

from operator import attrgetter

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment

AT_LEAST = {
    1: (
        "score_net.batch_size",
        "score_net.crop_frames",
        "schedule_net.batch_size",
        "schedule_net.crop_frames",
        "search.bins",
        "search.pass_items",
        "search.clip_frames",
        "search.judge_items",
        "search.finalist_items",
        "search.finalists",
        "test_items",
        "clip_frames",
        "batch_items",
        "image.size",
        "image.classifier_batch",
        "image.judge_reference",
        "image.resamples",
        "timing.rounds",
        "timing.rounds_long",
    ),
    0: ("search.refinements", "wav_items", "grid_items", "timing.warmup", "threads"),
}
"""Least value to the fields that must have it."""


def refuse_impossible_counts(experiment: Experiment) -> None:
    """Refuse counts that are too small for anything.

    Raises:
        ExperimentError: names the field, and says the least value.
    """
    for least, fields in AT_LEAST.items():
        for field in fields:
            _require(field, attrgetter(field)(experiment), least)
    if not experiment.search.lengths:
        raise ExperimentError("search.lengths: give at least one")
    for steps in experiment.search.lengths:
        _require("search.lengths", steps, 1)
    for number, row in enumerate(experiment.rows):
        for steps in row.steps:
            _require(f"rows.{number} ({row.contestant}): steps", steps, 1)
        _require(f"rows.{number} ({row.contestant}): seeds", row.seeds, 1)
        if row.items is not None:
            _require(f"rows.{number} ({row.contestant}): items", row.items, 1)


def _require(field: str, count: int, least: int) -> None:
    if count < least:
        raise ExperimentError(f"{field}: {count} is too few; give {least} or more")
