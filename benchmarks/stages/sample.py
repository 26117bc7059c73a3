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
from benchmarks.core.experiment import Convention
from benchmarks.core.identity import convention_inputs, evaluation_inputs
from benchmarks.core.rows import Row, Sampled, rows_of
from benchmarks.core.schedule_nets import NetKey, repeats_in
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import EvaluatedNet, item_generators, start_noise
from benchmarks.runtime.progress import Advance, in_words
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
        searched: Mapping[str, Mapping[str, Sequence[Mapping[int, Found | str]]]],
    ) -> None:
        self.context = context
        self.weights = weights
        self._searched = searched
        self._small_nets: dict[Path, tuple[nn.Module, str]] = {}
        self._powers: dict[str, Callable[[float], float]] = {}
        self._codes: dict[tuple[str, str | None], Code] = {}
        self._samplers: dict[tuple[str, int], Sampler] = {}
        self.training = context.track.training

    @cached_property
    def score_net(self) -> nn.Module:
        """The trained score network."""
        return load_score_net(self.context, self.weights.score_net)

    def sampler(self, row: Row, repeat: int = 0) -> Sampler:
        """Prepare the contestant of a row, with the schedules of one repeat; once in a session.

        Raises:
            SkipContestantError: the contestant cannot run.
        """
        place = row.key, repeat
        if place not in self._samplers:
            self._samplers[place] = self._prepared(row, repeat)
        return self._samplers[place]

    def _prepared(self, row: Row, repeat: int) -> Sampler:
        convention, context = row.convention, self.context
        searched = self._searched.get(convention.name, {})
        inputs = ContestantInputs(
            self.training,
            {name: found[repeat] for name, found in searched.items()},
            lambda tau: self._small_net(convention, self._schedule_net(convention, tau, repeat)),
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

    def _schedule_net(self, convention: Convention, tau: int, repeat: int) -> Path:
        """Weights of the schedule network of a tau.

        Raises:
            SkipContestantError: there is none.
        """
        loss = self.context.experiment.schedule_net.loss
        key = NetKey(convention.name, loss, tau, repeat)
        if key not in self.weights.schedule_nets:
            raise SkipContestantError(f"no schedule network is trained for tau = {tau}")
        return self.weights.schedule_nets[key]

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


def sampled_rows(session: Session, seconds_each: float | None = None) -> list[Sampled]:
    """Sample every row, or find its samples in the workspace.

    Args:
        session: the run's network, items and contestants.
        seconds_each: measured seconds of one evaluation of one item, to say how long it takes.
    """
    experiment = session.context.experiment
    plans = [_plan(session, row) for row in rows_of(experiment)]
    every = [(plan, seed) for plan in plans for seed in plan.seeds]
    missing = [(plan, seed) for plan, seed in every if not seed.folder.is_finished()]
    total, left = (sum(p.row.items * s.sampler.nfe for p, s in some) for some in (every, missing))
    if missing:
        takes = "" if seconds_each is None else f", about {in_words(left * seconds_each)}"
        session.context.progress.say(
            f"sample: {len(every) - len(missing)} of {len(every)} sets of samples are finished; "
            f"{left} evaluations of the score network are left{takes}"
        )
    with session.context.progress.task("sample (NFE)", total, total - left) as advance:
        for plan, seed in missing:
            _sample_seed(session, plan.row, seed, advance.after_skipping())
    return [plan.result() for plan in plans]


@dataclass(frozen=True)
class _Seed:
    """One noise seed of a row, with the sampler of its repeat."""

    number: int
    sampler: Sampler
    folder: StageFolder


@dataclass(frozen=True, eq=False)
class _Plan:
    """The noise seeds of a row that have a sampler, and the reasons of all others."""

    row: Row
    seeds: tuple[_Seed, ...]
    missing: dict[int, str]

    def result(self) -> Sampled:
        """The row's samples, or the reason why there are none."""
        if not self.seeds:
            return Sampled(self.row, (), 0, skipped=self.missing[0])
        first = self.seeds[0].sampler
        for seed in self.seeds:
            if (seed.folder.path / FAILED).is_file():
                reason = json.loads((seed.folder.path / FAILED).read_text())["reason"]
                return Sampled(self.row, (), first.nfe, skipped=reason)
        return Sampled(
            self.row,
            tuple(seed.folder.path / "samples.safetensors" for seed in self.seeds),
            first.nfe,
            first.recipe.get("betas"),
            seeds=tuple(seed.number for seed in self.seeds),
            missing=self.missing,
        )


def _plan(session: Session, row: Row) -> _Plan:
    context, experiment = session.context, session.context.experiment
    shared = {
        "row": row.name,
        "convention": convention_inputs(row.convention),
        "score_net": weights_digest(session.weights.score_net),
        "data": context.track.data.digest("test"),
        **context.track.identity("sample"),
        "items": row.items,
        **evaluation_inputs(context.identity),
    }
    seeds, missing = [], dict[int, str]()
    for number in range(row.seeds):
        try:
            sampler = session.sampler(row, number % repeats_in(experiment, row.convention))
        except SkipContestantError as reason:
            missing[number] = str(reason)
            continue
        inputs = shared | {"recipe": sampler.recipe, "seed": experiment.seed + number}
        folder = context.workspace.stage("sample", inputs, session.code(row, sampler))
        seeds.append(_Seed(number, sampler, folder))
    return _Plan(row, tuple(seeds), missing)


def _sample_seed(session: Session, row: Row, seed: _Seed, advance: Advance) -> None:
    """Sample one row with one seed, batch by batch; an interrupted row goes on where it was."""
    experiment, sampler, folder = session.context.experiment, seed.sampler, seed.folder
    began = time.monotonic()
    track = session.context.track
    evaluated = session.evaluated(row, advance)
    parts = SampleParts(folder.path)
    advance(parts.items * sampler.nfe)
    for first in range(parts.items, row.items, experiment.batch_items):
        indices = range(first, min(first + experiment.batch_items, row.items))
        condition, generators, x_N = session.start(row.convention, indices, folder.inputs["seed"])
        x_0 = sampler.run(evaluated, x_N, condition, generators)
        try:
            parts.add(track.items.finished(x_0, row.convention).cpu())
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
