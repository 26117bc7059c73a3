"""Quality against cost, as SVG that is the same for the same figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.cells import arrow
from benchmarks.report.schema import MetricInfo, Results, RowResult
from benchmarks.report.standings import BDDM, Standings, efficient

COLORS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#8C564B", "#117733")
MARKERS = "sD^vPX*<>"
SMALLEST = 1e-3  # below it a score that may be 0 is drawn linearly


def plot_pareto(results: Results, convention: str, table: Standings, path: Path) -> None:
    """One line a contestant over its evaluations, and over its measured time.

    Contestants with a point that no other beats in both quality and cost have colours, and BDDM.
    """
    info = results.metrics[table.metric]
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    costs: dict[str, Callable[[RowResult], float | None]] = {
        "network evaluations": lambda row: float(row.nfe),
        "seconds, one item": lambda row: row.time.median_s if row.time else None,
    }
    shown = {BDDM} & set(table.places)
    lines = {}
    for label, cost in costs.items():
        lines[label] = {
            name: [
                (seconds, place.score.value or 0.0)
                for _, place in sorted(places.items())
                if (seconds := cost(place.row)) is not None
            ]
            for name, places in table.places.items()
        }
        shown |= _winners(lines[label], info)
    for axis, (label, drawn) in zip(panels, lines.items(), strict=True):
        _draw(axis, drawn, [n for n in table.places if n in shown], results, info)
        axis.set(xlabel=label, xscale="log")
    _scale(panels[0], results, convention, table, info)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=7)
    with mpl.rc_context({"svg.hashsalt": "pareto", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def _winners(lines: dict[str, list[tuple[float, float]]], info: MetricInfo) -> set[str]:
    owners = [name for name, points in lines.items() for _ in points]
    points = [point for own in lines.values() for point in own]
    return {owners[index] for index in efficient(points, info.higher_is_better)}


def _draw(
    axis: Axes,
    lines: dict[str, list[tuple[float, float]]],
    shown: list[str],
    results: Results,
    info: MetricInfo,
) -> None:
    titles = {row.contestant: row.title for row in results.rows}
    others = [name for name in lines if name not in shown]
    for i, name in enumerate(others):
        label = f"{len(others)} others" if i == 0 else None
        axis.plot(*_columns(lines[name]), color="0.8", linewidth=0.7, label=label, zorder=1)
    rest = [name for name in shown if name != BDDM]
    for i, name in enumerate(rest):
        axis.plot(
            *_columns(lines[name]),
            color=COLORS[i % len(COLORS)],
            marker=MARKERS[i % len(MARKERS)],
            linestyle="-" if i < len(COLORS) else "--",
            markersize=4,
            linewidth=1,
            label=titles[name],
            zorder=2,
        )
    if BDDM in shown:
        axis.plot(
            *_columns(lines[BDDM]), "o-", color="#D55E00", linewidth=2.2, label="BDDM", zorder=3
        )
    points = [point for own in lines.values() for point in own]
    best = sorted(points[index] for index in efficient(points, info.higher_is_better))
    axis.plot(
        *_columns(best), "o", color="none", markeredgecolor="black", markersize=9, label="efficient"
    )


def _columns(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _scale(
    axis: Axes, results: Results, convention: str, table: Standings, info: MetricInfo
) -> None:
    reference = _reference(results, convention, table.metric)
    for panel in axis.figure.axes:
        if reference is not None:
            name = results.reference.upper()
            panel.axhline(reference, color="black", linestyle=":", linewidth=1, label=name)
        panel.grid(alpha=0.2)
    axis.set_ylabel(f"{info.title} {arrow(info)}")
    if not info.higher_is_better:
        axis.set_yscale("symlog", linthresh=SMALLEST)


def _reference(results: Results, convention: str, metric: str) -> float | None:
    wanted = f"{convention}/{results.reference}"
    rows: list[RowResult] = [row for row in results.rows if row.key == wanted]
    return rows[0].metrics[metric].value if rows and metric in rows[0].metrics else None
