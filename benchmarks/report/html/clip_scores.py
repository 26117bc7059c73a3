"""Scores of single test clips, for the samples that people hear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.core.rows import RowKey
from benchmarks.report.page import NOTHING, arrow
from benchmarks.results.items import read_items
from benchmarks.results.schema import RunResults


class ClipScores:
    """The scores of a run's clips, each of the first noise seed that has samples.

    Args:
        document: the path of the run's document.
        run: the document.

    Raises:
        DamagedFileError: the scores are missing, damaged, or not of the document.
    """

    def __init__(self, document: Path, run: RunResults) -> None:
        self._metrics = run.metrics
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        for line in read_items(document, run.items_sha256).splitlines():
            record = json.loads(line)
            key = record["row"], record["item"]
            if key not in self._found or record["seed"] < self._found[key]["seed"]:
                self._found[key] = record

    def of(self, row: RowKey, clip: str) -> tuple[tuple[str, str], ...]:
        """Titles of all metrics with the values of a row's sample; empty where none is there."""
        record = self._found.get((str(row), clip))
        if record is None:
            return ()
        return tuple(
            (f"{one.title} {arrow(one)}", self._told(record["scores"].get(name), one.digits))
            for name, one in self._metrics.items()
        )

    def _told(self, value: float | None, digits: int) -> str:
        return NOTHING if value is None else f"{value:.{digits}f}"
