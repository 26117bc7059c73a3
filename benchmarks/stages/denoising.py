"""Watching a sampler denoise: the clean estimate of every evaluation, for a row of each convention.

The row is BDDM's of 7 steps, or of the nearest length. Its first noise seed is sampled again, for a
few items, from the start noise that its samples came from.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from benchmarks.contestants.base import Sampler
from benchmarks.contestants.plugins import contestant
from benchmarks.core.experiment import Convention
from benchmarks.core.rows import Sampled, Watched
from benchmarks.core.schedule_nets import repeats_in
from benchmarks.runtime.code.closure import Alone, code_of
from benchmarks.runtime.progress import Advance
from benchmarks.runtime.samples import write_samples
from benchmarks.runtime.watched import WatchedNet
from benchmarks.runtime.workspace import StageFolder
from benchmarks.stages.sample import Session
from benchmarks.tracks.shown import BDDM, LITERAL, LONGEST_SHOWN

STEPS = 7  # of the row to watch, where there is one
ESTIMATES = "estimates.safetensors"


def watched_rows(session: Session, sampled: Sequence[Sampled]) -> list[Watched]:
    """Watch a row of each convention, or find its estimates in the workspace.

    A convention without samples of BDDM in at most 16 steps has none.
    """
    count = session.context.track.scores.watched_items
    if count == 0:
        return []
    chosen = [_chosen(session, sampled, one) for one in session.context.experiment.conventions]
    return [_watched(session, one, count) for one in chosen if one is not None]


def _chosen(session: Session, sampled: Sequence[Sampled], convention: Convention) -> Sampled | None:
    """The row to watch: of tuned schedules before all others, then of the nearest length."""
    order = {BDDM: 0, LITERAL: 1}
    found = [
        one
        for one in sampled
        if one.row.convention == convention
        and one.files
        and one.row.steps <= LONGEST_SHOWN
        and contestant(one.row.contestant, session.context.experiment).role == "bddm"
    ]

    def place(one: Sampled) -> tuple[int, int, int]:
        steps = one.row.steps
        return order.get(one.row.contestant, len(order)), abs(steps - STEPS), steps

    return min(found, key=place, default=None)


def _watched(session: Session, one: Sampled, count: int) -> Watched:
    row, context = one.row, session.context
    number, file = next(iter(one.by_seed.items()))
    sampler = session.sampler(row, number % repeats_in(context.experiment, row.convention))
    items = min(count, row.items)
    # The folder of the samples is named by the fingerprint of everything that decides them.
    inputs = {
        "samples": file.parent.name,
        "items": items,
        "seed": context.experiment.seed + number,
    }
    folder = context.workspace.stage("denoise", inputs, session.code(row, sampler) | WATCHING)
    if not folder.is_finished():
        with context.progress.task("denoise (NFE)", items * sampler.nfe) as advance:
            _watch(session, one, sampler, folder, advance)
    return Watched(row, folder.path / ESTIMATES)


def _watch(
    session: Session, one: Sampled, sampler: Sampler, folder: StageFolder, advance: Advance
) -> None:
    began, items = time.monotonic(), session.context.track.items
    convention, inputs = one.row.convention, folder.inputs
    condition, generators, x_N = session.start(convention, range(inputs["items"]), inputs["seed"])
    watched = WatchedNet(session.evaluated(one.row, advance))
    sampler.run(watched, x_N, condition, generators)
    estimates = [items.finished(x_0, convention).cpu() for x_0 in watched.estimates]
    file = folder.path / ESTIMATES
    write_samples(file, torch.stack(estimates))
    folder.finish([file], time.monotonic() - began)


WATCHING = code_of(Alone(_watch), WatchedNet)
"""Functions of this file that every estimate goes through."""
