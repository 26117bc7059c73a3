"""Verdicts from intervals, margins and p values."""

from __future__ import annotations

import math

import pytest

from benchmarks.report.evaluation import verdict
from metrics.statistics import Estimate


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
