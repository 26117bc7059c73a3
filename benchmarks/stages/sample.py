"""Sampling: every row and noise seed of the experiment, on the test items."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.process import KERNELS
from benchmarks.contestants.base import Contestant, ContestantInputs, Sampler, SkipContestantError
from benchmarks.contestants.checked import CheckedContestant
from benchmarks.contestants.plugins import contestant
from benchmarks.core.experiment import PAPER, PER_LENGTH, Convention
from benchmarks.core.identity import convention_inputs, evaluation_inputs
from benchmarks.core.rows import Row, Sampled, rows_of
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import EvaluatedNet, item_generators, start_noise
from benchmarks.runtime.progress import Advance
from benchmarks.runtime.samples import SampleParts, write_samples
from benchmarks.runtime.workspace import StageFolder, write_json
from benchmarks.searches import SEARCHES
from benchmarks.searches.base import examples_power
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.networks import (
    Weights,
    evaluation_code,
    load_schedule_net,
    load_score_net,
    loaded_schedule_net,
    schedule_net_name,
)
from benchmarks.tracks.base import Track
from benchmarks.tracks.parts import DivergedError

FAILED = "failed.json"  # in the place of samples


class Session:
    """The network, the test items and the contestants, shared by sampling and timing."""

    def __init__(
        self,
        context: Context,
        weights: Weights,
        searched: Mapping[str, Mapping[str, Mapping[int, Found | str]]],
    ) -> None:
        self.context = context
        self.weights = weights
        self._searched = searched
        self._small_nets: dict[Path, tuple[nn.Module, str]] = {}
        self._powers: dict[str, Callable[[float], float]] = {}
        self._codes: dict[tuple[str, str | None], Code] = {}
        self.training = context.track.training

    @cached_property
    def score_net(self) -> nn.Module:
        """The trained score network."""
        return load_score_net(self.context, self.weights.score_net)

    def sampler(self, row: Row) -> Sampler:
        """Prepare the contestant of a row.

        Raises:
            SkipContestantError: the contestant cannot run.
        """
        convention, context = row.convention, self.context
        inputs = ContestantInputs(
            self.training,
            self._searched.get(convention.name, {}),
            lambda: self._small_net(convention, self._schedule_net(row)),
            lambda: self._small_net(convention, self.weights.noise_estimators[convention.name]),
            lambda: self._power(convention),
            {name: one.longest for name, one in SEARCHES.items() if one.longest is not None},
        )
        return contestant(row.contestant, context.experiment).prepare(row.steps, inputs)

    def code(self, row: Row, sampler: Sampler) -> Code:
        """Code of a row's samples; rows of one contestant and kernel share it."""
        key = (row.contestant, sampler.recipe.get("kernel"))
        if key not in self._codes:
            family = contestant(row.contestant, self.context.experiment)
            self._codes[key] = sampling_code(self.context, family, sampler) | DRIVING
        return self._codes[key]

    def _schedule_net(self, row: Row) -> Path:
        """Weights of the papers' schedule network for a row.

        Raises:
            SkipContestantError: each length has a network, and the row's length has none.
        """
        experiment = self.context.experiment
        steps = row.steps if experiment.schedule_net.tau == PER_LENGTH else None
        name = schedule_net_name(experiment, row.convention.name, PAPER, steps)
        if name not in self.weights.schedule_nets:
            raise SkipContestantError(f"no schedule network is trained for {row.steps} steps")
        return self.weights.schedule_nets[name]

    def _small_net(self, convention: Convention, weights: Path) -> tuple[nn.Module, str]:
        """Load a schedule network, or a network of the same architecture, once."""
        if weights not in self._small_nets:
            network = load_schedule_net(self.context, convention, weights)
            self._small_nets[weights] = network, weights_digest(weights)
        return self._small_nets[weights]

    def _power(self, convention: Convention) -> Callable[[float], float]:
        if convention.name not in self._powers:
            adapted = self.context.track.networks.for_convention(self.score_net, convention)
            evaluated = EvaluatedNet(adapted, self.context.experiment.bf16)
            examples = partial(self.context.track.items.examples, self.score_net, convention)
            seed = self.context.experiment.search.seed
            power = examples_power(evaluated, examples, self.training, seed)
            self._powers[convention.name] = power
        return self._powers[convention.name]

    def evaluated(self, row: Row, observe: Callable[[int], None] | None = None) -> EvaluatedNet:
        """The score network in the row's convention, counting evaluations."""
        adapted = self.context.track.networks.for_convention(self.score_net, row.convention)
        return EvaluatedNet(adapted, self.context.experiment.bf16, observe)

    def start(
        self, convention: Convention, indices: Sequence[int], seed: int
    ) -> tuple[Any, list[torch.Generator], Tensor]:
        """Make condition, generators and x_N of some test items."""
        track = self.context.track
        condition = track.items.conditions(self.score_net, indices)
        generators = item_generators(seed, indices)
        x_N = start_noise(generators, track.items.shape(convention), self.context.device)
        return condition, generators, x_N


