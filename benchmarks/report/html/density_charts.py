"""Small charts of samples against the exact density of a known distribution, in 1-D or 2-D."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from benchmarks.report.html.charts import INK, STYLE, svg_of
from benchmarks.results.points import Density

BINS = 40
LEVELS = (0.05, 0.25, 0.5, 0.75)  # contours, as shares of the highest density
COLOUR = "#2f8fd0"  # seen on white and on black
PEAK = 1.6  # height of the axis, of the highest density
_NUMBER = re.compile(r"(\d+\.\d)\d+")
_PATH = re.compile(r' d="[^"]*"')

Points = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        name: a word that no other chart of the page has.
        title: the sampler and its steps.
        description: a sentence for those who cannot see the chart.
        points: samples, or draws from the distribution: a list of one or two coordinates each.
    """

    name: str
    title: str
    description: str
    points: Points


def panel_svg(panel: Panel, density: Density) -> Markup:
    """Draw samples over the exact density; all panels of a density have the same axes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3, 2.4))
        axis = figure.add_axes((0.1, 0.12, 0.88, 0.85))  # equal places, which no layout computes
        if len(density.axes) == 1:
            _draw_line(axis, panel.points, density)
        else:
            _draw_plane(axis, panel.points, density)
        axis.tick_params(labelsize=9)
        drawn = svg_of(figure, panel.name, panel.title, panel.description)
    # A tenth of a point is less than a pixel, and a third of the bytes.
    return Markup(_PATH.sub(lambda found: _NUMBER.sub(r"\1", found[0]), drawn))


def outside(points: Points, density: Density) -> int:
    """Number of points beyond the axes of a density's charts."""
    return sum(
        not all(axis.low <= x <= axis.high for axis, x in zip(density.axes, point, strict=True))
        for point in points
    )


def _draw_line(axis: Axes, points: Points, density: Density) -> None:
    """A histogram, and the density as a line."""
    along = density.axes[0]
    edges = np.linspace(along.low, along.high, BINS + 1)
    found, _ = np.histogram([point[0] for point in points], edges)
    heights = found / max(len(points), 1) / (edges[1] - edges[0])
    axis.stairs(heights, edges, fill=True, color=COLOUR, alpha=0.7)
    axis.plot(along.values, density.values, color=INK, linewidth=1.5)
    axis.set(xlim=(along.low, along.high), ylim=(0, PEAK * max(density.values)), yticks=[])


def _draw_plane(axis: Axes, points: Points, density: Density) -> None:
    """Dots, and the density as contours."""
    first, second = density.axes
    dots = [(x, y) for x, y in points if outside([(x, y)], density) == 0]
    # One path of lines without length: a round dot each, in a few bytes.
    corners = np.repeat(np.array(dots).reshape(-1, 2), 2, axis=0)
    codes = [Path.MOVETO, Path.LINETO] * len(dots)
    if dots:
        path = Path(corners, codes)
        path.should_simplify = False  # which would drop lines without length
        axis.add_patch(PathPatch(path, edgecolor=COLOUR, fill=False, linewidth=3, capstyle="round"))
    values = np.array(density.values).reshape(first.count, second.count).T
    levels = [share * values.max() for share in LEVELS]
    axis.contour(first.values, second.values, values, levels, colors=INK, linewidths=0.8)
    axis.set(xlim=(first.low, first.high), ylim=(second.low, second.high), aspect="equal")
