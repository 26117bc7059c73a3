"""Sampling: every row and noise seed of the experiment, on the test clips."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bddm_ref.checkpoint import write_atomically
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.base import Sampler, Setting, SkipContestantError
from benchmarks.experiment import as_dict
from benchmarks.progress import Advance
from benchmarks.protocol import (
    Clip,
    EvaluatedNet,
    centre_clips,
    encode_clips,
    item_generators,
    start_noise,
)
from benchmarks.rows import Row, rows_of
from benchmarks.stages.context import Context, weights_digest
from benchmarks.stages.train import load_score_net
from benchmarks.tracks import speech
from benchmarks.workspace import StageFolder

VERSION = 1  # raised when a change here changes the samples that come out


@dataclass(frozen=True)
class Sampled:
    """A row's samples: one file for each noise seed, or the reason why there is none."""

    row: Row
    files: tuple[Path, ...]
    nfe: int
    betas: tuple[float, ...] | None = None  # of the sampling schedule, if it has one
    skipped: str | None = None


class Session:
    """What sampling and timing share: the network, the test clips, the contestants."""

    def __init__(
        self,
        context: Context,
        score_weights: Path,
        searched: Mapping[str, Mapping[int, NoiseSchedule]],
    ) -> None:
        self.context = context
        self.score_weights = score_weights
        self._searched = searched
        self.training = speech.training_schedule(context.experiment)

    @cached_property
    def score_net(self) -> nn.Module:
        """The trained score network."""
        return load_score_net(self.context, self.score_weights)

    @cached_property
    def clips(self) -> list[Clip]:
        """The test clips."""
        return test_clips(self.context, "sample")

    def sampler(self, row: Row) -> Sampler:
        """The contestant of a row, made ready.

        Raises:
            SkipContestantError: it cannot run.
        """
        setting = Setting(self.training, self._searched.get(row.convention.name, {}))
        return CONTESTANTS[row.contestant].prepare(row.steps, setting)

    def evaluated(self, row: Row, observe: Callable[[int], None] | None = None) -> EvaluatedNet:
        """The score network as the row's amplitude convention evaluates it."""
        adapted = speech.for_convention(self.score_net, row.convention)
        return EvaluatedNet(adapted, self.context.experiment.bf16, observe)

    def start(self, indices: Sequence[int], seed: int) -> tuple[Any, list[torch.Generator], Tensor]:
        """Condition, generators and x_N of some test clips."""
        clips = [self.clips[index] for index in indices]
        device = self.context.device
        bf16 = self.context.experiment.bf16
        condition = encode_clips(self.score_net, clips, bf16, device)
        generators = item_generators(seed, indices)
        return condition, generators, start_noise(generators, len(clips[0].waveform), device)


def test_clips(context: Context, stage: str) -> list[Clip]:
    """The clips of the test split that every row is judged on."""
    experiment = context.experiment
    utterances = context.corpus.split("test", stage, context.progress)
    return centre_clips(utterances, experiment.test_items, experiment.clip_frames)


def sampled_rows(session: Session) -> list[Sampled]:
    """Samples of every row, made now or found in the workspace."""
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
        """What became of the row."""
        if self.sampler is None:
            return Sampled(self.row, (), 0, skipped=self.skipped)
        files = tuple(folder.path / "samples.safetensors" for folder in self.folders)
        return Sampled(self.row, files, self.sampler.nfe, self.sampler.recipe.get("betas"))


def _plan(session: Session, row: Row) -> _Plan:
    context, experiment = session.context, session.context.experiment
    try:
        sampler = session.sampler(row)
    except SkipContestantError as reason:
        return _Plan(row, None, (), experiment.test_items, str(reason))
    inputs = {
        "version": VERSION,
        "row": row.name,
        "convention": as_dict(row.convention),
        "recipe": sampler.recipe,
        "score_net": weights_digest(session.score_weights),
        "data": context.corpus.sha256,
        "test_items": experiment.test_items,
        "clip_frames": experiment.clip_frames,
        "bf16": experiment.bf16,
        "device": context.device.type,
    }
    folders = tuple(
        context.workspace.stage("sample", inputs | {"seed": experiment.seed + seed})
        for seed in range(row.seeds)
    )
    return _Plan(row, sampler, folders, experiment.test_items)


def _sample_seed(session: Session, plan: _Plan, folder: StageFolder, advance: Advance) -> None:
    """Sample one row with one seed, batch by batch."""
    experiment = session.context.experiment
    assert plan.sampler is not None
    began = time.monotonic()
    evaluated = session.evaluated(plan.row, advance)
    parts = []
    for first in range(0, plan.items, experiment.batch_items):
        indices = range(first, min(first + experiment.batch_items, plan.items))
        condition, generators, x_N = session.start(indices, folder.inputs["seed"])
        x_0 = plan.sampler.run(evaluated, x_N, condition, generators)
        parts.append((x_0 / plan.row.convention.amplitude).cpu())
    file = folder.path / "samples.safetensors"
    tensors = {"samples": torch.cat(parts).contiguous()}
    write_atomically(file, lambda temporary: save_file(tensors, temporary))
    folder.finish([file], time.monotonic() - began)


def read_samples(file: Path) -> Tensor:
    """Samples of one row and seed, ``(items, L)``."""
    return load_file(file)["samples"]
