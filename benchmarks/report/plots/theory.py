"""The plots of the bilateral bound, as SVG that is the same for the same figures.

They show what the authors' plot shows: F_bddm and one KL term of the ELBO over the junction t, with
the common term dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.plots.text import unformatted
from benchmarks.results.theory import (
    OWN,
    PAPERS,
    BoundPoint,
    DataBounds,
    NetworkPoint,
    NetworkTheory,
)

Point = BoundPoint | NetworkPoint
AUTHORS = (0.52, 0.73)  # F_bddm in the authors' plot
FAMILIES = {
    PAPERS: ("inside, β of the step loss", "tab:red"),
    OWN: ("closed form's own steps", "tab:orange"),
}


def plot_bounds(bounds: Sequence[DataBounds], path: Path) -> None:
    """F_bddm over t for each distribution, beside one KL term of the ELBO."""
    figure, axes = _axes(len(bounds))
    for axis, one in zip(axes, bounds, strict=True):
        for family, (label, color) in FAMILIES.items():
            points = [p for p in one.points if p.family == family]
            _draw(axis, points, [p.dropped for p in points], f"F_bddm, {label}", color)
        terms = {p.t: -p.term for p in one.points}
        _finish(axis, unformatted(one.data), terms)
    _save(figure, path)


def plot_networks(found: Sequence[NetworkTheory], path: Path) -> None:
    """F_bddm over t for each convention, beside one KL term of the ELBO."""
    figure, axes = _axes(len(found))
    for axis, one in zip(axes, found, strict=True):
        points = [p for p in one.points if p.family == PAPERS]
        label = "F_bddm, inside, β of the network"
        _draw(axis, points, [p.dropped.value for p in points], label, "tab:red")
        _finish(axis, unformatted(one.convention), {p.t: -p.term.value for p in points})
    _save(figure, path)


def _axes(count: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(4.2 * count, 3.6), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _draw(
    axis: Axes,
    points: Sequence[Point],
    values: Sequence[float],
    label: str,
    color: str,
) -> None:
    junctions = [point.t for point in points]
    places = sorted(zip(junctions, values, strict=True))
    axis.plot([t for t, _ in places], [v for _, v in places], ".-", color=color, label=label)


def _finish(axis: Axes, title: str, terms: dict[int, float]) -> None:
    axis.axhspan(*AUTHORS, color="tab:gray", alpha=0.2, label="F_bddm in the authors' plot")
    places = sorted(terms.items())
    axis.plot(
        [t for t, _ in places],
        [v for _, v in places],
        ".-",
        color="tab:blue",
        label="one KL term of the ELBO",
    )
    axis.axhline(0.0, color="black", linewidth=0.5)
    axis.set(title=title, xlabel="junction t")


def _save(figure: Figure, path: Path) -> None:
    figure.axes[0].set_ylabel("nats per dimension, common term dropped")
    figure.axes[0].legend(fontsize=6)
    with mpl.rc_context({"svg.hashsalt": "bounds", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
