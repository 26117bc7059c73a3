"""The short page at the end of a run: rows by headline metrics, and BDDM's verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from benchmarks.report.inline import code, plain, shown
from benchmarks.report.page import (
    NOTHING,
    Block,
    Bullets,
    Cell,
    Heading,
    Page,
    Prose,
    Table,
    estimated,
    named,
    table,
)
from benchmarks.report.words import WORDS
from benchmarks.results.schema import RowResult, RunResults
from benchmarks.results.verdicts import Verdict

BEST = "*"  # behind the best score of a convention at equal evaluations
MOST_ROWS = 60  # more are left to the page, but for BDDM and the best
MOST_SKIPPED = 8  # rows without samples by name; more are counted
LINE = 98  # characters of a verdict's line
PHRASES: dict[Verdict, str] = {
    "better": "better than",
    "as good": "as good as",
    "worse": "worse than",
    "undecided": "undecided against",
}
MARKS = (
    f"{BEST} marks the best of a convention at equal network evaluations (NFE), where there are "
    "several. Brackets: 95 % intervals. Time: the median of one call."
)


def ending_page(results: RunResults) -> Page:
    """The whole page: one table, and one line for each verdict."""
    name = results.experiment_name or results.track
    blocks: list[Block] = [Heading(f"Results of {plain(name)}")]
    if results.meaningless:
        blocks.append(Prose("A smoke run: budgets are tiny, and these figures mean nothing."))
    rows, left_out = _chosen(results)
    blocks += [_table(results, rows), Prose(MARKS + left_out)]
    skipped = [row.key for row in results.rows if row.skipped is not None]
    if skipped:
        few = len(skipped) <= MOST_SKIPPED
        told = _listed(skipped) if few else f"{len(skipped)} rows"
        blocks.append(Prose(f"Without samples, for reasons on the page: {told}."))
    if verdicts := tuple(_verdicts(results, rows)):
        blocks += [Prose("BDDM against others, by the margins of the experiment:")]
        blocks.append(Bullets(verdicts))
    return Page(tuple(blocks))


def _metrics(results: RunResults) -> list[str]:
    return [name for name in results.settings.headline if name in results.metrics]


def _chosen(results: RunResults) -> tuple[list[RowResult], str]:
    """Rows of the table, and a sentence on those that are left out."""
    rows = [row for row in results.rows if row.skipped is None]
    if len(rows) <= MOST_ROWS:
        return rows, ""
    best = {key for metric in _metrics(results) for key in _best(results, metric)}
    chosen = [row for row in rows if row.key in best or row.contestant == "bddm"]
    more = len(rows) - len(chosen)
    return chosen, f" {more} more rows are on the page: here are those of `bddm` and the best."


def _best(results: RunResults, metric: str) -> set[str]:
    """Keys of the rows that are best by a metric in their convention, at equal evaluations."""
    sign = 1.0 if results.metrics[metric].higher_is_better else -1.0
    groups: dict[tuple[str, int, int], list[tuple[float, str]]] = {}
    for row in results.rows:
        value = row.value(metric)
        if row.skipped is None and value is not None:
            of_sets = row.metrics[metric].n if WORDS[results.track].counts_items else 0
            groups.setdefault((row.convention, row.nfe, of_sets), []).append(
                (sign * value, row.key)
            )
    return {
        key
        for scored in groups.values()
        if len(scored) > 1
        for value, key in scored
        if value == max(scored)[0]
    }


def _table(results: RunResults, rows: Sequence[RowResult]) -> Table:
    metrics = _metrics(results)
    best = {metric: _best(results, metric) for metric in metrics}
    lines: list[list[Cell | str]] = []
    for row in rows:
        line: list[Cell | str] = [code(row.key), Cell(str(row.nfe), row.nfe)]
        for metric in metrics:
            cell = estimated(row.metrics.get(metric), results.metrics[metric].digits)
            is_best = row.key in best[metric]
            line.append(replace(cell, mark=plain(BEST)) if is_best else cell)
        lines.append([*line, _time(row)])
    heads = ["Row", "NFE", *(named(results.metrics[metric]) for metric in metrics), "Time"]
    return table(heads, lines)


def _time(row: RowResult) -> Cell | str:
    if row.time is None:
        return NOTHING
    seconds = row.time.median_s
    return Cell(f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms", seconds)


def _verdicts(results: RunResults, rows: Sequence[RowResult]) -> Iterator[str]:
    """One line for each compared row and headline metric."""
    compared = {row.key for row in rows if row.compared}
    found: dict[tuple[str, str], dict[Verdict, list[str]]] = {}
    for one in results.comparisons:
        if one.row in compared and one.metric in _metrics(results):
            words = found.setdefault((one.row, one.metric), {})
            words.setdefault(one.verdict, []).append(one.against_key.name)
    for (row, metric), words in found.items():
        head = f"{code(row)}, {plain(results.metrics[metric].title)}: "
        yield head + _in_one_line(words, LINE - len(shown(head)))


def _in_one_line(words: Mapping[Verdict, Sequence[str]], width: int) -> str:
    """Verdicts with as many names of rows as the line holds; all others are counted."""
    for most in range(max(map(len, words.values())), -1, -1):
        told = "; ".join(
            f"{PHRASES[word]} {_named_or_counted(words[word], most)}"
            for word in get_args(Verdict)
            if word in words
        )
        if len(shown(told)) <= width:
            return told
    counts = ", ".join(
        f"{PHRASES[word]} {len(words[word])}" for word in get_args(Verdict) if word in words
    )
    return f"{counts} rows"


def _named_or_counted(names: Sequence[str], most: int) -> str:
    return _listed(names) if len(names) <= most else f"{len(names)} row{'s' * (len(names) > 1)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(code(name) for name in names)
