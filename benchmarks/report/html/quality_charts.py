"""Charts of a ranking: quality against network evaluations, and against measured time."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.core.rows import RowKey
from benchmarks.report.html.lines import (
    Band,
    Lines,
    Point,
    Scales,
    Series,
    Style,
    Told,
    faded,
    line_chart,
    styles_of,
    switch_of,
)
from benchmarks.report.html.section import Chart, Charts, Switch
from benchmarks.report.page import arrow, estimate
from benchmarks.results.ledger import PapersFigure
from benchmarks.results.places import efficient
from benchmarks.results.ranking_schema import BDDM, Place, Ranking
from benchmarks.results.verdicts import Interval

MOST_COLOURED = 8  # lines; of more, the efficient ones are picked out
BASELINES = ("ddpm", "ddim")
Cost = Callable[[int, Place], float | None]


@dataclass(frozen=True)
class Shown:
    """Name of the charts, noun of an item, and the papers' figures beside ours."""

    name: str
    item: str
    papers: tuple[PapersFigure, ...] = ()


def charts_of(rankings: Sequence[Ranking], shown: Shown, caption: str) -> Charts:
    """Two charts for each ranking of one convention, with one legend.

    Args:
        rankings: one for each metric.
        shown: their name and words.
        caption: inline Markdown below them.
    """
    titles = {name: line.title for one in rankings for name, line in one.lines.items()}
    picked = _picked(rankings)
    coloured = [name for name in titles if name in picked]
    styles = styles_of(coloured, BDDM)
    others = [name for name in titles if name not in styles]
    groups = {name: i for i, name in enumerate([*coloured, *others])}
    labels = {name: label for name, label in short_labels(titles).items() if name in picked}
    papers = _papers(shown.papers, len(groups), styles)
    charts: list[Chart] = []
    for ranking in rankings:
        drawn = _Drawn(ranking, shown, groups, labels, styles)
        points = [series for metric, series in papers if metric == ranking.metric]
        charts.append(drawn.chart(over_time=False, papers=points))
        if any(
            p.seconds is not None for one in ranking.lines.values() for p in one.places.values()
        ):
            charts.append(drawn.chart(over_time=True, papers=()))
    return Charts(tuple(charts), _switches(titles, groups, styles, papers), caption)


def reference_name(ranking: Ranking) -> str:
    """The reference row in words."""
    key = RowKey.named(ranking.convention, ranking.reference)
    return f"{key.contestant.upper()}, {key.steps} steps"


def _switches(
    titles: Mapping[str, str],
    groups: Mapping[str, int],
    styles: Mapping[str, Style],
    papers: Sequence[tuple[str, Series]],
) -> tuple[Switch, ...]:
    """The legend: a line for each coloured sampler, one for all others, one for each of papers'."""
    own = [switch_of(titles[name], [groups[name]], style) for name, style in styles.items()]
    others = [group for name, group in groups.items() if name not in styles]
    if others:
        own.append(switch_of(f"others: {len(others)}", others, faded(Style())))
    of_papers: dict[str, Switch] = {}
    for _, series in papers:
        of_papers[series.label] = switch_of(series.label, [series.group], series.style)
    return (*own, *of_papers.values())


def _picked(rankings: Sequence[Ranking]) -> set[str]:
    """Samplers with colours: all of few; of many, BDDM, baselines, and those that none beats."""
    names = dict.fromkeys(name for one in rankings for name in one.lines)
    if len(names) <= MOST_COLOURED:
        return set(names)
    first = rankings[0]
    picked = {BDDM, *BASELINES} & set(names)
    for cost in (_evaluations, _milliseconds):
        owners, points = [], []
        for name, line in first.lines.items():
            for nfe, place in line.places.items():
                spent = cost(nfe, place)
                if spent is not None and place.score.value is not None:
                    owners.append(name)
                    points.append((spent, place.score.value))
        picked |= {owners[i] for i in efficient(points, first.info.higher_is_better)}
    return picked


def _evaluations(nfe: int, place: Place) -> float | None:
    return float(nfe)


def _milliseconds(nfe: int, place: Place) -> float | None:
    return None if place.seconds is None else 1000 * place.seconds


def short_labels(titles: Mapping[str, str]) -> dict[str, str]:
    """Labels for the ends of lines: titles up to a comma where these differ, else whole titles."""
    starts = {name: title.partition(",")[0] for name, title in titles.items()}
    seen = Counter(starts.values())
    found = {name: starts[name] if seen[starts[name]] == 1 else titles[name] for name in titles}
    if BDDM in found:
        found[BDDM] = starts[BDDM]
    return {name: textwrap.shorten(text, 60, placeholder="…") for name, text in found.items()}


