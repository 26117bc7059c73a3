"""Verdicts from intervals, margins and p values."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.report.pages.track import summary
from benchmarks.results.comparisons import turned_verdict
from benchmarks.results.schema import Comparison
from benchmarks.results.store import read_results
from benchmarks.results.verdicts import Interval, verdict
from metrics.statistics import Estimate

RESULTS = Path(__file__).resolve().parents[3] / "results"


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.01, 0.20, 0.001, "better"),
        (0.01, 0.20, 0.2, "as good"),  # the two tests disagree
        (0.01, 0.20, None, "as good"),
        (-0.09, 0.05, 0.5, "as good"),
        (-0.30, -0.11, 0.001, "worse"),
        (-0.30, -0.05, 0.001, "undecided"),
        (-0.30, 0.30, 0.9, "undecided"),
        (math.nan, math.nan, math.nan, "undecided"),
    ],
)
def test_verdicts_with_a_margin_of_a_tenth(
    low: float, high: float, p: float | None, expected: str
) -> None:
    middle = (low + high) / 2
    assert verdict(Estimate(middle, low, high, 20), 0.1, True, p) == expected
    # A metric that falls with quality: the mirror image.
    assert verdict(Estimate(-middle, -high, -low, 20), 0.1, False, p) == expected


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (-0.20, -0.01, 0.001, "better"),
        (-0.20, -0.01, 0.2, "as good"),
        (-0.05, 0.09, 0.5, "as good"),
        (0.02, 0.09, 0.001, "as good"),  # behind, by less than the margin
        (0.05, 0.30, 0.001, "undecided"),
        (0.11, 0.30, 0.001, "worse"),
        (-0.01, -0.01, None, "better"),  # exact: nothing to test
        (0.11, 0.11, None, "worse"),
        (None, None, None, "undecided"),
    ],
)
def test_a_comparison_read_from_its_other_side(
    low: float | None, high: float | None, p: float | None, expected: str
) -> None:
    value = None if low is None or high is None else (low + high) / 2
    found = Comparison(
        row="a",
        against="b",
        metric="pesq",
        difference=Interval(value=value, low=low, high=high, n=20),
        p_sign_flip=p,
        margin=0.1,
        verdict="undecided",
        seeds=6,
    )
    assert turned_verdict(found, higher_is_better=True) == expected


def test_a_row_with_a_clip_that_has_no_score_stays_in_the_summary() -> None:
    results = read_results(RESULTS / "speech.json")
    rows = [
        row.model_copy(
            update={"metrics": {k: v.model_copy(update={"n": 19}) for k, v in row.metrics.items()}}
        )
        if row.key == "raw/bddm-7"
        else row
        for row in results.rows
    ]
    assert summary(results.model_copy(update={"rows": rows})) == summary(results)


def test_sets_of_fewer_items_are_not_in_the_line_of_larger_ones() -> None:
    at_own_number, at_common = summary(read_results(RESULTS / "images.json"))
    assert "| 1000 |" not in at_own_number  # 1 000 images there, 5 000 elsewhere
    assert "| 1000 |" in at_common
