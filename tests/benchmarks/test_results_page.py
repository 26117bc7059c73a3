"""The tables of a results document."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.check import read_results
from benchmarks.report.markdown import to_markdown

ABLATION = Path(__file__).resolve().parents[2] / "results" / "ablation"


def test_without_its_reference_nothing_has_a_speed_up() -> None:
    """A speed-up of 1 is the reference's own, and no other's."""
    results = read_results(ABLATION / "images.json")
    assert f"| {results.reference.rsplit('-', 1)[1]} |" in to_markdown(results)
    rows = [
        row.model_copy(update={"time": row.time and row.time.model_copy(update={"speedup": None})})
        for row in results.rows
    ]
    lines = to_markdown(results.model_copy(update={"rows": rows})).splitlines()
    timed = [line.split(" | ")[-2] for line in lines if line.startswith("| ") and " ms" in line]
    assert len(timed) == len([row for row in rows if row.time])
    assert sorted({*timed}) == ["1", "—"]
    assert timed.count("1") == 1
