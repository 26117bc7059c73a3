"""Places of contestants at each number of evaluations, from the document of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from bddm_ref.files import DamagedFileError
from benchmarks.core.rows import RowKey
from benchmarks.results.ranking_schema import (
    BDDM,
    ENOUGH_SEEDS,
    Against,
    Line,
    Place,
    Ranking,
)
from benchmarks.results.schema import Comparison, RowResult, RunResults
from benchmarks.results.verdicts import Interval, MetricInfo

LONGEST = 100  # evaluations; longer rows are references


def ranked(results: RunResults, convention: str, metric: str) -> Ranking:
    """Ranks by the metric's value, among rows of equally many network evaluations."""
    rows = _ranked_rows(results, convention, metric)
    # Keep columns where BDDM's search found nothing (0 evaluations): failing there is a result.
    asked = {
        row.nfe or row.steps
        for row in results.rows
        if row.convention == convention and row.contestant == BDDM
    }
    reached = {row.nfe for row in rows}
    columns = sorted(asked & reached or reached)
    info = results.metrics[metric]
    compared = {(c.row, c.against): c for c in results.comparisons if c.metric == metric}
    lines: dict[str, Line] = {}
    for nfe in columns:
        entrants = [row for row in rows if row.nfe == nfe]
        ranks = _ranks({row.key: row.value(metric) or 0.0 for row in entrants}, info)
        mine = next((row.key for row in entrants if row.contestant == BDDM), "")
        for row in entrants:
            place = Place(
                score=row.metrics[metric],
                rank=ranks[row.key],
                seconds=row.time.median_s if row.time else None,
                stable=row.time.stable if row.time else None,
                against=_against(compared.get((mine, row.key)), info),
            )
            line = lines.setdefault(
                row.contestant, Line(title=results.titles[row.contestant], places={})
            )
            line.places[nfe] = place
    return Ranking(
        convention=convention,
        metric=metric,
        info=info,
        columns=columns,
        reference=results.reference,
        reference_score=_reference_score(results, convention, metric),
        lines=lines,
    )


def joined(parts: Sequence[Ranking]) -> Ranking:
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
    longest = max(parts, key=lambda part: RowKey.named(part.convention, part.reference).steps)
    return longest.model_copy(update={"columns": columns, "lines": lines})


def _ranked_rows(results: RunResults, convention: str, metric: str) -> list[RowResult]:
    return [
        row
        for row in results.rows
        if row.convention == convention and row.nfe <= LONGEST and row.value(metric) is not None
    ]


def _ranks(scores: Mapping[str, float], info: MetricInfo) -> dict[str, int]:
    """Equal scores share the better rank."""
    order = sorted(scores.values(), reverse=info.higher_is_better)
    return {key: 1 + order.index(score) for key, score in scores.items()}


def _against(found: Comparison | None, info: MetricInfo) -> Against | None:
    """BDDM's comparison with a contestant, from both sides."""
    if found is None:
        return None
    turned = found.turned(info.higher_is_better)
    firm = found.items is not None or found.seeds >= ENOUGH_SEEDS
    return Against(
        difference=turned.difference,
        bddm=found.verdict,
        contestant=turned.verdict,
        firm=firm,
    )


def _reference_score(results: RunResults, convention: str, metric: str) -> Interval | None:
    row = results.by_key.get(RowKey.named(convention, results.reference))
    return None if row is None else row.metrics.get(metric)


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


def headline(results: RunResults, convention: str) -> list[str]:
    """The headline metrics by which a convention's rows can be ranked."""
    wanted = results.settings.headline
    return [metric for metric in wanted if _ranked_rows(results, convention, metric)]


def scored_by(row: RowResult) -> set[str]:
    """Metrics that a row has a value of."""
    return {metric for metric, score in row.metrics.items() if score.value is not None}
