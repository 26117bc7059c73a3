"""Which rows of a run are compared, and what a document keeps of a difference."""

from __future__ import annotations

from benchmarks.core.experiment import Convention, Experiment, RowConfig
from benchmarks.core.rows import rows_of
from benchmarks.results.comparisons import Measured, PValues, compared_rows, comparison_of
from metrics.statistics import Estimate

ROWS = rows_of(
    Experiment(
        conventions=(Convention("raw"), Convention("scaled", 8.0)),
        rows=(
            RowConfig("bddm", (3, 7), seeds=6),
            RowConfig("ddim", (3,), seeds=2),
            RowConfig("ddpm", (1000,), seeds=6),
        ),
    )
)


def test_rows_are_compared_with_the_reference_and_bddm_at_equal_steps() -> None:
    found = [(one.key, other.key) for one, other in compared_rows(ROWS, "ddpm-1000", {"bddm"})]
    assert [pair for pair in found if pair[0].startswith("raw")] == [
        ("raw/bddm-3", "raw/ddim-3"),
        ("raw/bddm-3", "raw/ddpm-1000"),
        ("raw/bddm-7", "raw/ddpm-1000"),
        ("raw/ddim-3", "raw/ddpm-1000"),
    ]
    assert len(found) == 8  # as many in the other convention, and none across


def test_a_difference_is_judged_and_counts_the_fewer_seeds() -> None:
    bddm, _, ddim, _ = ROWS[:4]
    measured = Measured("fd", Estimate(-2.0, -3.0, -1.0, 50), PValues(p=0.01), margin=0.5, items=50)
    found = comparison_of(bddm, ddim, measured)
    assert (found.row, found.against, found.verdict) == ("raw/bddm-3", "raw/ddim-3", "better")
    assert (found.seeds, found.items, found.margin) == (2, 50, 0.5)
