"""Which contestant is best at each number of evaluations, from a results document alone."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.report.schema import Comparison, Interval, Results, RowResult

BDDM = "bddm"
LONGEST = 100  # evaluations; longer rows are references


@dataclass(frozen=True)
class Place:
    """One contestant at one number of evaluations.

    Attributes:
        row: of the results.
        score: with its interval.
        rank: among the contestants with as many evaluations, 1 being the best.
        bddm: BDDM minus it, where the two were compared.
    """

    row: RowResult
    score: Interval
    rank: int
    bddm: Comparison | None


@dataclass(frozen=True)
class Standings:
    """One metric in one convention.

    Attributes:
        metric: key of the results' metrics.
        columns: numbers of evaluations, rising.
        places: contestant to number of evaluations to its place.
    """

    metric: str
    columns: list[int]
    places: dict[str, dict[int, Place]]

    def winner(self, nfe: int) -> Place:
        """The best at this number of evaluations."""
        return min(
            (mine[nfe] for mine in self.places.values() if nfe in mine), key=lambda one: one.rank
        )

    def entrants(self, nfe: int) -> int:
        """How many have this number of evaluations."""
        return sum(nfe in mine for mine in self.places.values())


def standings(results: Results, convention: str, metric: str) -> Standings:
    """Ranks by the metric's value, among rows of equally many network evaluations."""
    rows = [
        row
        for row in results.rows
        if row.convention == convention and row.nfe <= LONGEST and _value(row, metric) is not None
    ]
    columns = sorted({row.nfe for row in rows if row.contestant == BDDM} or {r.nfe for r in rows})
    sign = -1 if results.metrics[metric].higher_is_better else 1
    compared = {
        (c.row, c.against): c
        for c in results.comparisons
        if c.metric == metric and c.row.startswith(f"{convention}/{BDDM}-")
    }
    places: dict[str, dict[int, Place]] = {}
    for nfe in columns:
        entrants = [row for row in rows if row.nfe == nfe]
        values = sorted(sign * (_value(row, metric) or 0.0) for row in entrants)
        for row in entrants:
            rank = 1 + values.index(sign * (_value(row, metric) or 0.0))
            mine = compared.get((f"{convention}/{BDDM}-{nfe}", row.key))
            place = Place(row, row.metrics[metric], rank, mine)
            places.setdefault(row.contestant, {})[nfe] = place
    return Standings(metric, columns, places)


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
    """The headline metrics that a convention's rows have."""
    return [
        metric
        for metric in results.experiment["headline"]
        if any(r.convention == convention and _value(r, metric) is not None for r in results.rows)
    ]


def _value(row: RowResult, metric: str) -> float | None:
    return row.metrics[metric].value if metric in row.metrics else None
