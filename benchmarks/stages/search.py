"""The searches for sampling schedules, on validation data, in each convention."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bddm_ref.extras.by_level import measured_ratio
from bddm_ref.extras.rules import (
    ConstantStart,
    closed_form_rule,
    constant_rule,
    constant_starts,
    network_rule,
    rule_betas,
)
from bddm_ref.extras.search_frugal import frugal_search
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas
from bddm_ref.search_released import released_search
from bddm_ref.searching import Candidate, Propose, SearchPlan, search
from bddm_ref.settings import StepLossForm
from benchmarks.contestants.base import Found
from benchmarks.core.experiment import Convention, as_dict, convention_inputs, evaluation_inputs
from benchmarks.core.search_names import SearchName
from benchmarks.runtime.noise import EvaluatedNet, item_generators, start_noise
from benchmarks.runtime.workspace import write_json
from benchmarks.searches import SEARCHES, RivalKind, SearchKind
from benchmarks.searches.base import Workshop
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import (
    load_schedule_net,
    load_score_net,
    net_lengths,
    schedule_net_name,
)
from benchmarks.stages.power import examples_power
from benchmarks.tracks.base import SearchBench

DENSER = 4  # times as many cells a side where a start costs nothing; the others are among them
VERSION = 2  # raised when a change here changes the schedules that come out
FRUGAL_VERSION = 5  # of bddm_ref.extras.search_frugal, likewise
POWER_VERSION = 2  # of bddm_ref.extras.by_level.measured_power, likewise


@dataclass(frozen=True)
class SearchResult:
    """Schedules by length, and what finding them cost."""

    found: dict[int, Found]
    record: dict[str, Any]  # the file's content


def all_searched(
    context: Context,
    convention: Convention,
    name: SearchName,
    score_weights: Path,
    schedule_weights: Mapping[str, Path],
) -> SearchResult:
    """What a search finds for every length, be it with one schedule network or one for each."""
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
    joined = records[0] | {
        "schedules": {k: v for record in records for k, v in record["schedules"].items()},
        "nfe": sum(record["nfe"] for record in records),
        "seconds": sum(record["seconds"] for record in records),
    }
    return SearchResult({k: v for one in results for k, v in one.found.items()}, joined)


def searched_schedules(
    context: Context,
    convention: Convention,
    name: SearchName,
    score_weights: Path,
    schedule_weights: Path,
    lengths: tuple[int, ...],
) -> SearchResult:
    """The best schedule of each length that a search finds, from the workspace if it is there."""
    experiment = context.experiment
    inputs = {
        "version": VERSION,
        "config": {k: v for k, v in as_dict(experiment.search).items() if k != "searches"}
        | {"lengths": list(lengths)},
        "grid": name,
        "convention": convention_inputs(convention),
        "training_schedule": as_dict(experiment.training_schedule),
        "data": context.track.data.digest("valid"),
        "score_net": weights_digest(score_weights),
        "schedule_net": weights_digest(schedule_weights),
        **evaluation_inputs(context.identity),
        **context.track.judge_inputs,
    }
    kind = SEARCHES[name]
    if isinstance(kind, RivalKind):
        inputs["rival"] = kind.rival.version
    elif kind.chooser == "closed form":
        inputs |= {"loss": kind.loss or experiment.schedule_net.loss, "power": POWER_VERSION}
    elif kind.chooser == "network by level":
        inputs["frugal"] = FRUGAL_VERSION
    folder = context.workspace.stage("search", inputs)
    file = folder.path / "schedules.json"
    if not folder.is_finished():
        made = _search(context, convention, (name, lengths), score_weights, schedule_weights)
        write_json(file, made)
        folder.finish([file], made["seconds"])
    record = json.loads(file.read_text())
    followed = kind.chooser == "network"
    found = {
        int(steps): Found(
            NoiseSchedule(tuple(content["betas"])), Start(**content["start"]) if followed else None
        )
        for steps, content in record["schedules"].items()
    }
    return SearchResult(found, record)


def _search(
    context: Context,
    convention: Convention,
    what: tuple[SearchName, tuple[int, ...]],
    score_weights: Path,
    schedule_weights: Path,
) -> dict[str, Any]:
    name, lengths = what
    config, kind = context.experiment.search, SEARCHES[name]
    score_net = load_score_net(context, score_weights)
    schedule_net = load_schedule_net(context, convention, schedule_weights)
    track = context.track
    adapted = track.for_convention(score_net, convention)
    evaluated = EvaluatedNet(adapted, context.experiment.bf16)
    bench = track.search_bench(score_net, evaluated, convention)

    plan = SearchPlan(lengths, config.finalists, config.refinements, config.seed)
    label = f"search schedules ({convention.name}, {name})"
    began = time.monotonic()
    if isinstance(kind, RivalKind):
        with context.progress.task(label, kind.rival.work(plan.lengths)) as advance:
            examples = track.examples(score_net, convention)
            shop = Workshop(
                track.training, evaluated, bench.judge, plan, examples, lambda: advance(1)
            )
            schedules = _judged(kind.rival.find(shop), bench)
    elif kind.chooser == "network by level":
        generator = torch.Generator().manual_seed(config.seed)
        items, _ = track.examples(score_net, convention)
        # As in a pass; known distributions give float64.
        ratio = measured_ratio(schedule_net, items.float(), track.training, generator)
        schedules = _frugal(context, kind, (plan, label), bench, ratio, convention)
    else:
        networks = (evaluated, schedule_net)
        power = partial(examples_power, context, score_net, evaluated, convention)
        schedules = _searched(context, (kind, plan, label), networks, bench, power)
    return {
        "schedules": schedules,
        "nfe": evaluated.evaluations,
        "seconds": round(time.monotonic() - began, 1),
        "threads": torch.get_num_threads(),
        "scores": list(bench.scores),
    }


def _judged(found: Mapping[int, NoiseSchedule], bench: SearchBench) -> dict[str, Any]:
    """A rival's schedules, with the scores of a trial that had no part in finding them.

    The judge samples by DDPM's kernel, whatever the rival itself is sampled by.
    """
    return {
        str(steps): {"betas": list(one.betas), "scores": list(bench.judge(one, 2))}
        for steps, one in found.items()
    }


def _searched(
    context: Context,
    what: tuple[SearchKind, SearchPlan, str],
    networks: tuple[EvaluatedNet, nn.Module],
    bench: SearchBench,
    measure_power: Callable[[], Callable[[float], float]],
) -> dict[str, Any]:
    """The papers' search, or one without their network."""
    config, training = context.experiment.search, context.track.training
    kind, plan, label = what
    grid = kind.grid(training, config.bins)
    if kind.chooser == "closed form":  # it follows no sample: both kernels would propose the same
        grid = [start for start in grid if start.kernel == grid[0].kernel]
    constants = constant_starts(grid) if kind.chooser == "constants" else []
    released = config.released and not constants
    per_length = config.refinements + (0 if released else config.finalists)
    work = len(constants or grid) + len(plan.lengths) * per_length
    with context.progress.task(label, work) as advance:
        arguments = (training, plan, lambda: advance(1))
        candidates: Mapping[int, Candidate[Start] | Candidate[ConstantStart]]
        if constants:
            propose_constants = _by_constants(context, max(plan.lengths))
            candidates = search(propose_constants, bench.judge, constants, *arguments)
        else:
            propose = (
                _by_network(context, networks, bench, max(plan.lengths))
                if kind.chooser == "network"
                else _by_closed_form(context, measure_power(), kind.loss, max(plan.lengths))
            )
            searching = released_search if released else search
            candidates = searching(propose, bench.judge, grid, *arguments)
    return {str(steps): _record(candidate) for steps, candidate in candidates.items()}


