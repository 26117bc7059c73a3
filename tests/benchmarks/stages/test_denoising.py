"""The row that is watched: BDDM's, of 7 steps or the nearest length that has samples."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.core.experiment import Convention, Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.stages import denoising

RAW, SCALED = Convention("raw"), Convention("scaled")


def sampled(name: str, convention: Convention = RAW, skipped: str | None = None) -> Sampled:
    contestant, _, steps = name.rpartition("-")
    row = Row(convention, contestant, int(steps), seeds=1, items=2)
    return Sampled(row, () if skipped else (Path("samples"),), row.steps, skipped=skipped)


def session(watched_items: int = 1) -> Any:
    """A run in two conventions."""
    scores = SimpleNamespace(watched_items=watched_items)
    experiment = Experiment(conventions=(RAW, SCALED))
    context = SimpleNamespace(experiment=experiment, track=SimpleNamespace(scores=scores))
    return SimpleNamespace(context=context)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["bddm-3", "bddm-7", "bddm-16"], "bddm-7"),
        (["bddm-3", "bddm-12"], "bddm-3"),
        (["bddm-6", "bddm-8"], "bddm-6"),  # of equal distances the shorter
        (["bddm-literal-7", "bddm-16"], "bddm-16"),
        (["bddm-released-7", "bddm-literal-3"], "bddm-literal-3"),
        (["bddm-released-3", "ddpm-7"], "bddm-released-3"),
        (["bddm-50", "ddpm-7", "ddim-7"], None),
    ],
)
def test_the_nearest_row_of_bddm_is_watched(names: list[str], chosen: str | None) -> None:
    found = denoising._chosen(session(), [sampled(name) for name in names], RAW)
    assert (None if found is None else found.row.name) == chosen


def test_rows_without_samples_and_of_other_conventions_are_not_watched() -> None:
    rows = [sampled("bddm-7", skipped="no schedule"), sampled("bddm-7", SCALED), sampled("bddm-3")]
    found = denoising._chosen(session(), rows, RAW)
    assert found is rows[2]


def test_a_track_that_shows_nothing_watches_nothing() -> None:
    assert denoising.watched_rows(session(watched_items=0), [sampled("bddm-7")]) == []


def test_a_convention_without_bddm_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoising, "_watched", lambda session, one, count: (one, count))
    row = sampled("bddm-7", SCALED)
    assert denoising.watched_rows(session(3), [sampled("ddpm-7"), row]) == [(row, 3)]
