"""The document of a run: estimates, comparisons, times, costs and origin, put together."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.contestants import SEARCHED
from benchmarks.contestants.plugins import contestant
from benchmarks.core.identity import as_dict, fingerprint
from benchmarks.core.rows import RowKey, Sampled
from benchmarks.results.cards import card_of, parameters_in
from benchmarks.results.comparisons import Evaluation, RowScores
from benchmarks.results.documents import Provenance
from benchmarks.results.origins import MadeOtherwise, StageWork, Training
from benchmarks.results.records import ENCODER, NETWORK, SearchRecord, Timings
from benchmarks.results.schema import (
    CallTime,
    Cost,
    Data,
    RepeatSchedule,
    RowResult,
    RowTime,
    RunResults,
)
from benchmarks.results.verdicts import Interval
from benchmarks.runtime import provenance
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import net_keys
from metrics.times import paired_ratio, power_of

LONGEST_LISTED = 100  # steps of a schedule whose betas the results list
TOLERANCE = 0.10  # share of a claimed speed-up that may lack; the power of rows is for it
NOTHING = RowScores({}, {})  # of a row without samples
Records = Mapping[str, Mapping[str, Sequence[SearchRecord]]]
"""Convention and search to the record of each repeat."""


def build_results(
    context: Context,
    sampled: Sequence[Sampled],
    evaluation: Evaluation,
    timings: Timings,
    searched: Records,
    weights: Mapping[str, Path],
    items_sha256: str,
) -> RunResults:
    """The document of a run.

    Args:
        context: the run.
        sampled: its rows.
        evaluation: estimates and comparisons of their scores.
        timings: seconds of every round, by row.
        searched: records of the searches.
        weights: files of all networks.
        items_sha256: checksum of the per-item scores that lie beside the document.
    """
    experiment, data = context.experiment, context.track.data
    return RunResults(
        kind="run",
        schema_version=2,
        track=experiment.track,
        meaningless=experiment.meaningless,
        experiment=as_dict(experiment),
        experiment_sha256=fingerprint(as_dict(experiment)),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=_provenance(context),
        data=Data(
            name=data.name,
            sha256=data.sha256,
            splits=data.sizes(),
            test_items=evaluation.test_items,
        ),
        weights={name: weights_digest(path) for name, path in weights.items()},
        wall_seconds=context.workspace.seconds(),
        clip_seconds=context.track.scores.timing_notes.get("seconds_of_audio"),
        metrics=evaluation.metrics,
        reference=experiment.reference,
        network=_time(timings, NETWORK, None, 1.0),
        encoder=_call_time(timings, ENCODER),
        machine_busy=timings.busy,
        rows=[_row_result(context, one, evaluation, timings, searched) for one in sampled],
        comparisons=evaluation.comparisons,
        costs=list(_costs(context, searched, weights, timings)),
        floors=evaluation.floors,
        judge=evaluation.judge,
        times_from=timings.document,
        training=_trainings(weights),
        made_otherwise=[MadeOtherwise(**one) for one in context.workspace.made_otherwise()],
        stages=[StageWork(**one) for one in context.workspace.work()],
        users_files=context.workspace.users_files(),
        items_sha256=items_sha256,
    )


def _provenance(context: Context) -> Provenance:
    """Origin of the results; the tree is clean only if it was so for the work of every stage."""
    collected = provenance.collect(context.device, torch.get_num_threads())
    trees = {one["tree"] for one in context.workspace.work()} | {context.workspace.made.get("tree")}
    if "changed" in trees:
        collected["tree"] = "changed"
    return Provenance(**collected)


def _row_result(
    context: Context,
    one: Sampled,
    evaluation: Evaluation,
    timings: Timings,
    searched: Records,
) -> RowResult:
    row, experiment = one.row, context.experiment
    family = contestant(row.contestant, experiment)
    scores = evaluation.rows.get(row.key, NOTHING)
    reference = RowKey.named(row.convention.name, experiment.reference)
    return RowResult(
        key=row.key,
        convention=row.convention.name,
        contestant=row.contestant,
        title=family.title,
        role=family.role,
        search=family.search,
        compared=family.compared,
        steps=row.steps,
        nfe=one.nfe,
        seeds=len(one.files),
        skipped=one.skipped,
        metrics=scores.metrics,
        n_scored=scores.n_scored,
        n_total=row.seeds * row.items if one.files else 0,
        **_told(scores, one),
        betas=list(one.betas) if one.betas and len(one.betas) <= LONGEST_LISTED else None,
        schedules=_schedules(family.search, one, searched),
        classes=scores.classes,
        time=_time(timings, row.key, str(reference), reference.steps / max(one.nfe, 1)),
    )


def _told(scores: RowScores, one: Sampled) -> dict[str, Any]:
    """Fields of a row that documents leave out where they have nothing to tell."""
    missing = dict(Counter(one.missing.values())) if one.files else {}
    told = {"unscored": scores.unscored, "clipped": scores.clipped, "missing": missing}
    found = {name: one for name, one in told.items() if one not in (None, {})}
    return found | ({"repeats": scores.repeats} if scores.repeats > 1 else {})


def _schedules(search: str | None, one: Sampled, searched: Records) -> list[RepeatSchedule] | None:
    """The schedules that a row's seeds sampled, one for each repeat that has one."""
    steps = one.row.steps
    if not one.files or one.betas is None or steps > LONGEST_LISTED:
        return None
    records = searched.get(one.row.convention.name, {}).get(search or "", [])
    found = {
        repeat: record.schedules[steps]
        for repeat, record in enumerate(records)
        if steps in record.schedules
    }
    used = {seed % len(records) for seed in one.by_seed} if records else set()
    schedules = [
        RepeatSchedule(repeat=repeat, **found[repeat].model_dump())
        for repeat in sorted(used & found.keys())
    ]
    return schedules or None


