"""Per-item scores to the results document: estimates, paired comparisons, times, costs."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import provenance
from benchmarks.contestants import CONTESTANTS
from benchmarks.experiment import as_dict
from benchmarks.report.schema import (
    SCHEMA_VERSION,
    Comparison,
    Interval,
    MetricInfo,
    RowResult,
    RowTime,
    Verdict,
)
from benchmarks.rows import Row
from benchmarks.stages.clock import NETWORK
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.sample import Sampled
from benchmarks.stages.search import SearchResult
from benchmarks.stages.train import network_cost
from benchmarks.workspace import fingerprint
from metrics.speech import SPEECH_METRICS
from metrics.statistics import (
    Estimate,
    is_noninferior,
    item_means,
    mean_interval,
    paired_difference,
    sign_flip_p,
)
from metrics.timing import Timing, ratio_of_medians

Scores = dict[str, dict[str, NDArray[np.float64]]]
"""Row key to metric to values ``(seeds, items)``, NaN where not scored."""
SIGNIFICANT = 0.05
LONGEST_LISTED = 100  # steps of a schedule whose betas the results list
COMPARED = ("pesq_wb_lqo", "pesq_nb_raw", "stoi")


def build_results(
    context: Context,
    sampled: Sequence[Sampled],
    records: Sequence[Mapping[str, Any]],
    timings: Mapping[str, Any],
    searched: Mapping[str, SearchResult],
    weights: Mapping[str, Path],
) -> dict[str, Any]:
    """The results document, all but the stages' seconds and the checksum of the items."""
    experiment = context.experiment
    scores = _scores(records)
    rows = [_row_result(context, one, scores, timings) for one in sampled]
    corpus = context.corpus
    return {
        "schema_version": SCHEMA_VERSION,
        "track": experiment.track,
        "meaningless": experiment.meaningless,
        "experiment": as_dict(experiment),
        "experiment_sha256": fingerprint(as_dict(experiment)),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "provenance": provenance.collect(context.device, torch.get_num_threads()),
        "data": {
            "name": corpus.name,
            "sha256": corpus.sha256,
            "splits": corpus.sizes(),
            "test_items": list(dict.fromkeys(record["item"] for record in records)),
        },
        "weights": {name: weights_digest(path) for name, path in weights.items()},
        "clip_seconds": timings["seconds_of_audio"],
        "metrics": {
            name: MetricInfo(
                title=m.title,
                digits=m.digits,
                unit=m.unit,
                higher_is_better=bool(m.higher_is_better),
            ).model_dump()
            for name, m in SPEECH_METRICS.items()
        },
        "reference": experiment.reference,
        "network": _time(timings, NETWORK, None, 1.0),
        "machine_busy": timings["busy"],
        "rows": [row.model_dump() for row in rows],
        "comparisons": [c.model_dump() for c in _comparisons(context, sampled, scores)],
        "costs": {
            name: _cost(context, result, weights, name, timings)
            for name, result in searched.items()
        },
    }


def _scores(records: Sequence[Mapping[str, Any]]) -> Scores:
    items = {name: i for i, name in enumerate(dict.fromkeys(r["item"] for r in records))}
    collected: dict[str, dict[str, dict[int, NDArray[np.float64]]]] = {}
    for record in records:
        for metric, value in record["scores"].items():
            seeds = collected.setdefault(record["row"], {}).setdefault(metric, {})
            row = seeds.setdefault(record["seed"], np.full(len(items), np.nan))
            row[items[record["item"]]] = math.nan if value is None else value
    return {
        row: {metric: np.stack(list(seeds.values())) for metric, seeds in by_metric.items()}
        for row, by_metric in collected.items()
    }


def _row_result(
    context: Context, one: Sampled, scores: Scores, timings: Mapping[str, Any]
) -> RowResult:
    row, experiment = one.row, context.experiment
    by_metric = scores.get(row.key, {})
    reference = f"{row.convention.name}/{experiment.reference}"
    reference_nfe = int(experiment.reference.rsplit("-", 1)[1])
    return RowResult(
        key=row.key,
        convention=row.convention.name,
        contestant=row.contestant,
        title=CONTESTANTS[row.contestant].title,
        steps=row.steps,
        nfe=one.nfe,
        seeds=len(one.files),
        skipped=one.skipped,
        metrics={
            name: _interval(mean_interval(item_means(values), seed=experiment.seed))
            for name, values in by_metric.items()
        },
        n_scored={name: int(np.isfinite(values).sum()) for name, values in by_metric.items()},
        n_total=len(one.files) * experiment.test_items,
        betas=list(one.betas) if one.betas and len(one.betas) <= LONGEST_LISTED else None,
        time=_time(timings, row.key, reference, reference_nfe / max(one.nfe, 1)),
    )