def _frugal(
    context: Context,
    kind: SearchKind,
    what: tuple[SearchPlan, str],
    bench: SearchBench,
    ratio: Callable[[float], float],
    convention: Convention,
) -> dict[str, Any]:
    """The search that ranks by arithmetic before it samples."""
    training, (plan, label) = context.track.training, what
    grid = kind.grid(training, DENSER * (context.experiment.search.bins + 1) - 1)
    places = len({start[:2] for start in grid})
    with context.progress.task(label, places + len(plan.lengths)) as advance:
        found = frugal_search(
            lambda start, spare: rule_betas(
                network_rule(ratio, spare), start, training, max(plan.lengths)
            ),
            context.track.distortion(convention),
            bench.judge,
            grid,
            training,
            plan,
            lambda: advance(1),
        )
    return {str(steps): _record(candidate) for steps, candidate in found.items()}


def _by_network(
    context: Context,
    networks: tuple[EvaluatedNet, nn.Module],
    bench: SearchBench,
    longest: int,
) -> Propose[Start]:
    """Passes of noise scheduling, all from the same noise."""
    config = context.experiment.search

    def propose(start: Start) -> list[float]:
        generators = item_generators(config.seed, range(config.pass_items))
        x_N = start_noise(generators, bench.item_shape, context.device)
        return schedule_betas(
            networks,
            start,
            x_N,
            bench.condition,
            context.track.training,
            longest,
            generator=generators[0],
        )

    return propose


def _by_closed_form(
    context: Context, power: Callable[[float], float], form: StepLossForm | None, longest: int
) -> Propose[Start]:
    """The optimum of the step loss for the power of eps that is measured on validation data."""
    training = context.track.training
    rule = closed_form_rule(power, form or context.experiment.schedule_net.loss)
    return lambda start: rule_betas(rule, start, training, longest)


def _by_constants(context: Context, longest: int) -> Propose[ConstantStart]:
    training = context.track.training
    return lambda start: rule_betas(constant_rule(start), start, training, longest)


def _record(candidate: Candidate[Start] | Candidate[ConstantStart]) -> dict[str, Any]:
    return {
        "betas": list(candidate.schedule.betas),
        "start": candidate.start._asdict(),
        "scores": list(candidate.scores),
    }
