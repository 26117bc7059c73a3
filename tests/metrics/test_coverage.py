"""Published intervals cover, and tests keep their size, on simulated scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metrics import coverage as module
from metrics.coverage import DATA, TWO, Cell, bca, coverage, published, size

TRIALS = 400
LEAST = 0.93 - 2 * math.sqrt(0.93 * 0.07 / TRIALS)  # a true 93 % is below this once in 40

CELLS = [
    Cell("normal", 1, 20),
    Cell("exponential, skewness 2", 1, 20),
    Cell("minus log-normal, skewness −1.75", 1, 30),
    Cell("normal", 3, 20, ratio=1.0),
    Cell("exponential, skewness 2", 3, 20, ratio=0.0, missing=0.1),
    Cell("normal", 3, 30, ratio=10.0),
    Cell("minus log-normal, skewness −1.75", 9, 20, ratio=0.1),
]


@pytest.mark.parametrize("name", DATA)
def test_simulated_items_have_mean_0_and_variance_1(name: str) -> None:
    values = DATA[name](np.random.default_rng(0), 400_000)
    assert values.mean() == pytest.approx(0.0, abs=0.02)
    if name != "Student, 3 df":  # its variance converges too slowly
        assert values.var() == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_published_intervals_cover(cell: Cell) -> None:
    assert coverage(published, cell, TRIALS).share >= LEAST


@pytest.mark.slow
def test_earlier_intervals_did_not() -> None:
    assert coverage(bca, Cell("log-normal, skewness 6.2", 1, 20), TRIALS).share < LEAST
    repeated = Cell("normal", 3, 20, ratio=1.0)
    assert coverage(TWO["items alone"], repeated, TRIALS).share < 0.75
    assert coverage(TWO["pigeonhole"], repeated, TRIALS).share < LEAST


@pytest.mark.slow
@pytest.mark.parametrize("data", ["normal", "exponential, skewness 2"])
def test_verdicts_err_in_5_percent_at_most(data: str) -> None:
    found = size(Cell(data, 1, 20), TRIALS, flips=199)
    assert found.flips <= 0.065 + 2 * math.sqrt(0.065 * 0.935 / TRIALS)
    assert found.both <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / TRIALS)


@pytest.mark.slow
def test_the_tables_are_of_equal_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DATA", {"normal": DATA["normal"]})
    monkeypatch.setattr(module, "SCORES", ("normal",))
    monkeypatch.setattr(module, "RESAMPLES", 19)
    lines = list(module.tables(4))
    starts = [i for i, line in enumerate(lines) if line.startswith("###")]
    assert len(starts) == 4
    for first, last in zip(starts, [*starts[1:], len(lines)], strict=True):
        widths = {line.count("|") for line in lines[first:last] if line.startswith("|")}
        assert len(widths) == 1