def sampled_rows(session: Session) -> list[Sampled]:
    """Sample every row, or find its samples in the workspace."""
    experiment = session.context.experiment
    plans = [_plan(session, row) for row in rows_of(experiment)]
    missing = {plan: [f for f in plan.folders if not f.is_finished()] for plan in plans}
    total = sum(len(plan.folders) * plan.work for plan in plans)
    left = sum(len(folders) * plan.work for plan, folders in missing.items())
    with session.context.progress.task("sample (NFE)", total, total - left) as advance:
        for plan, folders in missing.items():
            for folder in folders:
                _sample_seed(session, plan, folder, advance)
    return [plan.result() for plan in plans]


@dataclass(frozen=True, eq=False)
class _Plan:
    row: Row
    sampler: Sampler | None
    folders: tuple[StageFolder, ...]  # one for each noise seed
    items: int
    skipped: str | None = None

    @property
    def work(self) -> int:
        """Network evaluations of one seed."""
        return self.items * (self.sampler.nfe if self.sampler else 0)

    def result(self) -> Sampled:
        """The row's samples, or the reason why there are none."""
        if self.sampler is None:
            return Sampled(self.row, (), 0, skipped=self.skipped)
        for folder in self.folders:
            if (folder.path / FAILED).is_file():
                reason = json.loads((folder.path / FAILED).read_text())["reason"]
                return Sampled(self.row, (), self.sampler.nfe, skipped=reason)
        files = tuple(folder.path / "samples.safetensors" for folder in self.folders)
        return Sampled(self.row, files, self.sampler.nfe, self.sampler.recipe.get("betas"))


def _plan(session: Session, row: Row) -> _Plan:
    context, experiment = session.context, session.context.experiment
    try:
        sampler = session.sampler(row)
    except SkipContestantError as reason:
        return _Plan(row, None, (), row.items, str(reason))
    code = session.code(row, sampler)
    inputs = {
        "row": row.name,
        "convention": convention_inputs(row.convention),
        "recipe": sampler.recipe,
        "score_net": weights_digest(session.weights.score_net),
        "data": context.track.data.digest("test"),
        **context.track.identity("sample"),
        "items": row.items,
        **evaluation_inputs(context.identity),
    }
    folders = tuple(
        context.workspace.stage("sample", inputs | {"seed": experiment.seed + seed}, code)
        for seed in range(row.seeds)
    )
    return _Plan(row, sampler, folders, row.items)


def _sample_seed(session: Session, plan: _Plan, folder: StageFolder, advance: Advance) -> None:
    """Sample one row with one seed, batch by batch; an interrupted row goes on where it was."""
    experiment = session.context.experiment
    assert plan.sampler is not None
    began = time.monotonic()
    track = session.context.track
    evaluated = session.evaluated(plan.row, advance)
    parts = SampleParts(folder.path)
    advance(parts.items * plan.sampler.nfe)
    for first in range(parts.items, plan.items, experiment.batch_items):
        indices = range(first, min(first + experiment.batch_items, plan.items))
        condition, generators, x_N = session.start(
            plan.row.convention, indices, folder.inputs["seed"]
        )
        x_0 = plan.sampler.run(evaluated, x_N, condition, generators)
        try:
            parts.add(track.items.finished(x_0, plan.row.convention).cpu())
        except DivergedError as reason:
            file = folder.path / FAILED
            write_json(file, {"reason": str(reason)})
            break
    else:
        file = folder.path / "samples.safetensors"
        write_samples(file, parts.joined())
    folder.finish([file], parts.seconds + time.monotonic() - began)
    parts.remove()


def sampling_code(context: Context, contestant: Contestant, sampler: Sampler) -> Code:
    """Code of a row's samples: the contestant, the score network, and the items."""
    items = context.track.items
    found = contestant_code(contestant, sampler, context.track) | evaluation_code(context)
    if found.attributes & {"schedule_net", "noise_estimator"}:
        found |= loaded_schedule_net(context)
    return found | code_of(
        items.shape, items.conditions, items.finished, item_generators, start_noise
    )


def contestant_code(contestant: Contestant, sampler: Sampler, track: Track) -> Code:
    """Code of a contestant; a user's own counts with all files of the user that it imports."""
    if isinstance(contestant, CheckedContestant):
        found = code_of(contestant.module, contestant.inner)
    else:
        found = code_of(contestant)
    kernel = getattr(contestant, "kernel", sampler.recipe.get("kernel"))
    if kernel in KERNELS:
        found |= code_of(KERNELS[kernel])
    if "power" in found.attributes:
        found |= code_of(examples_power, track.items.examples)
    return found


DRIVING = code_of(Alone(_sample_seed), Alone(Session.start), Alone(Session.evaluated))
"""Functions of this file that every sample goes through."""
