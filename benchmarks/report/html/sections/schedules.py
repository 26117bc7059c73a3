"""Searched schedules beside evenly spaced and released ones, and the learned ratio."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from benchmarks.report.html.commands import run_commands
from benchmarks.report.html.lead import NOUNS, main_convention
from benchmarks.report.html.lines import (
    NARROW,
    NARROWEST,
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
from benchmarks.report.html.section import Chart, Charts, Details, Part, Section, Switch
from benchmarks.report.inline import plain
from benchmarks.report.page import Heading, Prose
from benchmarks.report.pages.schedules import schedule_blocks
from benchmarks.report.words import WORDS
from benchmarks.results.ranking_schema import BDDM
from benchmarks.results.schema import RunResults
from benchmarks.results.whole import WholeFolder

LENGTHS = (3, 7, 12, 16)  # steps of the shown schedules
EVEN = "ddpm"  # contestant whose steps are evenly spaced
RELEASED_OF = "LJSpeech"  # released schedules of this data stand beside speech at raw amplitude
SEARCHED, REPEATS, SPACED, AUTHORS = range(4)  # groups of the charts
STYLES = (
    Style(COLORS[0], "circle", width=2.2),
    Style(COLORS[0], width=0.7),
    Style(COLORS[1], "square", "--"),
    Style(COLORS[2], "diamond", ":"),
)
NAMES = (
    "BDDM, searched",
    "BDDM, other repeats of training and search",
    "DDPM, evenly spaced",
    "the authors', released",
)
INTRODUCTION = (
    "A schedule is a list of noise variances β̂ₙ; n = 1 is the step nearest the data. The log "
    "signal-to-noise ratio after n steps of noise is log(ᾱₙ² / (1 − ᾱₙ²)), with ᾱₙ² the product of "
    "1 − β̂ up to n."
)


@dataclass(frozen=True)
class Schedule:
    """One schedule in a chart: its group, and its betas with the data side first."""

    group: int
    betas: Sequence[float]


def schedules_section(results: WholeFolder) -> Section | None:
    """Charts of every track's searched schedules; None where no schedule was searched."""
    parts: list[Part] = []
    for track, run in results.runs().items():
        mine = list(_run_parts(run))
        if mine:
            parts += [Heading(NOUNS.get(track, plain(track)), 3), *mine]
    if not parts:
        return None
    commands = run_commands(results.runs().values())
    parts = [Prose(INTRODUCTION), *parts, *_released_parts()]
    return Section("schedules", "Searched schedules", tuple(parts), commands)


def released() -> tuple[str, dict[str, list[float]]]:
    """The origin of the authors' released schedules, and the betas of each by its name."""
    text = files("benchmarks.data").joinpath("released-schedules.json").read_text()
    content = json.loads(text)
    return content["origin"], {name: one["beta"] for name, one in content["schedules"].items()}


def log_snr(betas: Sequence[float]) -> list[float]:
    """Log signal-to-noise ratio after each step of noise, the data side first."""
    found, kept = [], 1.0
    for beta in betas:
        kept *= 1 - beta
        found.append(math.log(kept / (1 - kept)))
    return found


def _run_parts(run: RunResults) -> Iterator[Part]:
    names, main = run.convention_names(), main_convention(run)
    for name in sorted(names, key=lambda one: one != main):
        found = {steps: some for steps in _lengths(run, name) if (some := _shown(run, name, steps))}
        if not found:
            continue
        size = NARROW if len(found) < 4 else NARROWEST
        charts = [
            _chart(f"schedules-{run.track}-{name}-{steps}", some, by_snr, size)
            for by_snr in (False, True)
            for steps, some in found.items()
        ]
        groups = sorted({one.group for some in found.values() for one in some})
        drawn = Charts(tuple(charts), _legend(groups), columns=len(found))
        rows = [row for row in run.rows if row.convention == name]
        told = schedule_blocks(run, rows)
        inner: list[Part] = [drawn]
        if told:
            inner.append(Details("Starts and ends of the searches' passes", tuple(told)))
        head = WORDS[run.track].convention_head(run, run.convention(name))
        if name == main:
            yield from [Heading(head, 4), *inner]
        else:
            yield Details(head, tuple(inner))


