"""What the page of contestants says, as a document: standings, what is not there, and costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

from benchmarks.contestants import CONTESTANTS, SEARCHED
from benchmarks.report.evaluation import cost_key
from benchmarks.report.schema import Results, Sha256
from benchmarks.report.standings import STRICT, Standings, headline, standings


class Preparation(BaseModel):
    """What a searched contestant's schedules cost, all lengths together."""

    model_config = STRICT

    title: str
    schedule_net_steps: int | None
    schedule_net_seconds: float | None
    search_nfe: int
    search_seconds: float


class Origin(BaseModel):
    """What a track's standings come from."""

    model_config = STRICT

    track: str
    results_sha256: Sha256
    experiment_sha256: Sha256
    data_sha256: Sha256
    commit: str | None
    tree: str | None
    created: str
    processor: str
    threads: int


class Convention(BaseModel):
    """One convention of a track."""

    model_config = STRICT

    name: str
    standings: list[Standings] = Field(description="by headline metric; those of the first count")
    missing: dict[str, list[str]] = Field(description="reason to the rows that it keeps empty")
    preparation: list[Preparation]


class TrackContest(BaseModel):
    """One results document."""

    model_config = STRICT

    origin: Origin
    noise_estimators_seconds: float | None = Field(description="training of all; null: none")
    conventions: list[Convention]


class Contest(BaseModel):
    """What ``contestants.json`` holds."""

    model_config = STRICT

    schema_version: Literal[1]
    tracks: list[TrackContest]
    plots: dict[str, Sha256] = Field(description="by file, below the results folder")


def track_contest(results: Results, digest: Sha256) -> TrackContest:
    """What a results document says of its contestants.

    Args:
        results: the document.
        digest: SHA-256 of its file.
    """
    made = results.provenance
    return TrackContest(
        origin=Origin(
            track=results.track,
            results_sha256=digest,
            experiment_sha256=results.experiment_sha256,
            data_sha256=results.data["sha256"],
            commit=made["commit"],
            tree=made["tree"],
            created=results.created,
            processor=made["processor"],
            threads=made["threads"],
        ),
        noise_estimators_seconds=results.wall_seconds.get("noise_estimator"),
        conventions=[
            Convention(
                name=name,
                standings=[standings(results, name, metric) for metric in headline(results, name)],
                missing=_missing(results, name),
                preparation=_preparation(results, name),
            )
            for name in dict.fromkeys(row.convention for row in results.rows)
        ],
    )


def _missing(results: Results, convention: str) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for row in results.rows:
        if row.convention == convention and row.skipped is not None:
            reasons.setdefault(row.skipped, []).append(f"{row.contestant}-{row.steps}")
    return reasons


def _preparation(results: Results, convention: str) -> list[Preparation]:
    costs: Mapping[str, str] = {cost_key(convention, name): name for name in SEARCHED}
    return [
        Preparation(
            title=CONTESTANTS[costs[key]].title,
            schedule_net_steps=cost.schedule_net_steps,
            schedule_net_seconds=cost.schedule_net_seconds,
            search_nfe=cost.search_nfe,
            search_seconds=cost.search_seconds,
        )
        for key, cost in results.costs.items()
        if key in costs
    ]
