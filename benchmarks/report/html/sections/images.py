"""Grids of images to look at: samplers and numbers of steps, from the same noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from benchmarks.report.html.section import Media, Part, Section
from benchmarks.report.html.sections.smoke import smoke_note
from benchmarks.report.html.templates import data_uri, embedded_size, rendered
from benchmarks.report.inline import plain
from benchmarks.report.page import Prose, estimate, named
from benchmarks.results.examples import Denoising, Examples, Grid, examples_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.schema import RunResults

ROOM = 2_000_000  # bytes of the page for grids
OTHERS = 2  # of a page that is too large: these grids stay as long as the third player
LEAD = (
    "Equal places of all grids began with the same noise. Distances have 95 % intervals. Each is "
    "of the row's own number of images, unless its name has a number."
)


@dataclass(frozen=True)
class Picture:
    """A grid of images.

    Attributes:
        title: a few words below it.
        alternative: a description for those who cannot see it.
        file: the picture.
        scores: lines below the title.
    """

    title: str
    alternative: str
    file: Path
    scores: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The picture as an address."""
        return data_uri(self.file)


@dataclass(frozen=True)
class Pictures:
    """Grids that stand side by side: ``grids`` are large, ``small`` ones fit into a row."""

    title: str
    pictures: tuple[Picture, ...]
    kind: Literal["grids", "small"] = "grids"

    @property
    def size(self) -> int:
        """Bytes on the page."""
        return sum(embedded_size(one.file) for one in self.pictures)


def images_section(results: ResultsFolder) -> Section | None:
    """Grids of samples beside test images; None where no run of images kept any."""
    try:
        document, run = results.run_to_show("images")
    except MissingResultError:
        return None
    examples = examples_of(document, run)
    if not examples.grids:
        return None
    parts: list[Part] = []
    room, left_out = ROOM, list[str]()
    for number, convention in enumerate(run.convention_names(), 1):
        fixed, chosen = list(_fixed(run, examples, convention)), _others(run, examples, convention)
        shown = []
        for one in (*fixed, *chosen):
            if one.size <= room:
                room -= one.size
                shown.append(one)
            else:
                left_out.append(f"{plain(one.title)} ({plain(convention)})")
        rest = [one for one in shown if one in chosen]
        fixed = [one for one in shown if one in fixed]
        parts.append(Media(rendered("images.html.j2", name="", fixed=fixed, chosen=[])))
        html = rendered("images.html.j2", name=f"images-{number}", fixed=[], chosen=rest)
        parts.append(Media(html, "grids of other samplers", spare=OTHERS))
    if left_out:
        told = f"The page has room for {ROOM / 1e6:g} MB of grids. Left out: {', '.join(left_out)}."
        parts.insert(0, Prose(told))
    command = f"python -m benchmarks run {run.experiment_name or 'images-cpu-full'}"
    return Section("look", "Look at images", (*smoke_note(run), Prose(LEAD), *parts), (command,))


def _fixed(run: RunResults, examples: Examples, convention: str) -> Iterator[Pictures]:
    """Yield what is always seen: the goal, BDDM's samples, and how BDDM denoises."""
    where = f" ({convention})" if len(run.convention_names()) > 1 else ""
    goal = []
    if examples.test_images is not None:
        about = "Grid of test images"
        goal.append(
            Picture("Test images, which samples are compared with", about, examples.test_images)
        )
    samples = _samples(run, examples, convention)
    reference = next(
        (grid for grid in examples.grids if _is_reference(run, grid, convention)), None
    )
    if reference is not None:
        goal.append(_picture(run, reference))
    if goal:
        yield Pictures(f"The goal{where}", tuple(goal))
    if samples:
        yield replace(samples[0], title=f"{samples[0].title}{where}")
    for one in examples.denoising:
        if one.row.convention == convention:
            yield _sequence(run, one, where)


def _others(run: RunResults, examples: Examples, convention: str) -> list[Pictures]:
    """The samples of all samplers but the first."""
    return _samples(run, examples, convention)[1:]


def _samples(run: RunResults, examples: Examples, convention: str) -> list[Pictures]:
    """The samples of each sampler, the papers' method first; the reference row is elsewhere."""
    mine = [
        grid
        for grid in examples.grids
        if grid.row.convention == convention and not _is_reference(run, grid, convention)
    ]
    order = list(dict.fromkeys(row.contestant for row in run.rows))
    mine.sort(key=lambda grid: (order.index(grid.row.contestant), grid.row.steps))
    found = [
        Pictures(run.titles[contestant], tuple(_picture(run, grid) for grid in group))
        for contestant, group in groupby(mine, key=lambda grid: grid.row.contestant)
    ]
    return sorted(found, key=lambda one: one.title != run.titles.get("bddm"))


def _is_reference(run: RunResults, grid: Grid, convention: str) -> bool:
    return grid.row.convention == convention and grid.row.name == run.reference


def _picture(run: RunResults, grid: Grid) -> Picture:
    """A grid with its row's distances."""
    row = run.by_key[grid.row]
    title = f"{run.titles[row.contestant]}, {row.steps} steps"
    scores = [
        f"{named(run.metrics[name])} {estimate(row.metrics.get(name), run.metrics[name].digits)}"
        for name in run.settings.headline
        if name in run.metrics
    ]
    return Picture(title, f"Grid of samples of {title}", grid.path, tuple(scores))


def _sequence(run: RunResults, watched: Denoising, where: str) -> Pictures:
    """The clean estimates of every evaluation."""
    title = f"{run.titles[watched.row.contestant]}, {watched.row.steps} steps"
    count = len(watched.estimates)
    pictures = [
        Picture(
            f"After {one.after}" + ("" if one.level is None else f" (α = {one.level:.3f})"),
            f"Clean estimates after {one.after} of {count} evaluations",
            one.path,
        )
        for one in watched.estimates
    ]
    heading = f"Watch it denoise: {title}{where}, the clean estimate after each evaluation"
    return Pictures(heading, tuple(pictures), "small")
