"""The searches for sampling schedules, on validation data, in each convention."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bddm_ref.extras.rules import ConstantStart
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from benchmarks.core.experiment import Convention, SearchName
from benchmarks.core.identity import as_dict, convention_inputs, evaluation_inputs
from benchmarks.results.records import FoundSchedule, SearchRecord
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.searches import SEARCHES
from benchmarks.searches.base import Search, SearchInputs
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import (
    evaluation_code,
    load_schedule_net,
    load_score_net,
    loaded_schedule_net,
    net_lengths,
    schedule_net_name,
)


@dataclass(frozen=True)
class SearchResult:
    """Schedules by length, and the record of their search.

    Attributes:
        found: length to its schedule, or to the reason why there is none.
        record: the file of the stage.
    """

    found: dict[int, Found | str]
    record: SearchRecord


def all_searched(
    context: Context,
    convention: Convention,
    name: SearchName,
    score_weights: Path,
    schedule_weights: Mapping[str, Path],
) -> SearchResult:
    """Search all lengths, with one schedule network or with one for each length."""
    experiment = context.experiment
    results = [
        searched_schedules(
            context,
            convention,
            name,
            score_weights,
            schedule_weights[schedule_net_name(experiment, convention.name, name, steps)],
            lengths,
        )
        for steps, lengths in net_lengths(experiment, name)
    ]
    records = [result.record for result in results]
    joined = records[0].model_copy(
        update={
            "schedules": {k: v for record in records for k, v in record.schedules.items()},
            "nfe": sum(record.nfe for record in records),
            "seconds": sum(record.seconds for record in records),
        }
    )
    return SearchResult({k: v for one in results for k, v in one.found.items()}, joined)


def searched_schedules(
    context: Context,
    convention: Convention,
    name: SearchName,
    score_weights: Path,
    schedule_weights: Path,
    lengths: tuple[int, ...],
) -> SearchResult:
    """Find the best schedule of each length, or read it from the workspace.

    Raises:
        DamagedFileError: a finished search's file is missing or altered.
    """
    experiment, search = context.experiment, SEARCHES[name]
    inputs = {
        "config": {k: v for k, v in as_dict(experiment.search).items() if k != "searches"}
        | {"lengths": list(lengths)},
        "grid": name,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(experiment.training_schedule),
        "data": context.track.data.digest("valid"),
        "score_net": weights_digest(score_weights),
        "schedule_net": weights_digest(schedule_weights),
        **evaluation_inputs(context.identity),
        **context.track.identity("search"),
        **search.fingerprint(experiment.schedule_net.loss),
    }
    code = search_code(context, search) | code_of(Alone(_search))
    folder = context.workspace.stage("search", inputs, code)
    file = folder.path / "schedules.json"
    if not folder.is_finished():
        made = _search(context, convention, (name, lengths), score_weights, schedule_weights)
        made.write(file)
        folder.finish([file], made.seconds)
    record = SearchRecord.read(file)
    return SearchResult(search.answers(_read(record.schedules), lengths), record)


def search_code(context: Context, search: Search) -> Code:
    """Code of a search, its judge, and the networks that it runs."""
    track, found = context.track, code_of(search)
    found |= evaluation_code(context)
    found |= code_of((track.judge, "problem"), *track.judge.looked_up)
    if "examples" in found.attributes or "power" in found.attributes:
        found |= code_of(track.items.examples)
    if "distortion" in found.attributes:
        found |= code_of(track.items.distortion, (track.items, "spectrum"))
    return found | loaded_schedule_net(context) if search.needs_schedule_net else found


def _search(
    context: Context,
    convention: Convention,
    what: tuple[SearchName, tuple[int, ...]],
    score_weights: Path,
    schedule_weights: Path,
) -> SearchRecord:
    """Run a search."""
    name, lengths = what
    experiment, track = context.experiment, context.track
    score_net = load_score_net(context, score_weights)
    evaluated = EvaluatedNet(track.networks.for_convention(score_net, convention), experiment.bf16)
    problem = track.judge.problem(score_net, evaluated, convention)
    inputs = SearchInputs(
        config=replace(experiment.search, lengths=lengths),
        step_loss=experiment.schedule_net.loss,
        training=track.training,
        problem=problem,
        score_net=evaluated,
        schedule_net=partial(load_schedule_net, context, convention, schedule_weights),
        examples=partial(track.items.examples, score_net, convention),
        distortion=partial(track.items.distortion, convention),
        device=context.device,
    )
    began = time.monotonic()
    search, label = SEARCHES[name], f"search schedules ({convention.name}, {name})"
    with context.progress.task(label, search.work(inputs)) as advance:
        found = search.find(replace(inputs, observe=lambda: advance(1)))
    for reason, count in problem.failures.items():
        context.progress.say(f"{label}: {count} judgements failed: {reason}")
    return SearchRecord(
        schedules=_written(found),
        nfe=evaluated.evaluations,
        seconds=round(time.monotonic() - began, 1),
        threads=torch.get_num_threads(),
        scores=list(problem.scores),
    )


def _written(found: Mapping[int, Found | str]) -> dict[int, FoundSchedule]:
    """Records of found schedules; reasons follow from the lengths, and are left out."""
    return {
        steps: FoundSchedule(
            betas=list(one.schedule.betas),
            start=None if one.start is None else one.start._asdict(),
            scores=list(one.scores),
        )
        for steps, one in found.items()
        if isinstance(one, Found)
    }


def _read(schedules: Mapping[int, FoundSchedule]) -> dict[int, Found]:
    """Invert :func:`_written`."""
    return {
        steps: Found(
            NoiseSchedule(tuple(one.betas)),
            None if one.start is None else _start(one.start),
            tuple(one.scores),
        )
        for steps, one in schedules.items()
    }


def _start(content: dict[str, Any]) -> Start | ConstantStart:
    return Start(**content) if "kernel" in content else ConstantStart(**content)