def _papers(
    figures: Sequence[PapersFigure], first: int, styles: Mapping[str, Style]
) -> list[tuple[str, Series]]:
    """Metric and series of the papers' figures, by sampler and setting."""
    found: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for one in figures:
        if one.beside is None:
            continue
        key = RowKey.parse(one.beside.row)
        by_metric = found.setdefault((key.contestant, one.setting), {})
        by_metric.setdefault(one.beside.metric, {})[key.steps] = float(one.value)
    series = []
    for group, ((contestant, setting), by_metric) in enumerate(found.items(), first):
        look = styles.get(contestant, Style())
        style = replace(look, marker="star", dashes="", width=1.5, hollow=True)
        label = f"the papers' {contestant.upper()}, {setting}"
        for metric, by_steps in by_metric.items():
            points = tuple(Point(steps, value) for steps, value in sorted(by_steps.items()))
            series.append((metric, Series(group, label, points, style)))
    return series


@dataclass(frozen=True)
class _Drawn:
    """One ranking, and the looks of its samplers."""

    ranking: Ranking
    shown: Shown
    groups: Mapping[str, int]
    labels: Mapping[str, str]
    styles: Mapping[str, Style]

    def chart(self, over_time: bool, papers: Sequence[Series]) -> Chart:
        """Quality against evaluations, or against time."""
        ranking = self.ranking
        series = self._series(_milliseconds if over_time else _evaluations)
        ticks = () if over_time else tuple(map(float, self._ticks(papers)))
        kind = "time" if over_time else "evaluations"
        against = f"milliseconds, one {self.shown.item}" if over_time else "network evaluations"
        y = f"{ranking.info.title} {arrow(ranking.info)}"
        told = Told(
            name=f"{self.shown.name}-{ranking.metric}-{kind}",
            title=f"{ranking.info.title}, {ranking.convention}: quality against {against}",
            description=self._times() if over_time else self._best(papers),
        )
        return line_chart(
            Lines(
                told=told,
                scales=Scales(against, y, True, not ranking.info.higher_is_better, ticks),
                series=(*series, *papers),
                bands=self._bands(),
                scaled_to=frozenset(
                    {self.groups[name] for name in self.styles} | {one.group for one in papers}
                ),
            )
        )

    def _series(self, cost: Cost) -> list[Series]:
        found = []
        for name in sorted(self.ranking.lines, key=lambda name: name in self.styles):
            points = [
                Point(spent, p.score.value, p.score.low, p.score.high, p.stable is False)
                for nfe, p in self.ranking.lines[name].places.items()
                if (spent := cost(nfe, p)) is not None and p.score.value is not None
            ]
            if not points:
                continue
            points.sort(key=lambda point: point.x)
            if cost is _evaluations:
                points = [replace(point, hollow=False) for point in points]
            style = self.styles.get(name)
            if style is None:
                points = [Point(point.x, point.y) for point in points]
            label = self.labels.get(name, "")
            group = self.groups[name]
            found.append(Series(group, label, tuple(points), style or faded(Style())))
        return found

    def _ticks(self, papers: Sequence[Series]) -> list[float]:
        return sorted({*self.ranking.columns, *(p.x for one in papers for p in one.points)})

    def _bands(self) -> tuple[Band, ...]:
        """The reference row, where it has as many items as the others."""
        score = self.reference
        if score is None or score.value is None:
            return ()
        return (Band(reference_name(self.ranking), score.value, score.low, score.high),)

    @property
    def reference(self) -> Interval | None:
        """Score of the reference row, where it is over as many items as all others."""
        score = self.ranking.reference_score
        counts = {p.score.n for line in self.ranking.lines.values() for p in line.places.values()}
        sets = self.shown.item != "clip"
        return None if score is None or (sets and counts != {score.n}) else score

    def _best(self, papers: Sequence[Series]) -> str:
        """The finding: who is best at each number of evaluations, and where BDDM is."""
        ranking, digits = self.ranking, self.ranking.info.digits
        parts = []
        for nfe in ranking.columns:
            column, best = ranking.column(nfe), ranking.winner(nfe)
            told = f"{ranking.lines[best].title} {estimate(column[best].score, digits)}"
            if best != BDDM and BDDM in column:
                told += f" (BDDM {estimate(column[BDDM].score, digits)}, number {column[BDDM].rank}"
                told += f" of {len(column)})"
            parts.append(f"{nfe} evaluations: {told}")
        text = f"Best at {'; '.join(parts)}."
        if self.reference is not None:
            text += f" {ranking.reference} has {estimate(self.reference, digits)}."
        for one in papers:
            values = ", ".join(f"{point.y:g} with {point.x:g} steps" for point in one.points)
            text += f" {one.label}: {values}."
        return text

    def _times(self) -> str:
        """The finding: times from the shortest to the longest, and BDDM's scores by time."""
        ranking = self.ranking
        places = [p for line in ranking.lines.values() for p in line.places.values()]
        seconds = [p.seconds for p in places if p.seconds is not None]
        text = (
            f"Times of one {self.shown.item} run from {1000 * min(seconds):.3g} to "
            f"{1000 * max(seconds):.3g} ms."
        )
        mine = ranking.lines.get(BDDM)
        scores = [
            f"{estimate(p.score, ranking.info.digits)} in {1000 * p.seconds:.3g} ms"
            for p in (mine.places.values() if mine is not None else ())
            if p.seconds is not None
        ]
        return f"{text} BDDM has {'; '.join(scores)}." if scores else text
