"""Samples of known distributions, drawn over the exact density."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from benchmarks.report.html.density_charts import Panel, outside, panel_svg
from benchmarks.report.html.section import Media, Part, Section
from benchmarks.report.html.sections.smoke import smoke_note
from benchmarks.report.html.templates import rendered
from benchmarks.report.inline import code
from benchmarks.report.page import Heading, Prose, estimate, named
from benchmarks.results.examples import examples_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.points import ConventionPoints, RowPoints
from benchmarks.results.schema import RunResults

LEAD = (
    "The exact density of these distributions is known: it is the thin line. Bars and dots are "
    "samples. All charts of a distribution have the same axes."
)
METRICS = ("kl", "energy")
DIMENSIONS = {1: "one dimension", 2: "two dimensions"}


@dataclass(frozen=True)
class Drawn:
    """A chart with the lines below it."""

    title: str
    svg: Markup
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The charts of one sampler."""

    title: str
    panels: tuple[Drawn, ...]


def distributions_section(results: ResultsFolder) -> Section | None:
    """Charts of samples; None where no run of known distributions kept points to draw."""
    try:
        document, run = results.run_to_show("analytic")
    except MissingResultError:
        return None
    examples = examples_of(document, run)
    charts: list[Part] = []
    left_out = []
    for number, convention in enumerate(examples.points, 1):
        points = examples.points_of(convention)
        if points is None or points.dimensions not in DIMENSIONS:
            left_out.append(code(convention))
            continue
        html = rendered("distributions.html.j2", groups=list(_groups(run, points, number)))
        title = f"{code(convention)}, {DIMENSIONS[points.dimensions]}"
        charts += [Heading(title, 3), Media(html)]
    if not charts:
        return None
    if left_out:
        charts.append(Prose(f"Not drawn, with more dimensions: {', '.join(left_out)}."))
    command = f"python -m benchmarks run {run.experiment_name or 'analytic'}"
    parts = (*smoke_note(run), Prose(LEAD), *charts)
    return Section("distributions", "Samples of known distributions", parts, (command,))


def _groups(run: RunResults, points: ConventionPoints, number: int) -> Iterator[Group]:
    """Yield the distribution itself, then each sampler."""
    name, density = points.convention, points.density
    about = f"{len(points.data)} draws from {name}, and its exact density."
    data = Panel(f"points-{number}-data", "Draws from the distribution", about, points.data)
    told = (f"{len(points.data)} points",)
    yield Group("The distribution", (Drawn(data.title, panel_svg(data, density), told),))
    rows = {one.key: one for one in run.rows}
    places = [(place, one, rows[one.key]) for place, one in enumerate(points.rows, 1)]
    order = list(dict.fromkeys(row.contestant for row in run.rows))
    places.sort(key=lambda one: (order.index(one[2].contestant), one[2].steps))
    for contestant, group in groupby(places, key=lambda one: one[2].contestant):
        panels = []
        for place, one, row in group:
            lines = tuple(_lines(run, points, one))
            about = f"{len(one.points)} samples, and the exact density. {'; '.join(lines)}."
            title = f"{run.titles[contestant]}, {row.steps} steps"
            panel = Panel(f"points-{number}-{place}", title, about, one.points)
            panels.append(Drawn(f"{row.steps} steps", panel_svg(panel, density), lines))
        yield Group(run.titles[contestant], tuple(panels))


def _lines(run: RunResults, points: ConventionPoints, one: RowPoints) -> Iterator[str]:
    """Yield the distances of a row, and how many of its points the chart cannot show."""
    row = next(row for row in run.rows if row.key == one.key)
    for name in METRICS:
        if name in run.metrics and row.value(name) is not None:
            info = run.metrics[name]
            yield f"{named(info)} {estimate(row.metrics[name], info.digits)}"
    if beyond := outside(one.points, points.density):
        yield f"{beyond} of {len(one.points)} points lie outside the chart"