def _time(timings: Timings, key: str, reference: str | None, step_ratio: float) -> RowTime | None:
    call = _call_time(timings, key)
    if call is None:
        return None
    return RowTime(**dict(call), **_speedups(timings, key, reference), step_ratio=step_ratio)


def _call_time(timings: Timings, key: str) -> CallTime | None:
    timing, audio = timings.timing(key), timings.seconds_of_audio
    if timing is None:
        return None
    q1, q3 = timing.quartiles
    return CallTime(
        median_s=timing.median,
        q1_s=q1,
        q3_s=q3,
        rounds=len(timing.seconds),
        stable=timing.is_stable,
        rtf=timing.median / audio if audio else None,
    )


def _speedups(timings: Timings, key: str, reference: str | None) -> dict[str, Any]:
    """Speed-ups over the reference row without and with the encoder, and their test's power."""
    mine, base = timings.timing(key), timings.timing(reference or key)
    if mine is None or base is None or key == (reference or key):
        return {"speedup": None}
    ratio, encoder = paired_ratio(base, mine), timings.timing(ENCODER)
    found: dict[str, Any] = {"speedup": Interval.of(ratio)}
    if encoder is not None:
        found["speedup_with_encoder"] = Interval.of(paired_ratio(base, mine, encoder))
    power = power_of(ratio, TOLERANCE)
    return found if math.isnan(power) else found | {"power": power}


def _networks_cost(
    context: Context, whose: tuple[str, str], weights: Mapping[str, Path]
) -> tuple[int, int | None, float | None]:
    """Parameters of a schedule network; updates and seconds of all that a search is made with."""
    convention, contestant = whose
    experiment = context.experiment
    keys = net_keys(experiment, convention, SEARCHED[contestant])
    if not keys:
        return 0, None, None
    files = [weights[f"schedule_net/{key.name(experiment)}"] for key in keys]
    parameters, cards = parameters_in(files[0]), [card_of(file) for file in files]
    known = [card for card in cards if card is not None and card.whole_seconds is not None]
    if len(known) < len(cards):
        return parameters, None, None
    seconds = sum(card.whole_seconds or 0.0 for card in known)
    return parameters, sum(card.steps for card in known), seconds


def _trainings(weights: Mapping[str, Path]) -> dict[str, Training]:
    """Trainings on a GPU or by the clock, by network."""
    cards = {name: card_of(path) for name, path in weights.items()}
    found = {name: card.training for name, card in cards.items() if card is not None}
    return {name: one for name, one in found.items() if one is not None}


def _costs(
    context: Context,
    searched: Records,
    weights: Mapping[str, Path],
    timings: Timings,
) -> Iterator[Cost]:
    """Cost of one repeat of every search, under the first contestant whose schedules it found."""
    for convention, found in searched.items():
        for name, search in SEARCHED.items():
            if search in found:
                whose = RowKey(convention, name, 16)
                yield _cost(context, found[search][0], weights, whose, timings)


def _cost(
    context: Context,
    record: SearchRecord,
    weights: Mapping[str, Path],
    short: RowKey,
    timings: Timings,
) -> Cost:
    """Cost of one search.

    Args:
        context: the run.
        record: the file of the search.
        weights: files of all networks.
        short: the 16-step row of its contestant, which it saves time for.
        timings: seconds of every round, by row.
    """
    convention, contestant = short.convention, short.contestant
    parameters, steps, seconds = _networks_cost(context, (convention, contestant), weights)
    long = timings.rows.get(str(RowKey.named(convention, context.experiment.reference)))
    quick = timings.rows.get(str(short))
    saved = float(np.median(long) - np.median(quick)) if long and quick else 0.0
    return Cost(
        convention=convention,
        contestant=contestant,
        search=SEARCHED[contestant],
        schedule_net_parameters=parameters,
        schedule_net_steps=steps,
        schedule_net_seconds=seconds,
        search_nfe=record.nfe,
        candidates=record.judged,
        search_seconds=record.seconds,
        search_scores={str(n): one.scores for n, one in record.schedules.items()},
        pays_after_samples=record.seconds / saved if saved > 0 else None,
    )
