"""What the page of contestants says, as a document: standings, what is not there, and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pydantic import BaseModel, Field

from bddm_ref.files import DamagedFileError
from benchmarks.contestants import CONTESTANTS, SEARCHED
from benchmarks.report.words import PAGES
from benchmarks.results.comparisons import cost_key
from benchmarks.results.schema import Results, RowResult, Sha256
from benchmarks.results.standings import (
    LONGEST,
    STRICT,
    Standings,
    headline,
    joined,
    scored_by,
    standings,
)


class Preparation(BaseModel):
    """What a searched contestant's schedules cost, all lengths together."""

    model_config = STRICT

    title: str
    schedule_net_steps: int | None
    schedule_net_seconds: float | None
    search_nfe: int
    search_seconds: float


class Origin(BaseModel):
    """A results document that standings come from."""

    model_config = STRICT

    page: str = Field(description="its tables, below the results folder")
    results_sha256: Sha256
    experiment_sha256: Sha256
    data_sha256: Sha256
    commit: str | None
    tree: str | None
    created: str
    processor: str
    threads: int
    items: int = Field(description="of each row and noise seed")
    seeds: list[int] = Field(description="noise seeds of a row: the fewest and the most")
    search: dict[str, int] = Field(description="how thorough searches were, by field")
    times: int = Field(description="rows that were timed")
    unstable_times: int = Field(description="of them, those with a wide inter-quartile range")


class Convention(BaseModel):
    """One convention of a track."""

    model_config = STRICT

    name: str
    standings: list[Standings] = Field(description="by headline metric; those of the first count")
    missing: dict[str, list[str]] = Field(description="reason to the rows that it keeps empty")
    preparation: list[Preparation]


class TrackContest(BaseModel):
    """One track, of one results document or of several that differ in numbers of evaluations."""

    model_config = STRICT

    track: str
    origins: list[Origin]
    noise_estimators_seconds: float | None = Field(description="training of all; null: none")
    conventions: list[Convention]

    @property
    def machines(self) -> int:
        """How many kinds of them the documents are of."""
        return len({(origin.processor, origin.threads) for origin in self.origins})


class Contest(BaseModel):
    """What ``contestants.json`` holds."""

    model_config = STRICT

    schema_version: Literal[1]
    tracks: list[TrackContest]
    plots: dict[str, Sha256] = Field(description="by file, below the results folder")


@dataclass(frozen=True)
class Part:
    """A results document, and where it lies.

    Attributes:
        results: the document.
        digest: SHA-256 of its file.
        page: its tables, below the results folder.
    """

    results: Results
    digest: Sha256
    page: str


def track_contests(parts: Sequence[Part]) -> list[TrackContest]:
    """What results documents say of their contestants, by track.

    Raises:
        DamagedFileError: two of a track are of different contests, or of the same columns.
    """
    ordered = sorted(parts, key=lambda part: (part.results.track, _fewest_steps(part)))
    tracks = groupby(ordered, key=lambda part: part.results.track)
    return [_track_contest(track, list(mine)) for track, mine in tracks]


def _fewest_steps(part: Part) -> int:
    return min(row.steps for row in part.results.rows)


def _track_contest(track: str, parts: Sequence[Part]) -> TrackContest:
    first = parts[0]
    for other in parts[1:]:
        for name, field in _COMMON.items():
            if field(first.results) != field(other.results):
                raise DamagedFileError(
                    f"{first.page} and {other.page} differ in their {name}, so that they are not "
                    "of one contest; run both experiments again"
                )
    seconds = [part.results.wall_seconds.get("noise_estimator") for part in parts]
    return TrackContest(
        track=track,
        origins=[_origin(part) for part in parts],
        noise_estimators_seconds=next((one for one in seconds if one is not None), None),
        conventions=[
            _convention(parts, name)
            for name in dict.fromkeys(row.convention for row in first.results.rows)
        ],
    )


