"""Words and lines that the pages of one track have, and those of other tracks do not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from benchmarks.core.experiment import Convention
from benchmarks.report.inline import code
from benchmarks.report.page import NOTHING, Block, Cell, estimated
from benchmarks.results.schema import Comparison, RowResult, RunResults
from benchmarks.results.verdicts import Interval

Line = list[Cell | str]


class TrackWords(ABC):
    """The words of one track; a subclass is listed in :data:`benchmarks.report.words.WORDS`."""

    item: ClassVar[str]  # the noun for one sample
    with_rtf: ClassVar[bool] = False  # whether latency is also told per second of audio
    counts_items: ClassVar[bool] = True  # whether comparisons name items, or else noise seeds
    contest_note: ClassVar[str] = ""  # why figures of contests are not those of other pages

    @abstractmethod
    def note(self, results: RunResults) -> str:
        """A paragraph on how samples were scored."""

    @abstractmethod
    def convention_head(self, results: RunResults, convention: Convention) -> str:
        """The heading of a convention."""

    @abstractmethod
    def verdict_note(self, results: RunResults, comparisons: Sequence[Comparison]) -> str:
        """A paragraph on how the verdicts came about."""

    def covered(self, results: RunResults) -> str:
        """A sentence on what the intervals of a run cover."""
        repeats = max((row.repeats for row in results.rows), default=1)
        units = self.units(results)
        if not any(row.search for row in results.rows):
            return f" Intervals cover {units}."
        if repeats == 1:
            return f" Intervals cover {units} alone: rows rest on one training and one search."
        every = [row for row in results.rows if row.search and row.skipped is None]
        lacking = [f"{code(row.convention)} {row.id.name}" for row in every if row.repeats == 1]
        less = f" Intervals of {', '.join(lacking)} cover {units} alone." if lacking else ""
        return (
            " Intervals of rows with a searched schedule cover training, search, noise and "
            f"{units}, by up to {repeats} repeats; those of all other rows cover noise and "
            f"{units}.{less}"
        )

    @abstractmethod
    def units(self, results: RunResults) -> str:
        """The plural noun for the independent items of a run."""

    def floor_lines(self, results: RunResults, rows: Sequence[RowResult]) -> list[Line]:
        """Lines of the quality table that are no sampler's."""
        return []

    def appendix(self, results: RunResults, rows: Sequence[RowResult]) -> list[Block]:
        """Blocks that follow the verdicts of a convention."""
        return []


def floor_line(results: RunResults, metrics: dict[str, Interval], count: str) -> Line:
    """A line of the quality table for ``count`` items of the data in the samples' place."""
    return data_line(results, metrics, ("*Floor: data*", f"{count} / {count}"))


def data_line(results: RunResults, metrics: dict[str, Interval], head: tuple[str, str]) -> Line:
    """A line of the quality table that is no sampler's.

    Args:
        results: the run; its metrics are the columns.
        metrics: estimates of the line.
        head: name of the line, and how many items were scored.
    """
    name, scored = head
    cells: Line = [name, NOTHING, NOTHING, scored]
    return cells + [estimated(metrics.get(name), m.digits) for name, m in results.metrics.items()]
