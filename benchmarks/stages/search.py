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
from benchmarks.core.experiment import Convention, SearchConfig, SearchName
from benchmarks.core.identity import as_dict, convention_inputs, evaluation_inputs
from benchmarks.core.schedule_nets import taus_of
from benchmarks.results.records import FoundSchedule, SearchRecord
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.runtime.found import Found, NetStart
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.searches import SEARCHES
from benchmarks.searches.base import Search, SearchInputs, counted
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import (
    Weights,
    evaluation_code,
    load_schedule_net,
    load_score_net,
    loaded_schedule_net,
    net_keys,
)

SEEDS = 10_000_000  # between the seeds of two repeats


@dataclass(frozen=True)
class SearchResult:
    """Schedules by length, and the record of their search.

    Attributes:
        found: length to its schedule, or to the reason why there is none.
        record: the file of the stage.
    """

    found: dict[int, Found | str]
    record: SearchRecord


def searched_schedules(
    context: Context,
    convention: Convention,
    name: SearchName,
    weights: Weights,
    repeat: int = 0,
) -> SearchResult:
    """Find the best schedule of each length, or read it from the workspace.

    Args:
        context: the run.
        convention: the setup of the process.
        name: the search.
        weights: files of the networks.
        repeat: the number of the repeat, which has schedule networks, noise, and choice of
            validation items of its own.

    Raises:
        DamagedFileError: a finished search's file is missing or altered.
    """
    experiment, search = context.experiment, SEARCHES[name]
    config = repeated(experiment.search, repeat)
    keys = net_keys(experiment, convention.name, name, repeat)
    nets = {key.tau: weights.schedule_nets[key] for key in keys}
    taus = {n: taus_of(experiment, n, search.tuned) for n in config.lengths} if nets else {}
    inputs = {
        "config": {k: v for k, v in as_dict(config).items() if k not in _unused(search)},
        "grid": name,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(experiment.training_schedule),
        "data": context.track.data.digest("valid"),
        "score_net": weights_digest(weights.score_net),
        "schedule_nets": {str(key.tau): weights_digest(weights.schedule_nets[key]) for key in keys},
        "taus": {str(n): list(its) for n, its in taus.items()},
        **evaluation_inputs(context.identity),
        **context.track.identity("search"),
        **search.fingerprint(experiment.schedule_net.loss),
    }
    code = search_code(context, search) | code_of(Alone(_search), counted)
    folder = context.workspace.stage("search", inputs, code)
    file = folder.path / "schedules.json"
    if not folder.is_finished():
        again = f", repeat {repeat}" if repeat else ""
        asked = _Asked(name, f"{convention.name}, {name}{again}", config, taus, nets)
        made = _search(context, convention, asked, weights.score_net)
        made.write(file)
        folder.finish([file], made.seconds)
    record = SearchRecord.read(file)
    return SearchResult(search.answers(_read(record.schedules), config.lengths), record)


def repeated(config: SearchConfig, repeat: int) -> SearchConfig:
    """The search of a repeat: its seeds lie beyond all seeds that other repeats draw from."""
    return replace(config, seed=config.seed + repeat * SEEDS)


def _unused(search: Search) -> tuple[str, ...]:
    """Fields of the configuration that decide nothing in a search, or stand elsewhere."""
    return ("searches", "tuned_taus", "bins" if search.tuned else "tuned_bins")


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


@dataclass(frozen=True)
class _Asked:
    """The task of one search.

    Attributes:
        name: the search.
        label: convention, search and repeat, for the display.
        config: the search's configuration, with the seed of the repeat.
        taus: length to the taus of its schedule networks.
        nets: tau to the weights of its schedule network.
    """

    name: SearchName
    label: str
    config: SearchConfig
    taus: Mapping[int, tuple[int, ...]]
    nets: Mapping[int, Path]


def _search(
    context: Context, convention: Convention, asked: _Asked, score_weights: Path
) -> SearchRecord:
    """Run a search."""
    experiment, track, search = context.experiment, context.track, SEARCHES[asked.name]
    score_net = load_score_net(context, score_weights)
    evaluated = EvaluatedNet(track.networks.for_convention(score_net, convention), experiment.bf16)
    problem = track.judge.problem(score_net, evaluated, convention, asked.config)
    problem, judges = counted(problem)
    inputs = SearchInputs(
        config=asked.config,
        step_loss=experiment.schedule_net.loss,
        training=track.training,
        problem=problem,
        score_net=evaluated,
        schedule_net=lambda tau: load_schedule_net(context, convention, asked.nets[tau]),
        taus=asked.taus.__getitem__,
        examples=partial(track.items.examples, score_net, convention),
        distortion=partial(track.items.distortion, convention),
        device=context.device,
    )
    began = time.monotonic()
    label = f"search schedules ({asked.label})"
    with context.progress.task(label, search.work(inputs)) as advance:
        found = search.find(replace(inputs, observe=lambda: advance(1)))
    for reason, count in problem.failures.items():
        context.progress.say(f"{label}: {count} judgements failed: {reason}")
    return SearchRecord(
        schedules=_written(found),
        nfe=evaluated.evaluations,
        judged=sum(judge.judged for judge in judges),
        seconds=round(time.monotonic() - began, 1),
        threads=torch.get_num_threads(),
        scores=list(search.score_titles(problem)),
    )


def _written(found: Mapping[int, Found | str]) -> dict[int, FoundSchedule]:
    """Records of found schedules; reasons follow from the lengths, and are left out."""
    return {
        steps: FoundSchedule(
            betas=list(one.schedule.betas),
            start=None if one.start is None else one.start._asdict(),
            scores=list(one.scores),
            complete=one.complete,
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
            one.complete,
        )
        for steps, one in schedules.items()
    }


def _start(content: dict[str, Any]) -> NetStart | Start | ConstantStart:
    if "tau" in content:
        return NetStart(**content)
    return Start(**content) if "kernel" in content else ConstantStart(**content)
