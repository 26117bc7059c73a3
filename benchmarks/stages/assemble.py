"""From evaluations to the results document: estimates, comparisons, times, costs, origin."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.contestants import SEARCHED
from benchmarks.contestants.plugins import contestant
from benchmarks.core.identity import as_dict, fingerprint
from benchmarks.core.rows import RowKey, Sampled
from benchmarks.results.comparisons import Evaluation, RowScores, cost_key, interval_of
from benchmarks.results.schema import SCHEMA_VERSION, RowResult, RowTime
from benchmarks.runtime import provenance
from benchmarks.searches import SEARCHES
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import net_lengths, network_cost, schedule_net_name, training_card
from benchmarks.stages.search import SearchResult
from benchmarks.stages.timing import NETWORK
from metrics.timing import Timing, ratio_of_medians

LONGEST_LISTED = 100  # steps of a schedule whose betas the results list
NOTHING = RowScores({}, {})  # of a row without samples


def build_results(
    context: Context,
    sampled: Sequence[Sampled],
    evaluation: Evaluation,
    timings: Mapping[str, Any],
    searched: Mapping[str, Mapping[str, SearchResult]],
    weights: Mapping[str, Path],
) -> dict[str, Any]:
    """The results document, all but the stages' seconds and the checksum of the items."""
    experiment, data = context.experiment, context.track.data
    floors = {
        count: {name: value.model_dump() for name, value in metrics.items()}
        for count, metrics in evaluation.floors.items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "track": experiment.track,
        "meaningless": experiment.meaningless,
        "experiment": as_dict(experiment),
        "experiment_sha256": fingerprint(as_dict(experiment)),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "provenance": provenance.collect(context.device, torch.get_num_threads()),
        "data": {
            "name": data.name,
            "sha256": data.sha256,
            "splits": data.sizes(),
            "test_items": evaluation.test_items,
        },
        "weights": {name: weights_digest(path) for name, path in weights.items()},
        "clip_seconds": context.track.timing_notes.get("seconds_of_audio"),
        "metrics": {name: info.model_dump() for name, info in evaluation.metrics.items()},
        "reference": experiment.reference,
        "network": _time(timings, NETWORK, None, 1.0),
        "machine_busy": timings["busy"],
        "rows": [_row_result(context, one, evaluation, timings).model_dump() for one in sampled],
        "comparisons": [comparison.model_dump() for comparison in evaluation.comparisons],
        "costs": {
            cost_key(convention, contestant): _cost(
                context, found[grid], weights, (convention, contestant), timings
            )
            for convention, found in searched.items()
            for contestant, grid in SEARCHED.items()
            if grid in found
        },
        "floors": floors,
        "judge": evaluation.judge,
        "times_from": timings.get("document"),
        "training": {name: card for name, path in weights.items() if (card := training_card(path))},
        "made_otherwise": context.workspace.made_otherwise(),
    }


def _row_result(
    context: Context, one: Sampled, evaluation: Evaluation, timings: Mapping[str, Any]
) -> RowResult:
    row, experiment = one.row, context.experiment
    scores = evaluation.rows.get(row.key, NOTHING)
    reference = RowKey.named(row.convention.name, experiment.reference)
    return RowResult(
        key=row.key,
        convention=row.convention.name,
        contestant=row.contestant,
        title=contestant(row.contestant, experiment).title,
        steps=row.steps,
        nfe=one.nfe,
        seeds=len(one.files),
        skipped=one.skipped,
        metrics=scores.metrics,
        n_scored=scores.n_scored,
        n_total=len(one.files) * row.items,
        betas=list(one.betas) if one.betas and len(one.betas) <= LONGEST_LISTED else None,
        classes=scores.classes,
        time=_time(timings, row.key, str(reference), reference.steps / max(one.nfe, 1)),
    )


def _time(
    timings: Mapping[str, Any], key: str, reference: str | None, step_ratio: float
) -> RowTime | None:
    seconds = timings["rows"].get(key)
    if not seconds:
        return None
    timing = Timing(tuple(seconds))
    audio = timings.get("seconds_of_audio")
    speedup = None
    if reference in timings["rows"] and key != reference:
        base = Timing(tuple(timings["rows"][reference]))
        speedup = interval_of(ratio_of_medians(base, timing, seed=0))
    q1, q3 = timing.quartiles
    return RowTime(
        median_s=timing.median,
        q1_s=q1,
        q3_s=q3,
        rounds=len(timing.seconds),
        stable=timing.is_stable,
        rtf=timing.median / audio if audio else None,
        speedup=speedup,
        step_ratio=step_ratio,
    )


def _networks_cost(
    context: Context, whose: tuple[str, str], weights: Mapping[str, Path]
) -> tuple[int, int | None, float | None]:
    """Parameters of a schedule network; updates and seconds of all that a search is made with."""
    convention, contestant = whose
    search = SEARCHED[contestant]
    if not SEARCHES[search].needs_schedule_net:
        return 0, None, None
    costs = [
        network_cost(
            weights[
                f"schedule_net/{schedule_net_name(context.experiment, convention, search, steps)}"
            ]
        )
        for steps, _ in net_lengths(context.experiment, search)
    ]
    parameters = costs[0][0]
    if any(steps is None or seconds is None for _, steps, seconds in costs):
        return parameters, None, None
    return (
        parameters,
        sum(steps for _, steps, _ in costs if steps is not None),
        sum(seconds for _, _, seconds in costs if seconds is not None),
    )


def _cost(
    context: Context,
    result: SearchResult,
    weights: Mapping[str, Path],
    whose: tuple[str, str],
    timings: Mapping[str, Any],
) -> dict[str, Any]:
    convention, contestant = whose
    record = result.record
    parameters, steps, seconds = _networks_cost(context, whose, weights)
    reference = timings["rows"].get(str(RowKey.named(convention, context.experiment.reference)))
    short = timings["rows"].get(str(RowKey(convention, contestant, 16)))
    saved = float(np.median(reference) - np.median(short)) if reference and short else 0.0
    return {
        "schedule_net_parameters": parameters,
        "schedule_net_steps": steps,
        "schedule_net_seconds": seconds,
        "search_nfe": record["nfe"],
        "search_seconds": record["seconds"],
        "search_scores": {steps: s["scores"] for steps, s in record["schedules"].items()},
        "pays_after_samples": record["seconds"] / saved if saved > 0 else None,
    }
