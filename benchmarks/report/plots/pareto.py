"""Quality against cost, as SVG that is the same for the same figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.report.page import arrow
from benchmarks.report.plots.text import spread, unformatted
from benchmarks.results.places import efficient
from benchmarks.results.ranking_schema import BDDM, Place, Ranking
from benchmarks.results.verdicts import MetricInfo

COLORS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#8C564B", "#117733")
MARKERS = "sD^vPX*<>"
SMALLEST = 1e-3  # where scores of 0 or below occur, the axis is linear up to it
GAP = 0.038  # between labels, of the height of a panel
Points = list[tuple[float, float]]  # (cost, score)


@dataclass(frozen=True)
class _Style:
    color: str
    marker: str
    dashed: bool = False
    width: float = 1.0


def plot_pareto(table: Ranking, path: Path) -> None:
    """One line a contestant over its evaluations, and over its measured time.

    Contestants with a point that no other beats in both quality and cost have colours and labels,
    and so has BDDM; the scale is theirs, and other lines may leave it.
    """
    figure = Figure(figsize=(12, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    over_nfe = _lines(table, lambda nfe, _: float(nfe))
    over_time = _lines(table, lambda _, place: _milliseconds(place))
    best = _owners(over_nfe, table.info) | _owners(over_time, table.info) | {BDDM}
    styles = _styles([name for name in table.lines if name in best])
    for axis, drawn in zip(panels, (over_nfe, over_time), strict=True):
        _draw(axis, drawn, styles, table)
    _hollow(panels[1], styles, table)
    _scale_scores(panels[0], [score for name in styles for _, score in over_nfe[name]], table)
    panels[0].set_xticks(table.columns, [str(nfe) for nfe in table.columns])
    panels[0].xaxis.set_minor_locator(NullLocator())
    panels[0].set_xlabel("network evaluations")
    panels[1].set_xlabel("milliseconds, one item")
    if times := [cost for line in over_time.values() for cost, _ in line]:
        _plain_ticks(panels[1].xaxis, times)
    _label(panels[0], over_nfe, styles, table)
    entries = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    entries |= dict(zip(*reversed(panels[1].get_legend_handles_labels()), strict=True))
    figure.legend(
        entries.values(), entries.keys(), loc="outside lower center", ncols=3, frameon=False
    )
    with mpl.rc_context({"svg.hashsalt": "pareto", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def _lines(table: Ranking, cost: Callable[[int, Place], float | None]) -> dict[str, Points]:
    return {
        name: [
            (spent, place.score.value or 0.0)
            for nfe, place in line.places.items()
            if (spent := cost(nfe, place)) is not None
        ]
        for name, line in table.lines.items()
    }


def _milliseconds(place: Place) -> float | None:
    return None if place.seconds is None else 1000 * place.seconds


def _owners(lines: dict[str, Points], info: MetricInfo) -> set[str]:
    """Contestants that have an efficient point."""
    owners = [name for name, points in lines.items() for _ in points]
    points = [point for own in lines.values() for point in own]
    return {owners[index] for index in efficient(points, info.higher_is_better)}


def _styles(names: list[str]) -> dict[str, _Style]:
    """BDDM is drawn last, above the others."""
    others = [name for name in names if name != BDDM]
    styles = {
        name: _Style(COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)], i >= len(COLORS))
        for i, name in enumerate(others)
    }
    return styles | {name: _Style("#D55E00", "o", width=2.2) for name in names if name == BDDM}


def _draw(axis: Axes, lines: dict[str, Points], styles: dict[str, _Style], table: Ranking) -> None:
    others = [name for name in lines if name not in styles]
    for i, name in enumerate(others):
        label = f"others: {len(others)}" if i == 0 else None
        axis.plot(*_columns(lines[name]), color="0.8", linewidth=0.7, label=label, zorder=1)
    for name, style in styles.items():
        axis.plot(
            *_columns(lines[name]),
            color=style.color,
            marker=style.marker,
            markersize=4 * math.sqrt(style.width),
            linestyle="--" if style.dashed else "-",
            linewidth=style.width,
            zorder=2,
        )
    points = [point for own in lines.values() for point in own]
    best = sorted(points[index] for index in efficient(points, table.info.higher_is_better))
    axis.plot(
        *_columns(best),
        "o",
        color="none",
        markeredgecolor="black",
        markersize=9,
        label="no other is better and cheaper",
        zorder=3,
    )
    if table.reference_score is not None and table.reference_score.value is not None:
        level, name = table.reference_score.value, unformatted(table.reference.upper())
        axis.axhline(level, color="black", linestyle=":", linewidth=1, label=name)
    if points:  # nothing may have been timed
        axis.set_xscale("log")
    axis.grid(alpha=0.2)


def _hollow(axis: Axes, styles: dict[str, _Style], table: Ranking) -> None:
    """Whitens the points whose times are unstable."""
    label: str | None = "hollow: unstable time"
    for name, style in styles.items():
        points = [
            (1000 * place.seconds, place.score.value or 0.0)
            for place in table.lines[name].places.values()
            if place.seconds is not None and not place.stable
        ]
        if points:
            axis.plot(
                *_columns(points),
                color=style.color,
                marker=style.marker,
                markersize=4 * math.sqrt(style.width),
                markerfacecolor="white",
                linestyle="none",
                label=label,
                zorder=2.5,
            )
            label = None


def _columns(points: Points) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _scale_scores(axis: Axes, scores: list[float], table: Ranking) -> None:
    """Room for these scores and the reference; distances on a logarithmic scale."""
    reference = table.reference_score
    if reference is not None and reference.value is not None:
        scores = [*scores, reference.value]
    low, high = min(scores), max(scores)
    if table.info.higher_is_better:
        room = 0.05 * (high - low) or 1.0
        axis.set_ylim(low - room, high + room)
    elif low > 0:
        axis.set_yscale("log")
        axis.set_ylim(low / 1.5, high * 1.5)
        _plain_ticks(axis.yaxis, [low, high])
    else:
        axis.set_yscale("symlog", linthresh=SMALLEST)
        axis.set_ylim(1.5 * low - SMALLEST / 4, 1.5 * high + SMALLEST / 4)
    axis.set_ylabel(f"{unformatted(table.info.title)} {arrow(table.info)}")


def _plain_ticks(axis: Axis, values: list[float]) -> None:
    """Figures without powers of ten, as few as are legible."""
    decades = math.log10(max(values) / min(values))
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _label(axis: Axes, lines: dict[str, Points], styles: dict[str, _Style], table: Ranking) -> None:
    """Names to the right of a panel, at the height where their lines end if there is room."""
    scale = axis.yaxis.get_transform()
    low, high = (float(v) for v in scale.transform(list(axis.get_ylim())))
    ends = {
        name: (float(scale.transform([lines[name][-1][1]])[0]) - low) / (high - low)
        for name in styles
    }
    order = sorted(ends, key=lambda name: ends[name])
    heights = spread([ends[name] for name in order], [GAP] * len(order))
    for name, height in zip(order, heights, strict=True):
        style = styles[name]
        axis.annotate(
            "",
            xy=lines[name][-1],
            xytext=(1.03, height),
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": "0.4", "linewidth": 0.8, "linestyle": ":"},
        )
        axis.plot(
            1.045,
            height,
            style.marker,
            color=style.color,
            transform=axis.transAxes,
            clip_on=False,
            markersize=5,
        )
        axis.text(
            1.065,
            height,
            unformatted(table.lines[name].title),
            transform=axis.transAxes,
            fontsize=8,
            verticalalignment="center",
            fontweight="bold" if name == BDDM else "normal",
        )