def _time(
    timings: Mapping[str, Any], key: str, reference: str | None, step_ratio: float
) -> RowTime | None:
    seconds = timings["rows"].get(key)
    if not seconds:
        return None
    timing = Timing(tuple(seconds))
    speedup = None
    if reference in timings["rows"] and key != reference:
        base = Timing(tuple(timings["rows"][reference]))
        speedup = _interval(ratio_of_medians(base, timing, seed=0))
    q1, q3 = timing.quartiles
    return RowTime(
        median_s=timing.median,
        q1_s=q1,
        q3_s=q3,
        rounds=len(timing.seconds),
        stable=timing.is_stable,
        rtf=timing.median / timings["seconds_of_audio"],
        speedup=speedup,
        step_ratio=step_ratio,
    )


def _comparisons(context: Context, sampled: Sequence[Sampled], scores: Scores) -> list[Comparison]:
    """Every row against the reference, and the searched schedules against all at equal steps."""
    results = []
    rows = [one.row for one in sampled if one.row.key in scores]
    for row, against in itertools.permutations(rows, 2):
        if row.convention != against.convention:
            continue
        to_reference = against.name == context.experiment.reference
        equal_steps = row.contestant == "bddm" and row.steps == against.steps
        if to_reference or equal_steps:
            results += [
                _comparison(context, row, against, metric, scores)
                for metric in COMPARED
                if metric in context.experiment.margins
            ]
    return results


def _comparison(
    context: Context, row: Row, against: Row, metric: str, scores: Scores
) -> Comparison:
    experiment = context.experiment
    a, b = (item_means(scores[r.key][metric]) for r in (row, against))
    difference = paired_difference(a, b, seed=experiment.seed)
    both = np.isfinite(a) & np.isfinite(b)
    p = sign_flip_p((a - b)[both], seed=experiment.seed) if both.sum() > 1 else None
    margin = experiment.margins[metric]
    seeds = min(len(scores[r.key][metric]) for r in (row, against))
    higher_is_better = bool(SPEECH_METRICS[metric].higher_is_better)
    return Comparison(
        row=row.key,
        against=against.key,
        metric=metric,
        difference=_interval(difference),
        p_sign_flip=p,
        margin=margin,
        verdict=verdict(difference, margin, higher_is_better, p),
        seeds=seeds,
    )


def verdict(
    difference: Estimate, margin: float, higher_is_better: bool, p: float | None
) -> Verdict:
    """What a paired difference says.

    Args:
        difference: first minus second, with its interval.
        margin: how much worse still counts as good; positive, fixed beforehand.
        higher_is_better: of the metric.
        p: of the two-sided sign-flip test.

    Returns:
        ``better`` (interval on the good side of 0 and the sign-flip test agrees), ``as good`` (not
        worse by more than the margin), ``worse`` (by more than the margin), else ``undecided``.
    """
    sign = 1.0 if higher_is_better else -1.0
    low, high = sorted((sign * difference.low, sign * difference.high))
    if low > 0 and p is not None and p < SIGNIFICANT:
        return "better"
    if is_noninferior(difference, margin, higher_is_better):
        return "as good"
    return "worse" if high < -margin else "undecided"


def _cost(
    context: Context,
    result: SearchResult,
    weights: Mapping[str, Path],
    convention: str,
    timings: Mapping[str, Any],
) -> dict[str, Any]:
    record = result.record
    parameters, steps, seconds = network_cost(weights[f"schedule_net/{convention}"])
    reference = timings["rows"].get(f"{convention}/{context.experiment.reference}")
    short = timings["rows"].get(f"{convention}/bddm-16")
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


def _interval(estimate: Estimate) -> Interval:
    values = (None if math.isnan(v) else v for v in (estimate.value, estimate.low, estimate.high))
    value, low, high = values
    return Interval(value=value, low=low, high=high, n=estimate.n)
