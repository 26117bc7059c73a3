"""The table of searched schedules: where their passes began, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.report.inline import plain
from benchmarks.report.page import NOTHING, Block, Prose, table
from benchmarks.report.words.base import Line
from benchmarks.results.schema import RepeatSchedule, RowResult, RunResults

NOTE = (
    "Searched schedules. Each repeat trains and searches anew. A *complete* schedule is a pass "
    "that ended at this length. All others are the first betas of a longer pass, which is chosen "
    "only where no complete pass was as good. τ is the number of long steps per short step that "
    "the schedule network was trained for. Brackets count repeats."
)


def schedule_blocks(results: RunResults, rows: Sequence[RowResult]) -> list[Block]:
    """A line for each searched row; nothing for rows without a record of their schedules."""
    searched = [row for row in rows if row.schedules]
    if not searched:
        return []
    heads = ["Sampler", "Steps", "Repeats", "τ", "α_N", "β_N", "Kernel of the pass", "Complete"]
    lines = [_line(results, row) for row in searched]
    return [Prose(NOTE), table(heads, lines, keys=2), *_missing(rows)]


def _missing(rows: Sequence[RowResult]) -> list[Block]:
    """Say which rows rest on fewer repeats, because some found no schedule."""
    told = [
        f"{plain(row.id.name)}: {count} of its {row.seeds + sum(row.missing.values())} noise seeds "
        f"have no samples, since {plain(reason)}"
        for row in rows
        for reason, count in row.missing.items()
    ]
    return [Prose(f"Fewer repeats: {'; '.join(told)}.")] if told else []


def _line(results: RunResults, row: RowResult) -> Line:
    schedules = row.schedules or []
    starts = [one.start for one in schedules if one.start is not None]
    return [
        plain(results.titles[row.contestant]),
        str(row.steps),
        str(len(schedules)),
        _counted(start["tau"] for start in starts if "tau" in start),
        _range(start["alpha"] for start in starts),
        _range(start["beta"] for start in starts),
        _counted(start["kernel"] for start in starts if "kernel" in start),
        _complete(schedules),
    ]


def _counted(values: Iterable[object]) -> str:
    counts = Counter(map(str, values))
    return ", ".join(f"{value} ({count})" for value, count in counts.most_common()) or NOTHING


def _range(values: Iterable[int | float | str]) -> str:
    numbers = sorted(float(value) for value in values)
    if not numbers:
        return NOTHING
    low, high = f"{numbers[0]:.3f}", f"{numbers[-1]:.3f}"
    return low if low == high else f"{low} to {high}"


def _complete(schedules: Sequence[RepeatSchedule]) -> str:
    known = [one.complete for one in schedules if one.complete is not None]
    return f"{sum(known)} of {len(known)}" if known else "unknown"