_COMMON: dict[str, Callable[[Results], object]] = {
    "data": lambda results: results.data["sha256"],
    "networks": lambda results: results.weights,
    "test_items": lambda results: results.experiment["test_items"],
    "seed": lambda results: results.experiment["seed"],
    "headline metrics": lambda results: results.experiment["headline"],
}
"""What documents must agree in whose columns one table shows."""


THOROUGHNESS = ("bins", "judge_items", "finalists", "finalist_items", "refinements")
"""Fields of an experiment's search that say how much it tries."""


def _origin(part: Part) -> Origin:
    results, made = part.results, part.results.provenance
    stable = [row.time.stable for row in results.rows if row.time is not None]
    seeds = [row.seeds for row in results.rows if row.skipped is None] or [0]
    return Origin(
        page=part.page,
        results_sha256=part.digest,
        experiment_sha256=results.experiment_sha256,
        data_sha256=results.data["sha256"],
        commit=made["commit"],
        tree=made["tree"],
        created=results.created,
        processor=made["processor"],
        threads=made["threads"],
        items=results.experiment["test_items"],
        seeds=[min(seeds), max(seeds)],
        search={name: results.experiment["search"][name] for name in THOROUGHNESS},
        times=len(stable),
        unstable_times=stable.count(False),
    )


def _convention(parts: Sequence[Part], name: str) -> Convention:
    documents = [part.results for part in parts]
    metrics = headline(documents[0], name)
    missing: dict[str, list[str]] = {}
    entrants = list(dict.fromkeys(row.contestant for d in documents for row in _short(d, name)))
    for results in documents:
        for reason, row in _missing(results, name, metrics, entrants):
            missing.setdefault(reason, []).append(row)
    return Convention(
        name=name,
        standings=[
            joined([_standings(part, parts[0], name, metric) for part in parts])
            for metric in metrics
        ],
        missing=missing,
        preparation=_preparation(documents, name),
    )


def _standings(part: Part, first: Part, convention: str, metric: str) -> Standings:
    """Times count where they are of the first part's machine."""
    found = standings(part.results, convention, metric)
    same = _machine(part.results) == _machine(first.results)
    return found if same else found.without_times()


def _machine(results: Results) -> tuple[str, int]:
    return results.provenance["processor"], results.provenance["threads"]


def _short(results: Results, convention: str) -> list[RowResult]:
    """Rows that are no references."""
    rows = [row for row in results.rows if row.convention == convention]
    return [row for row in rows if row.steps <= LONGEST]


def _missing(
    results: Results, convention: str, metrics: Sequence[str], entrants: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Reasons why cells are empty, each with the row that would have filled them."""
    rows = _short(results, convention)
    for row in rows:
        if row.skipped is not None:
            yield row.skipped, f"{row.contestant}-{row.steps}"
    for metric in metrics:
        title = results.metrics[metric].title
        for row in rows:
            if row.skipped is None and metric not in scored_by(row):
                why = PAGES[results.track].unscored.get(metric, "it has no value")
                yield f"{title}: {why}", f"{row.contestant}-{row.steps}"
    asked = {(row.contestant, row.steps) for row in rows}
    for contestant in entrants:
        for steps in sorted({steps for _, steps in asked}):
            if (contestant, steps) not in asked:
                yield "not asked of it in that run", f"{contestant}-{steps}"


def _preparation(documents: Sequence[Results], convention: str) -> list[Preparation]:
    """Searches of all documents together; the schedule network is trained once."""
    found = []
    for name in SEARCHED:
        key = cost_key(convention, name)
        costs = [results.costs[key] for results in documents if key in results.costs]
        if costs:
            found.append(
                Preparation(
                    title=CONTESTANTS[name].title,
                    schedule_net_steps=costs[0].schedule_net_steps,
                    schedule_net_seconds=costs[0].schedule_net_seconds,
                    search_nfe=sum(cost.search_nfe for cost in costs),
                    search_seconds=sum(cost.search_seconds for cost in costs),
                )
            )
    return found
