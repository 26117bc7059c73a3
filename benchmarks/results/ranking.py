"""The ranking of contestants, from the documents of runs: places, gaps, and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bddm_ref.files import DamagedFileError
from benchmarks.core.rows import RowKey
from benchmarks.results.forms import beside
from benchmarks.results.places import LONGEST, headline, joined, ranked, scored_by
from benchmarks.results.ranking_schema import (
    Preparation,
    RankedConvention,
    RankedTrack,
    Ranking,
    Source,
    Thoroughness,
)
from benchmarks.results.schema import Cost, RowResult, RunResults
from benchmarks.results.store import CONTESTS, contest_files

UNSCORED = {"kl": "its samples are no affine function of their noise (to 0.0001 of their spread)"}
"""Metrics that a row may lack although it ran, with the reason."""


@dataclass(frozen=True)
class Part:
    """A results document, and where it lies.

    Attributes:
        results: the document.
        page: its tables, below the results folder.
    """

    results: RunResults
    page: str


def ranked_tracks(parts: Sequence[Part]) -> list[RankedTrack]:
    """Rank the contestants of several runs, by track.

    Raises:
        DamagedFileError: two of a track are of different contests, or of the same columns.
    """
    ordered = sorted(parts, key=lambda part: (part.results.track, _fewest_steps(part)))
    tracks = groupby(ordered, key=lambda part: part.results.track)
    return [_ranked_track(track, list(mine)) for track, mine in tracks]


def _fewest_steps(part: Part) -> int:
    return min(row.steps for row in part.results.rows)


def _ranked_track(track: str, parts: Sequence[Part]) -> RankedTrack:
    first = parts[0]
    for other in parts[1:]:
        for name, field in _COMMON.items():
            if field(first.results) != field(other.results):
                raise DamagedFileError(
                    f"{first.page} and {other.page} differ in their {name}, so that they are not "
                    "of one contest; run both experiments again"
                )
    seconds = [part.results.wall_seconds.get("noise_estimator") for part in parts]
    return RankedTrack(
        track=track,
        sources=[_source(part) for part in parts],
        noise_estimators_seconds=next((one for one in seconds if one is not None), None),
        conventions=[
            _convention(parts, name)
            for name in dict.fromkeys(row.convention for row in first.results.rows)
        ],
    )


_COMMON: dict[str, Callable[[RunResults], object]] = {
    "data": lambda results: results.data.sha256,
    "networks": lambda results: results.weights,
    "test_items": lambda results: results.settings.test_items,
    "seed": lambda results: results.settings.seed,
    "headline metrics": lambda results: results.settings.headline,
}
"""What documents must agree in whose columns one table shows."""


def _source(part: Part) -> Source:
    results, made = part.results, part.results.provenance
    search = results.settings.search
    stable = [row.time.stable for row in results.rows if row.time is not None]
    seeds = [row.seeds for row in results.rows if row.skipped is None] or [0]
    return Source(
        page=part.page,
        experiment_sha256=results.experiment_sha256,
        data_sha256=results.data.sha256,
        commit=made.commit,
        tree=made.tree,
        created=results.created,
        processor=made.processor,
        threads=made.threads,
        items=results.settings.test_items,
        seeds=(min(seeds), max(seeds)),
        search=Thoroughness(**{n: getattr(search, n) for n in Thoroughness.model_fields}),
        times=len(stable),
        unstable_times=stable.count(False),
    )


def _convention(parts: Sequence[Part], name: str) -> RankedConvention:
    documents = [part.results for part in parts]
    metrics = headline(documents[0], name)
    missing: dict[str, list[str]] = {}
    entrants = list(dict.fromkeys(row.contestant for d in documents for row in _short(d, name)))
    for results in documents:
        for reason, row in _missing(results, name, metrics, entrants):
            missing.setdefault(reason, []).append(row)
    return RankedConvention(
        name=name,
        rankings=[
            joined([_ranking(part, parts[0], name, metric) for part in parts]) for metric in metrics
        ],
        missing=missing,
        preparation=_preparation(documents, name),
    )


def _ranking(part: Part, first: Part, convention: str, metric: str) -> Ranking:
    """Times count where they are of the first part's machine."""
    found = ranked(part.results, convention, metric)
    same = _machine(part.results) == _machine(first.results)
    return found if same else found.without_times()


def _machine(results: RunResults) -> tuple[str, int]:
    return results.provenance.processor, results.provenance.threads


def _short(results: RunResults, convention: str) -> list[RowResult]:
    """Rows that are no references."""
    rows = [row for row in results.rows if row.convention == convention]
    return [row for row in rows if row.steps <= LONGEST]


def _missing(
    results: RunResults, convention: str, metrics: Sequence[str], entrants: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Reasons why cells are empty, each with the row that would have filled them."""
    rows = _short(results, convention)
    for row in rows:
        if row.skipped is not None:
            yield row.skipped, row.id.name
    for metric in metrics:
        title = results.metrics[metric].title
        for row in rows:
            if row.skipped is None and metric not in scored_by(row):
                why = UNSCORED.get(metric, "it has no value")
                yield f"{title}: {why}", row.id.name
    asked = {(row.contestant, row.steps) for row in rows}
    for contestant in entrants:
        for steps in sorted({steps for _, steps in asked}):
            if (contestant, steps) not in asked:
                yield "not asked of it in that run", RowKey(convention, contestant, steps).name


def _preparation(documents: Sequence[RunResults], convention: str) -> list[Preparation]:
    """Searches of all documents together; the schedule network is trained once."""
    by_contestant: dict[str, list[Cost]] = {}
    titles = {name: title for results in documents for name, title in results.titles.items()}
    for results in documents:
        for cost in results.costs:
            if cost.convention == convention:
                by_contestant.setdefault(cost.contestant, []).append(cost)
    return [
        Preparation(
            title=titles.get(contestant, contestant),
            schedule_net_steps=costs[0].schedule_net_steps,
            schedule_net_seconds=costs[0].schedule_net_seconds,
            search_nfe=sum(cost.search_nfe for cost in costs),
            search_seconds=sum(cost.search_seconds for cost in costs),
        )
        for contestant, costs in by_contestant.items()
    ]


def ranking_of(folder: Path) -> list[RankedTrack]:
    """Rank the contestants of the runs in a results folder's contests.

    Raises:
        DamagedFileError: there are no such runs, or one is damaged.
    """
    files = contest_files(folder)
    if not files:
        raise DamagedFileError(
            f"{folder / CONTESTS} holds no results; make them with 'run contestants-analytic'"
        )
    return ranked_tracks(
        [
            Part(
                results=RunResults.read(path),
                page=beside(path, ".md").relative_to(folder).as_posix(),
            )
            for path in files
        ]
    )
