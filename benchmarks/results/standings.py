"""Which contestant is best at each number of evaluations, from a results document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bddm_ref.files import DamagedFileError
from benchmarks.contestants import CONTESTANTS
from benchmarks.report.page import turned
from benchmarks.report.words import PAGES
from benchmarks.report.words.base import CLAIM_SEEDS
from benchmarks.results.comparisons import turned_verdict
from benchmarks.results.schema import Comparison, Interval, MetricInfo, Results, RowResult

BDDM = "bddm"
LONGEST = 100  # evaluations; longer rows are references
STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
Outcome = Literal["ahead", "level", "behind", "undecided"]


class Against(BaseModel):
    """A contestant held against BDDM, paired, at equally many evaluations."""

    model_config = STRICT

    difference: Interval = Field(description="it minus BDDM")
    outcome: Outcome = Field(
        description="ahead or behind of BDDM by interval and permutation test, by however little; "
        "level: neither, and BDDM is as good by the margin of the experiment"
    )
    firm: bool = Field(description="of enough noise seeds to be more than an indication")


class Place(BaseModel):
    """One contestant at one number of evaluations."""

    model_config = STRICT

    score: Interval
    rank: int = Field(description="among those with as many evaluations, 1 being the best")
    seconds: float | None = Field(description="median for one item; null: not timed")
    stable: bool | None = Field(description="whether that time is; null: not timed")
    bddm: Against | None = Field(description="null: not compared by this metric, or BDDM itself")


class Line(BaseModel):
    """One contestant."""

    model_config = STRICT

    title: str
    places: dict[int, Place] = Field(description="by number of evaluations, rising")


class Standings(BaseModel):
    """One metric in one convention."""

    model_config = STRICT

    convention: str
    metric: str
    info: MetricInfo
    columns: list[int] = Field(description="numbers of evaluations, rising")
    reference: str = Field(description="row that all are held against in the tables of results")
    reference_score: Interval | None
    lines: dict[str, Line] = Field(description="by contestant")

    def column(self, nfe: int) -> dict[str, Place]:
        """Contestants with this number of evaluations."""
        return {name: one.places[nfe] for name, one in self.lines.items() if nfe in one.places}

    def winner(self, nfe: int) -> str:
        """The best at this number of evaluations; of several BDDM, or else the first."""
        entrants = self.column(nfe)
        return min(entrants, key=lambda name: (entrants[name].rank, name != BDDM))

    def without_times(self) -> Standings:
        """The same, as if nothing had been timed."""
        lines = {
            name: line.model_copy(
                update={
                    "places": {
                        nfe: place.model_copy(update={"seconds": None, "stable": None})
                        for nfe, place in line.places.items()
                    }
                }
            )
            for name, line in self.lines.items()
        }
        return self.model_copy(update={"lines": lines})

    def outcomes(self) -> Iterator[tuple[str, int, Outcome]]:
        """Title, number of evaluations and outcome of every contest with BDDM that is firm."""
        for line in self.lines.values():
            for nfe, place in line.places.items():
                if place.bddm is not None and place.bddm.firm:
                    yield line.title, nfe, place.bddm.outcome


def standings(results: Results, convention: str, metric: str) -> Standings:
    """Ranks by the metric's value, among rows of equally many network evaluations."""
    rows = _ranked_rows(results, convention, metric)
    # Also where BDDM has no schedule, which is 0 evaluations: that it loses is of the contest.
    asked = {
        row.nfe or row.steps
        for row in results.rows
        if row.convention == convention and row.contestant == BDDM
    }
    reached = {row.nfe for row in rows}
    columns = sorted(asked & reached or reached)
    info = results.metrics[metric]
    compared = {(c.row, c.against): c for c in results.comparisons if c.metric == metric}
    counts_seeds = not PAGES[results.track].counts_items
    lines: dict[str, Line] = {}
    for nfe in columns:
        entrants = [row for row in rows if row.nfe == nfe]
        ranks = _ranks({row.key: _value(row, metric) or 0.0 for row in entrants}, info)
        mine = next((row.key for row in entrants if row.contestant == BDDM), "")
        for row in entrants:
            place = Place(
                score=row.metrics[metric],
                rank=ranks[row.key],
                seconds=row.time.median_s if row.time else None,
                stable=row.time.stable if row.time else None,
                bddm=_against(compared.get((mine, row.key)), info, counts_seeds),
            )
            line = lines.setdefault(row.contestant, Line(title=_title(row), places={}))
            line.places[nfe] = place
    return Standings(
        convention=convention,
        metric=metric,
        info=info,
        columns=columns,
        reference=results.reference,
        reference_score=_reference_score(results, convention, metric),
        lines=lines,
    )


