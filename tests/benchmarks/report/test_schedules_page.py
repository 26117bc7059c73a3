"""The table of searched schedules: taus, starts, and how their passes ended."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report.page import Prose, Table
from benchmarks.report.pages.schedules import schedule_blocks
from synthetic.runs import row, speech


def schedule(repeat: int, **changes: Any) -> dict[str, Any]:
    start = {"alpha": 0.2 + 0.1 * repeat, "beta": 0.5, "kernel": "ddpm", "tau": 142}
    fields = {"repeat": repeat, "betas": [0.1, 0.5], "start": start, "scores": [0.5]}
    return fields | {"complete": True} | changes


def cells(*schedules: dict[str, Any]) -> list[str]:
    results = speech()
    blocks = schedule_blocks(results, [row("raw/bddm-7", {}, schedules=list(schedules))])
    (line,) = next(block for block in blocks if isinstance(block, Table)).rows
    return [str(getattr(cell, "text", cell)) for cell in line]


def test_repeats_are_counted() -> None:
    other = {"alpha": 0.3, "beta": 0.5, "kernel": "ddim", "tau": 62}
    found = cells(schedule(0), schedule(1, start=other, complete=False), schedule(2))
    assert found[1:] == [
        "7",
        "3",
        "142 (2), 62 (1)",
        "0.200 to 0.400",
        "0.500",
        "ddpm (2), ddim (1)",
        "2 of 3",
    ]


@pytest.mark.parametrize(
    ("changes", "end"),
    [({"complete": None}, "unknown"), ({"complete": False}, "0 of 1"), ({}, "1 of 1")],
)
def test_the_end_of_a_pass(changes: dict[str, Any], end: str) -> None:
    assert cells(schedule(0, **changes))[-1] == end


def test_a_start_without_a_network_has_no_tau() -> None:
    constants = {"alpha": 0.3, "beta": 0.5, "by_beta": 0.9, "by_delta": 0.8}
    found = cells(schedule(0, start=constants))
    assert found[3] == found[6] == "—"


def test_rows_without_a_record_have_no_table() -> None:
    results = speech()
    assert schedule_blocks(results, results.rows) == []


def test_repeats_without_a_schedule_are_told() -> None:
    missing = {"the search found no schedule of 7 steps": 2}
    found = row("raw/bddm-7", {}, schedules=[schedule(0)], seeds=7, missing=missing)
    *_, last = schedule_blocks(speech(), [found])
    assert last == Prose(
        "Fewer repeats: bddm-7: 2 of its 9 noise seeds have no samples, since the search found no "
        "schedule of 7 steps."
    )
