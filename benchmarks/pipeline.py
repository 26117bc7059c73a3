"""A run: its stages in order, each skipped where its work is already there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks import distributed
from benchmarks.contestants.known import contestant
from benchmarks.contestants.noise_estimation import NoiseEstimation
from benchmarks.experiment import Experiment
from benchmarks.precision import suited
from benchmarks.progress import Progress
from benchmarks.report.build import build_results
from benchmarks.report.publish import publish
from benchmarks.rows import rows_of
from benchmarks.searches import PAPER
from benchmarks.stages.clock import timed_rows
from benchmarks.stages.context import Context
from benchmarks.stages.sample import Session, sampled_rows
from benchmarks.stages.search import SearchResult, searched_schedules
from benchmarks.stages.train import (
    judge_net_weights,
    noise_estimator_weights,
    schedule_net_name,
    schedule_net_weights,
    score_net_weights,
)

STAGES = ("data", "train", "search", "sample", "score", "report")


@dataclass
class Run:
    """One run of an experiment, up to some stage."""

    context: Context
    from_scratch: bool = False  # train all networks, whatever weights the experiment names
    seconds: dict[str, float] = field(default_factory=dict)  # wall-clock of each stage

    def until(self, last: str, results: Path) -> Path | None:
        """Run every stage up to ``last``; the report's table, if it comes to that."""
        wanted = STAGES[: STAGES.index(last) + 1]
        experiment = self.context.experiment
        rows_of(experiment)  # a mistake in the rows should not wait for the training
        with self._timed("data"):
            if not distributed.is_first():
                distributed.wait_for_all()  # the first process fetches, the others find
            data = self.context.track.data
            if distributed.is_first():
                distributed.wait_for_all()
            sizes = ", ".join(f"{count} {split}" for split, count in data.sizes().items())
            self.context.progress.say(f"data: {data.name}, {sizes}")
        if "train" not in wanted:
            return None
        self.context.track.refuse_unknown_metrics()
        self.context.track.refuse_impossible()
        with self._timed("train"):
            self.context.track.judge_weights = judge_net_weights(self.context, self.from_scratch)
            score_weights = score_net_weights(self.context, self.from_scratch)
            wanted_nets = {
                schedule_net_name(experiment, convention.name, search): (convention, search)
                for convention in experiment.conventions
                for search in (PAPER, *experiment.search.searches)
            }
            schedule_weights = {
                name: schedule_net_weights(self.context, *whose, score_weights, self.from_scratch)
                for name, whose in wanted_nets.items()
            }
            estimators = self._noise_estimators()
        if "search" not in wanted or not distributed.is_first():
            return None
        with self._timed("search"):
            searched: dict[str, dict[str, SearchResult]] = {
                convention.name: {
                    name: searched_schedules(
                        self.context,
                        convention,
                        name,
                        score_weights,
                        schedule_weights[schedule_net_name(experiment, convention.name, name)],
                    )
                    for name in experiment.search.searches
                }
                for convention in experiment.conventions
            }
        if "sample" not in wanted:
            return None
        weights = {"score_net": score_weights, **estimators}
        return self._measure(weights, schedule_weights, searched, wanted, results)

    def _noise_estimators(self) -> dict[str, Path]:
        """Trained here, where all processes are, if a row needs them."""
        experiment = self.context.experiment
        needed = {
            row.convention.name: row.convention
            for row in rows_of(experiment)
            if isinstance(contestant(row.contestant, experiment), NoiseEstimation)
        }
        return {
            f"noise_estimator/{name}": noise_estimator_weights(self.context, convention)
            for name, convention in needed.items()
        }

    def _measure(
        self,
        weights: dict[str, Path],
        schedule_weights: dict[str, Path],
        searched: dict[str, dict[str, SearchResult]],
        wanted: tuple[str, ...],
        results: Path,
    ) -> Path | None:
        found = {
            name: {search: result.found for search, result in results_of.items()}
            for name, results_of in searched.items()
        }
        session = Session(self.context, weights["score_net"], schedule_weights, found)
        with self._timed("sample"):
            sampled = sampled_rows(session)
            timings = timed_rows(session)
        if "score" not in wanted:
            return None
        with self._timed("score"):
            scored = self.context.track.score(self.context.workspace, sampled)
        if "report" not in wanted:
            return None
        weights |= {f"schedule_net/{name}": path for name, path in schedule_weights.items()}
        if self.context.track.judge_weights is not None:
            weights["judge"] = self.context.track.judge_weights
        evaluation = scored.evaluate()
        document = build_results(self.context, sampled, evaluation, timings, searched, weights)
        document["wall_seconds"] = self.context.workspace.seconds()
        return publish(document, scored.records, sampled, self.context, results)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - began


def prepare_machine(experiment: Experiment, progress: Progress) -> Experiment:
    """Set torch's threads, and join the process group under ``torchrun``.

    Returns:
        The experiment as this machine runs it: in float32 where bfloat16 would be emulated.
    """
    torch.set_num_threads(experiment.threads or os.cpu_count() or 1)
    distributed.join(experiment.device)
    device = distributed.own_device(experiment.device)
    prepared = suited(experiment, device)
    if prepared is not experiment and distributed.is_first():
        progress.say(f"float32: this {device.type} device has no bfloat16 instructions")
    return prepared


def describe(run: Run) -> dict[str, Any]:
    """Stage to seconds, for the log."""
    return {stage: round(seconds, 1) for stage, seconds in run.seconds.items()}