def _lengths(run: RunResults, convention: str) -> list[int]:
    """The usual lengths that BDDM has a schedule of, or else its three shortest ones."""
    mine = sorted(
        row.steps
        for row in run.rows
        if (row.convention, row.contestant) == (convention, BDDM) and row.betas
    )
    usual = [steps for steps in LENGTHS if steps in mine]
    return usual or mine[:3]


def _shown(run: RunResults, convention: str, steps: int) -> list[Schedule]:
    rows = {
        row.contestant: row
        for row in run.rows
        if (row.convention, row.steps) == (convention, steps)
    }
    found = []
    if EVEN in rows and rows[EVEN].betas:
        found.append(Schedule(SPACED, rows[EVEN].betas or []))
    if run.track == "speech" and run.convention(convention).amplitude == 1:
        known = released()[1]
        betas = known.get(f"{RELEASED_OF} {steps} steps")
        found += [Schedule(AUTHORS, betas)] if betas else []
    mine = rows[BDDM]
    others = [one.betas for one in mine.schedules or [] if list(one.betas) != mine.betas]
    found += [Schedule(REPEATS, betas) for betas in others]
    return [*found, Schedule(SEARCHED, mine.betas or [])]


def _chart(name: str, shown: Sequence[Schedule], by_snr: bool, size: tuple[int, int]) -> Chart:
    steps = len(shown[-1].betas)

    def values(one: Schedule) -> list[float]:
        return log_snr(one.betas) if by_snr else list(one.betas)

    series = [
        Series(
            one.group,
            "",
            tuple(Point(n, value) for n, value in enumerate(values(one), 1)),
            STYLES[one.group],
        )
        for one in shown
    ]
    what = "log-SNR" if by_snr else "β̂"
    told = Told(
        name=f"{name}-{'snr' if by_snr else 'beta'}",
        title=f"{'Log-SNR' if by_snr else 'Noise variances'} of schedules of {steps} steps over n",
        description="; ".join(
            f"{NAMES[one.group]}: from {values(one)[0]:.3g} at n = 1 to {values(one)[-1]:.3g} at "
            f"n = {len(one.betas)}"
            for one in shown
            if one.group != REPEATS
        )
        + ".",
    )
    return line_chart(
        Lines(
            told,
            Scales("n", what, y_log=not by_snr, ticks=_ticks(steps)),
            tuple(series),
            size=size,
            head=f"{steps} steps",
        )
    )


def _ticks(steps: int) -> tuple[float, ...]:
    """About eight numbers of steps, from 1 on."""
    return tuple(float(n) for n in range(1, steps + 1, max(steps // 7, 1)))


def _legend(groups: Sequence[int]) -> tuple[Switch, ...]:
    return tuple(switch_of(NAMES[group], [group], STYLES[group]) for group in groups)


def _released_parts() -> Iterator[Part]:
    """The authors' released schedules."""
    origin, known = released()
    styles = [Style(COLORS[i], marker) for i, marker in enumerate(("circle", "square", "diamond"))]
    charts = []
    for by_snr in (False, True):
        series = tuple(
            Series(
                i,
                name,
                tuple(
                    Point(n, value)
                    for n, value in enumerate(log_snr(betas) if by_snr else betas, 1)
                ),
                styles[i % len(styles)],
            )
            for i, (name, betas) in enumerate(known.items())
        )
        told = Told(
            f"schedules-released-{'snr' if by_snr else 'beta'}",
            f"{'Log-SNR' if by_snr else 'Noise variances'} of the authors' released schedules",
            "; ".join(
                f"{one.label}: from {one.points[0].y:.3g} to {one.points[-1].y:.3g}"
                for one in series
            )
            + ".",
        )
        longest = max(map(len, known.values()))
        what = "log-SNR" if by_snr else "β̂"
        scales = Scales("n", what, y_log=not by_snr, ticks=_ticks(longest))
        charts.append(line_chart(Lines(told, scales, series)))
    legend = tuple(switch_of(name, [i], styles[i % len(styles)]) for i, name in enumerate(known))
    yield Heading("Released by the authors", 3)
    yield Charts(tuple(charts), legend, plain(f"{origin[:1].upper()}{origin[1:]}."))
