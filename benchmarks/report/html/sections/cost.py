"""Costs of training and search, and the number of samples after which they have paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.core.rows import RowKey
from benchmarks.report.html.commands import run_commands
from benchmarks.report.html.lead import NOUNS, main_convention
from benchmarks.report.html.lines import (
    NARROW,
    Lines,
    Point,
    Scales,
    Series,
    Style,
    Told,
    line_chart,
    switch_of,
)
from benchmarks.report.html.marks import COLORS
from benchmarks.report.html.section import Chart, Charts, Details, Part, Section
from benchmarks.report.inline import code, plain
from benchmarks.report.page import NOTHING, Cell, Prose, Table, table
from benchmarks.report.words import WORDS
from benchmarks.results.ranking_schema import BDDM
from benchmarks.results.schema import Cost, RowResult, RunResults
from benchmarks.results.whole import WholeFolder

PLACES = (".", "papers", "search")  # folders whose runs are in the table
STEPS = 16  # of the schedule that saves time
SAMPLES = tuple(10 ** (i / 4) for i in range(21))  # 1 to 100 000
STYLES = (Style(COLORS[1], "", "--"), Style(COLORS[0], width=2.2))
INTRODUCTION = (
    "Beyond the score network, a searched schedule costs the training of a schedule network and "
    "the search, once. Both are all lengths together. *Paid after*: samples of the reference "
    "sampler whose time the search alone took, over those that 16 steps save. The charts count the "
    "training, too."
)


def cost_section(results: WholeFolder) -> Section | None:
    """The table of all searches, and the charts; None where nothing was searched."""
    runs = [run for place in PLACES for run in results.runs(place).values() if run.costs]
    searches = [(run, cost) for run in runs for cost in run.costs]
    if not searches:
        return None
    own = [(run, cost) for run, cost in searches if cost.contestant == BDDM]
    parts: list[Part] = [Prose(INTRODUCTION), *_charts(results), _table(own or searches)]
    if 0 < len(own) < len(searches):
        parts.append(Details("All searches", (_table(searches),)))
    return Section("cost", "Cost of training and search", tuple(parts), run_commands(runs))


def _charts(results: WholeFolder) -> Iterator[Charts]:
    runs = results.runs().values()
    charts = [chart for run in runs for chart in _chart(run)]
    if charts:
        references = dict.fromkeys(run.reference for run in runs)
        names = (" or ".join(references), f"training, search, and samples of {STEPS} steps")
        legend = tuple(switch_of(names[i], [i], STYLES[i]) for i in range(2))
        yield Charts(tuple(charts), legend, columns=3)


def _table(searches: Sequence[tuple[RunResults, Cost]]) -> Table:
    heads = ["Track", "Convention", "Schedules of", "Schedule network, updates", "its training, s"]
    heads += ["Search, network evaluations", "candidates", "search, s", "Paid after, samples"]
    lines = [_line(run, cost) for run, cost in searches]
    return table(heads, list({tuple(map(str, line)): line for line in lines}.values()))


def _line(run: RunResults, cost: Cost) -> list[Cell | str]:
    title = run.titles.get(cost.contestant, cost.contestant)
    return [
        NOUNS.get(run.track, plain(run.track)),
        code(cost.convention),
        plain(title),
        _number(cost.schedule_net_steps if cost.schedule_net_parameters else None),
        _number(cost.schedule_net_seconds),
        _number(cost.search_nfe),
        _number(cost.candidates),
        _number(cost.search_seconds),
        _number(cost.pays_after_samples),
    ]


def _number(value: float | None) -> Cell:
    if value is None:
        return Cell(NOTHING)
    text = f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    return Cell(text.replace(",", " "), float(value))


def _chart(run: RunResults) -> Iterator[Chart]:
    """The whole time of samples, by the reference sampler and by a searched schedule."""
    convention = main_convention(run)
    cost = run.cost(convention, BDDM)
    reference = _seconds(run.by_key.get(RowKey.named(convention, run.reference)))
    searched = _seconds(run.by_key.get(RowKey(convention, BDDM, STEPS)))
    if cost is None or reference is None or searched is None or searched >= reference:
        return
    spent = cost.search_seconds + (cost.schedule_net_seconds or 0.0)
    series = (
        Series(0, "", tuple(Point(n, n * reference) for n in SAMPLES), STYLES[0]),
        Series(1, "", tuple(Point(n, spent + n * searched) for n in SAMPLES), STYLES[1]),
    )
    paid = spent / (reference - searched)
    item, noun = WORDS[run.track].item, NOUNS.get(run.track, run.track)
    told = Told(
        f"cost-{run.track}",
        f"Time of training, search and sampling over the number of samples, {noun} {convention}",
        f"Training and search took {spent:.0f} s. From {paid:.0f} samples on, {STEPS} steps take "
        f"less time than {run.reference}; one {item} takes {searched:.3g} s instead of "
        f"{reference:.3g} s.",
    )
    scales = Scales("samples", "seconds in all", x_log=True, y_log=True)
    head = f"{noun}, {convention}"
    lines = Lines(told, scales, series, size=NARROW, head=head)
    yield line_chart(lines, f"Paid after {paid:.0f} {item}s")


def _seconds(row: RowResult | None) -> float | None:
    return None if row is None or row.time is None else row.time.median_s