def joined(parts: Sequence[Standings]) -> Standings:
    """One table of several that have the same metric and different columns.

    The reference is the one of the most steps.

    Raises:
        DamagedFileError: two have a column in common.
    """
    columns = sorted(nfe for part in parts for nfe in part.columns)
    twice = [nfe for nfe, next_one in pairwise(columns) if nfe == next_one]
    if twice:
        raise DamagedFileError(
            f"two results of one track have a column of {twice[0]} evaluations; keep one of them"
        )
    lines: dict[str, Line] = {}
    for part in parts:
        for name, line in part.lines.items():
            places = lines[name].places | line.places if name in lines else line.places
            lines[name] = Line(title=line.title, places=places)
    longest = max(parts, key=lambda part: int(part.reference.rsplit("-", 1)[1]))
    return longest.model_copy(update={"columns": columns, "lines": lines})


def _ranked_rows(results: Results, convention: str, metric: str) -> list[RowResult]:
    return [
        row
        for row in results.rows
        if row.convention == convention and row.nfe <= LONGEST and _value(row, metric) is not None
    ]


def _title(row: RowResult) -> str:
    """Of today, so that a contestant renamed since is one line; a user's own is as it was."""
    known = CONTESTANTS.get(row.contestant)
    return known.title if known else row.title


def _ranks(scores: Mapping[str, float], info: MetricInfo) -> dict[str, int]:
    """Equal scores share the better rank."""
    order = sorted(scores.values(), reverse=info.higher_is_better)
    return {key: 1 + order.index(score) for key, score in scores.items()}


def _against(found: Comparison | None, info: MetricInfo, counts_seeds: bool) -> Against | None:
    """The same comparison as the contestant sees it."""
    if found is None:
        return None
    difference = turned(found.difference)
    outcome: Outcome = "level" if found.verdict == "as good" else "undecided"
    if found.verdict == "better":
        outcome = "behind"
    elif turned_verdict(found, info.higher_is_better) == "better":  # what BDDM needs to be so
        outcome = "ahead"
    firm = not counts_seeds or found.seeds >= CLAIM_SEEDS
    return Against(difference=difference, outcome=outcome, firm=firm)


def _reference_score(results: Results, convention: str, metric: str) -> Interval | None:
    wanted = f"{convention}/{results.reference}"
    return next((row.metrics.get(metric) for row in results.rows if row.key == wanted), None)


def efficient(points: list[tuple[float, float]], higher_is_better: bool) -> set[int]:
    """Indices of the points ``(cost, score)`` that no other point is at least as good as in both.

    Of equal points all are efficient.
    """
    sign = -1 if higher_is_better else 1
    signed = [(cost, sign * score) for cost, score in points]
    return {
        i
        for i, (cost, score) in enumerate(signed)
        if not any(c <= cost and s <= score and (c, s) != (cost, score) for c, s in signed)
    }


def headline(results: Results, convention: str) -> list[str]:
    """The headline metrics by which a convention's rows can be ranked."""
    wanted = results.experiment["headline"]
    return [metric for metric in wanted if _ranked_rows(results, convention, metric)]


def scored_by(row: RowResult) -> set[str]:
    """Metrics that a row has a value of."""
    return {metric for metric, score in row.metrics.items() if score.value is not None}


def _value(row: RowResult, metric: str) -> float | None:
    return row.metrics[metric].value if metric in row.metrics else None
