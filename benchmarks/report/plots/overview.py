"""The README's picture: quality against network evaluations, one panel a track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.report.page import arrow
from benchmarks.report.plots.text import unformatted
from benchmarks.results.schema import RunResults
from benchmarks.results.verdicts import Interval

SAMPLERS = {  # contestant to label, colour, marker, and how far its label is moved upwards
    "bddm": ("BDDM", "#0072B2", "o", 0),
    "ddpm": ("DDPM", "#D55E00", "s", 5),
    "ddim": ("DDIM", "#009E73", "^", -5),
}
LONGEST = 100  # evaluations that are drawn as points; longer rows are bands


@dataclass(frozen=True)
class Panel:
    """The content of one panel."""

    results: str
    convention: str
    metric: str
    title: str
    logarithmic: bool = False


PANELS = (
    Panel("speech", "raw", "pesq_wb_lqo", "Speech, raw amplitude"),
    Panel("images", "plain", "fd_common", "Images", logarithmic=True),
    Panel("analytic", "gaussian-16", "kl", "A Gaussian of 16 dimensions", logarithmic=True),
)


def plot_overview(folder: Path, path: Path) -> None:
    """Draw every panel from the published results of a folder.

    Raises:
        DamagedFileError: results are missing or damaged.
    """
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    for axis, panel in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        _draw(axis, panel, RunResults.read(folder / f"{panel.results}.json"))
    with mpl.rc_context({"svg.hashsalt": "overview", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def points_of(results: RunResults, panel: Panel, contestant: str) -> dict[int, Interval]:
    """Scores of a contestant by network evaluations, rising."""
    found = {
        row.nfe: row.metrics[panel.metric]
        for row in results.rows
        if (row.contestant, row.convention) == (contestant, panel.convention)
        and row.skipped is None
        and panel.metric in row.metrics
    }
    return {nfe: found[nfe] for nfe in sorted(found)}


def _draw(axis: Axes, panel: Panel, results: RunResults) -> None:
    info = results.metrics[panel.metric]
    ticks: set[int] = set()
    for contestant, (label, color, marker, up) in SAMPLERS.items():
        points = points_of(results, panel, contestant)
        short = {nfe: one for nfe, one in points.items() if nfe <= LONGEST and one.value}
        values = [one.value or 0.0 for one in short.values()]
        low = [one.value - one.low if one.value and one.low else 0.0 for one in short.values()]
        high = [one.high - one.value if one.value and one.high else 0.0 for one in short.values()]
        axis.errorbar(
            [*short], values, [low, high], color=color, marker=marker, capsize=2, label=label
        )
        if short:
            end = max(short)
            axis.annotate(
                label, (end, values[-1]), (6, up), textcoords="offset points", color=color,
                va="center",
            )  # fmt: skip
        ticks |= {*short}
    _draw_reference(axis, panel, results)
    axis.set_xscale("log")
    axis.set_yscale("log" if panel.logarithmic else "linear")
    axis.set_xticks(sorted(ticks), [str(nfe) for nfe in sorted(ticks)])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.margins(x=0.2)
    axis.set_title(panel.title)
    axis.set_xlabel("network evaluations")
    axis.set_ylabel(f"{unformatted(info.title.replace(' of 1000', ''))} {arrow(info)}")


def _draw_reference(axis: Axes, panel: Panel, results: RunResults) -> None:
    """DDPM's longest row, as a band."""
    for nfe, one in points_of(results, panel, "ddpm").items():
        if nfe > LONGEST and one.value is not None:
            if one.low is not None and one.high is not None:
                axis.axhspan(one.low, one.high, color="#999999", alpha=0.3, linewidth=0)
            axis.axhline(one.value, color="#555555", linestyle="--", linewidth=1)
            axis.annotate(
                f"DDPM, {nfe} steps", (0.02, one.value), (0, 3), color="#555555",
                xycoords=axis.get_yaxis_transform(), textcoords="offset points", fontsize=8,
            )  # fmt: skip
