"""The plots of the bounds, as SVG that is the same for the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report.plots.text import unformatted
from benchmarks.results.theory import OWN, SPACED, DataBounds, NetworkTheory

SHOWN = 16  # steps of the spaced short process that is drawn


def plot_bounds(bounds: Sequence[DataBounds], path: Path) -> None:
    """F_bddm over t for each distribution, both variances, beside the ELBO and log p."""
    figure = Figure(figsize=(4.2 * len(bounds), 3.6), layout="constrained")
    axes = figure.subplots(1, len(bounds), squeeze=False)[0]
    for axis, one in zip(axes, bounds, strict=True):
        axis.axhline(one.log_p, color="black", label="log p")
        axis.axhline(one.elbo_fitted, color="tab:blue", linestyle="--", label="F_elbo, fitted")
        for family, steps, color in ((OWN, None, "tab:red"), (SPACED, SHOWN, "tab:orange")):
            points = [p for p in one.points if p.family == family and steps in (None, p.n)]
            label = "own steps" if steps is None else f"{steps} steps"
            fitted = [p.f_bddm_fitted for p in points]
            plain = [p.f_bddm for p in points]
            for values, variance, style in ((fitted, "fitted", ".-"), (plain, "β₁", ":")):
                axis.plot(
                    [p.t for p in points],
                    values,
                    style,
                    color=color,
                    label=f"F_bddm, {variance}, {label}",
                )
        axis.set(title=unformatted(one.data), xlabel="junction t", xscale="log")
        axis.set_yscale("symlog", linthresh=1.0)
    axes[0].set_ylabel("nats per dimension")
    _save(figure, path)


def plot_networks(found: Sequence[NetworkTheory], path: Path) -> None:
    """F_bddm with the fitted variance over t, for each convention and n, beside the ELBO."""
    figure = Figure(figsize=(4.2 * len(found), 3.6), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    for axis, one in zip(axes, found, strict=True):
        axis.axhline(one.elbo_fitted.value, color="tab:blue", linestyle="--", label="F_elbo")
        for n in sorted({point.n for point in one.points}):
            points = [point for point in one.points if point.n == n]
            values = [point.f_bddm_fitted for point in points]
            ends = [[v.value - v.low for v in values], [v.high - v.value for v in values]]
            places = [point.t for point in points]
            means = [v.value for v in values]
            axis.errorbar(places, means, ends, marker=".", label=f"F_bddm, {n} steps")
        axis.set(title=unformatted(one.convention), xlabel="junction t", xscale="log")
    axes[0].set_ylabel("nats per dimension, fitted variances")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.axes[0].legend(fontsize=6)
    with mpl.rc_context({"svg.hashsalt": "bounds", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
