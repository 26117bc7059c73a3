"""What the page of a track says that the others' do not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from benchmarks.report.page import estimate
from benchmarks.results.schema import Comparison, Interval, Results, RowResult

CLAIM_SEEDS = 6  # noise seeds that a verdict needs: a sign-flip test of fewer cannot reach 5 %


class Page(ABC):
    """The words of one track; a subclass is listed in :data:`benchmarks.report.words.PAGES`."""

    item: ClassVar[str]  # what is sampled
    with_rtf: ClassVar[bool] = False  # whether latency is also told per second of audio
    counts_items: ClassVar[bool] = True  # whether comparisons name items, or else noise seeds
    unscored: ClassVar[Mapping[str, str]] = {}  # metric to why a row that ran may lack it
    contest_note: ClassVar[str] = ""  # why figures of contests are not those of other pages

    @abstractmethod
    def note(self, results: Results) -> str:
        """What was scored, and how."""

    @abstractmethod
    def convention_head(self, results: Results, convention: dict[str, Any]) -> str:
        """What a convention is, as a heading."""

    @abstractmethod
    def verdict_note(self, results: Results, comparisons: Sequence[Comparison]) -> str:
        """How the verdicts came about."""

    def floor_lines(
        self, results: Results, rows: Sequence[RowResult], width: int
    ) -> list[list[str]]:
        """Lines of the quality table that are no sampler's."""
        return []

    def appendix(self, results: Results, rows: Sequence[RowResult]) -> list[str]:
        """What follows the verdicts of a convention."""
        return []


def floor_line(results: Results, metrics: dict[str, Interval], count: str, width: int) -> list[str]:
    """A line of the quality table for ``count`` items of the data in the samples' place."""
    return data_line(results, metrics, ("*Floor: data*", f"{count} / {count}"), width)


def data_line(
    results: Results, metrics: dict[str, Interval], head: tuple[str, str], width: int
) -> list[str]:
    """A line of the quality table that is no sampler's; ``head``: what it is, how many scored."""
    name, scored = head
    cells = [name, "—", "—", scored]
    cells += [estimate(metrics.get(name), m.digits) for name, m in results.metrics.items()]
    return cells + ["—"] * (width - len(cells))
