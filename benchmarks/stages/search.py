"""The search for sampling schedules, on validation data: each grid in each convention."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas
from bddm_ref.search import Candidate, SearchPlan, search
from bddm_ref.search_released import released_search
from benchmarks.experiment import Convention, as_dict
from benchmarks.protocol import EvaluatedNet, item_generators, start_noise
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.train import load_schedule_net, load_score_net
from benchmarks.workspace import write_json

VERSION = 2  # raised when a change here changes the schedules that come out


@dataclass(frozen=True)
class SearchResult:
    """Schedules by length, and what finding them cost."""

    schedules: dict[int, NoiseSchedule]
    record: dict[str, Any]  # the file's content


def searched_schedules(
    context: Context,
    convention: Convention,
    grid: str,
    score_weights: Path,
    schedule_weights: Path,
) -> SearchResult:
    """The best schedule of each length that a grid leads to, from the workspace if it is there."""
    experiment = context.experiment
    inputs = {
        "version": VERSION,
        "config": {k: v for k, v in as_dict(experiment.search).items() if k != "grids"},
        "grid": grid,
        "convention": as_dict(convention),
        "training_schedule": as_dict(experiment.training_schedule),
        "data": context.track.data.sha256,
        "score_net": weights_digest(score_weights),
        "schedule_net": weights_digest(schedule_weights),
        "bf16": experiment.bf16,
        "device": context.device.type,
        **context.track.judge_inputs,
    }
    folder = context.workspace.stage("search", inputs)
    file = folder.path / "schedules.json"
    if not folder.is_finished():
        found = _search(context, convention, grid, score_weights, schedule_weights)
        write_json(file, found)
        folder.finish([file], found["seconds"])
    record = json.loads(file.read_text())
    schedules = {
        int(steps): NoiseSchedule(tuple(found["betas"]))
        for steps, found in record["schedules"].items()
    }
    return SearchResult(schedules, record)


def _search(
    context: Context,
    convention: Convention,
    grid: str,
    score_weights: Path,
    schedule_weights: Path,
) -> dict[str, Any]:
    config = context.experiment.search
    score_net = load_score_net(context, score_weights)
    schedule_net = load_schedule_net(context, schedule_weights)
    track = context.track
    adapted = track.for_convention(score_net, convention)
    evaluated = EvaluatedNet(adapted, context.experiment.bf16)
    bench = track.search_bench(score_net, evaluated, convention)

    def propose(start: Start) -> list[float]:
        generators = item_generators(config.seed, range(config.pass_items))
        x_N = start_noise(generators, bench.item_shape, context.device)
        return schedule_betas(
            (evaluated, schedule_net),
            start,
            x_N,
            bench.condition,
            track.training,
            max(config.lengths),
            generator=generators[0],
        )

    plan = SearchPlan(
        tuple(config.lengths),
        config.bins,
        config.finalists,
        config.refinements,
        config.seed,
        grid,
    )
    per_length = config.refinements + (0 if config.released else config.finalists)
    work = len(plan.starts(track.training)) + len(config.lengths) * per_length
    began = time.monotonic()
    with context.progress.task(
        f"search schedules ({convention.name}, grid {grid})", work
    ) as advance:
        searching = released_search if config.released else search
        found = searching(propose, bench.judge, track.training, plan, lambda: advance(1))
    return {
        "schedules": {str(steps): _record(candidate) for steps, candidate in found.items()},
        "nfe": evaluated.evaluations,
        "seconds": round(time.monotonic() - began, 1),
        "threads": torch.get_num_threads(),
        "scores": list(bench.scores),
    }


def _record(candidate: Candidate) -> dict[str, Any]:
    return {
        "betas": list(candidate.schedule.betas),
        "start": candidate.start._asdict(),
        "scores": list(candidate.scores),
    }
