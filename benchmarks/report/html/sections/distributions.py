"""Samples of known distributions, drawn over the exact density."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from benchmarks.report.html.density_charts import Panel, outside, panel_svg
from benchmarks.report.html.section import Media, Part, Section
from benchmarks.report.html.sections.smoke import smoke_note
from benchmarks.report.html.templates import rendered
from benchmarks.report.inline import code
from benchmarks.report.page import Heading, Prose, estimate, named
from benchmarks.results.examples import examples_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.points import ConventionPoints
from benchmarks.results.schema import RunResults

DRAWN = 2  # dimensions of the distributions that are drawn
LEAD = (
    "The exact density of these distributions is known: it is the dark line. Bars and dots are "
    "samples. All charts of a distribution have the same axes."
)
METRICS = ("kl", "energy")


@dataclass(frozen=True)
class Drawn:
    """A chart with the lines below it."""

    title: str
    svg: Markup
    lines: tuple[str, ...]


def distributions_section(results: ResultsFolder) -> Section | None:
    """Charts of samples; None where no run of known distributions kept points to draw."""
    try:
        document, run = results.run_to_show("analytic")
    except MissingResultError:
        return None
    examples = examples_of(document, run)
    found = [examples.points_of(convention) for convention in examples.points]
    parts: list[Part] = [*smoke_note(run), Prose(LEAD)]
    left_out = []
    for number, points in enumerate(found, 1):
        if points is None or points.dimensions > DRAWN:
            left_out += [] if points is None else [code(points.convention)]
            continue
        html = rendered("distributions.html.j2", panels=list(_panels(run, points, number)))
        noun = "one dimension" if points.dimensions == 1 else f"{points.dimensions} dimensions"
        parts += [Heading(f"{code(points.convention)}, {noun}", 3), Media(html)]
    if not any(isinstance(part, Media) for part in parts):
        return None
    if left_out:
        parts.append(Prose(f"Not drawn, with more dimensions: {', '.join(left_out)}."))
    command = f"python -m benchmarks run {run.experiment_name or 'analytic'}"
    return Section("distributions", "Known distributions", tuple(parts), (command,))


def _panels(run: RunResults, points: ConventionPoints, number: int) -> Iterator[Drawn]:
    """Yield the distribution itself, then each row."""
    name = code(points.convention)
    about = f"{len(points.data)} draws from {name}, and its exact density."
    data = Panel(f"points-{number}-data", "Draws from the data", about, points.data)
    yield Drawn(data.title, panel_svg(data, points.density), (f"{len(points.data)} points",))
    for place, one in enumerate(points.rows, 1):
        row = next(row for row in run.rows if row.key == one.key)
        title = f"{run.titles[row.contestant]}, {row.steps} steps"
        lines = [
            f"{named(run.metrics[metric])} "
            f"{estimate(row.metrics[metric], run.metrics[metric].digits)}"
            for metric in METRICS
            if metric in run.metrics and row.value(metric) is not None
        ]
        beyond = outside(one.points, points.density)
        if beyond:
            lines.append(f"{beyond} of {len(one.points)} points lie outside the chart")
        told = f"{len(one.points)} samples over the exact density. {'; '.join(lines)}."
        panel = Panel(f"points-{number}-{place}", title, told, one.points)
        yield Drawn(title, panel_svg(panel, points.density), tuple(lines))
