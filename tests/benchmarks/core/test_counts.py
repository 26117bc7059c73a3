"""Counts that are too small for anything are refused by the names of their fields."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks.core.counts import refuse_impossible_counts
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, RowConfig
from benchmarks.core.loading import load, names


@pytest.mark.parametrize("name", names())
def test_shipped_experiments_have_possible_counts(name: str) -> None:
    refuse_impossible_counts(load(name))


@pytest.mark.parametrize(
    ("part", "field", "value", "least"),
    [
        (None, "test_items", 0, 1),
        (None, "batch_items", -1, 1),
        (None, "clip_frames", 0, 1),
        (None, "wav_items", -1, 0),
        (None, "threads", -2, 0),
        ("search", "judge_items", 0, 1),
        ("search", "finalist_items", 0, 1),
        ("search", "pass_items", 0, 1),
        ("search", "clip_frames", -80, 1),
        ("search", "lengths", 0, 1),
        ("search", "refinements", -1, 0),
        ("score_net", "batch_size", 0, 1),
        ("score_net", "crop_frames", 0, 1),
        ("schedule_net", "batch_size", 0, 1),
        ("image", "judge_reference", 0, 1),
        ("timing", "rounds", 0, 1),
    ],
)
def test_counts_that_are_too_small(part: str | None, field: str, value: int, least: int) -> None:
    changed: Any = (value,) if field == "lengths" else value
    whole = Experiment()
    if part is None:
        experiment = dataclasses.replace(whole, **{field: changed})
    else:
        inner = dataclasses.replace(getattr(whole, part), **{field: changed})
        experiment = dataclasses.replace(whole, **{part: inner})
    name = field if part is None else rf"{part}\.{field}"
    with pytest.raises(
        ExperimentError, match=rf"^{name}: {value} is too few; give {least} or more"
    ):
        refuse_impossible_counts(experiment)


def test_rows_and_lengths() -> None:
    for row, said in (
        (RowConfig("ddpm", (3, 0)), r"rows\.0 \(ddpm\): steps: 0 is too few"),
        (RowConfig("ddpm", (3,), seeds=0), r"rows\.0 \(ddpm\): seeds: 0 is too few"),
        (RowConfig("ddpm", (3,), items=0), r"rows\.0 \(ddpm\): items: 0 is too few"),
    ):
        with pytest.raises(ExperimentError, match=said):
            refuse_impossible_counts(Experiment(rows=(row,)))
    none = dataclasses.replace(Experiment().search, lengths=())
    with pytest.raises(ExperimentError, match=r"search\.lengths: give at least one"):
        refuse_impossible_counts(Experiment(search=none))
