"""From the speech track's records to estimates, with and without predicted MOS."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.core.experiment import Convention, Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.results.comparisons import Evaluation
from benchmarks.tracks.speech.scored import RECORDINGS, ScoredClips

PREDICTED = "distillmos_predicted"
ROWS = [Row(Convention("raw"), "ddpm", steps, seeds=2, items=3) for steps in (3, 20)]


def evaluated(**margins: float) -> Evaluation:
    """Two rows of two seeds and three clips; clip ``c`` of the recordings has no score."""
    records = []
    for row in ROWS:
        for seed in (0, 1):
            for item, value in zip("abc", (2.0, 2.5, 3.0), strict=True):
                scores = {"stoi": 0.9, PREDICTED: value + seed + row.steps / 100}
                records.append({"row": row.key, "seed": seed, "item": item, "scores": scores})
    for item, value in (("a", 4.0), ("b", 4.5), ("c", None)):
        found = {"row": RECORDINGS, "seed": None, "item": item, "scores": {PREDICTED: value}}
        records.append(found)
    sampled = [Sampled(row, (Path("0"), Path("1")), row.steps) for row in ROWS]
    experiment = Experiment(
        predicted_mos=("distillmos",), test_items=3, reference="ddpm-20", margins=margins
    )
    return ScoredClips(experiment, sampled, records).evaluate()


def test_the_recordings_are_a_line_and_no_row() -> None:
    found = evaluated()
    assert set(found.rows) == {"raw/ddpm-3", "raw/ddpm-20"}
    assert list(found.floors) == ["3"]
    assert list(found.floors["3"]) == [PREDICTED]
    assert (found.floors["3"][PREDICTED].value, found.floors["3"][PREDICTED].n) == (4.25, 2)
    assert found.metrics[PREDICTED].title == "DistillMOS (predicted)"
    assert found.test_items == ["a", "b", "c"]


def test_predicted_mos_of_a_row_is_a_mean_over_seeds_and_clips() -> None:
    row = evaluated().rows["raw/ddpm-3"]
    assert row.metrics[PREDICTED].value == pytest.approx(3.03, rel=1e-12)
    assert row.n_scored[PREDICTED] == 6


def test_predicted_mos_is_compared_where_it_has_a_margin() -> None:
    assert {one.metric for one in evaluated(stoi=0.01).comparisons} == {"stoi"}
    found = evaluated(**{PREDICTED: 0.1}).comparisons
    assert [(one.row, one.against) for one in found] == [("raw/ddpm-3", "raw/ddpm-20")]
    assert found[0].difference.value == pytest.approx(-0.17, rel=1e-12)
    # All three differ by as much, but three clips are too few for the test at the margin.
    assert found[0].difference.low == found[0].difference.high
    assert found[0].p_margin == 0.25
    assert found[0].verdict == "undecided"
