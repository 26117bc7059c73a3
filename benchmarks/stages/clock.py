"""Wall-clock of every row: whole sampler calls, batch 1, contestants interleaved."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.contestants.base import Sampler, SkipContestantError
from benchmarks.experiment import as_dict, evaluation_inputs
from benchmarks.rows import Row, rows_of
from benchmarks.stages.context import weights_digest
from benchmarks.stages.sample import Session
from benchmarks.workspace import write_json
from metrics.timing import Timing, clock_for, machine_is_busy, measure_interleaved

VERSION = 2  # raised when a change here changes what is timed
DIFFERENT_INPUTS = 20  # test items that the rounds go through
NETWORK = "network"  # key of one evaluation of the score network


def timed_rows(session: Session) -> dict[str, Any]:
    """Seconds of every round of every row, and of one network evaluation.

    Returns:
        ``rows`` (key to list of seconds), ``busy`` (whether other work went on before),
        ``threads``, and the track's timing notes.
    """
    context, experiment = session.context, session.context.experiment
    samplers = {
        row.key: (row, sampler)
        for row in rows_of(experiment)
        if (sampler := _sampler(session, row))
    }
    inputs = {
        "version": VERSION,
        "timing": as_dict(experiment.timing),
        "rows": {key: sampler.recipe for key, (_, sampler) in samplers.items()},
        "score_net": weights_digest(session.score_weights),
        "item_shapes": {c.name: context.track.item_shape(c) for c in experiment.conventions},
        **evaluation_inputs(experiment),
        **context.track.form_inputs,
        "device": str(context.device),
        "threads": torch.get_num_threads(),
    }
    folder = context.workspace.stage("time", inputs)
    file = folder.path / "seconds.json"
    if not folder.is_finished():
        began = time.monotonic()
        calls = {key: _call(session, row, sampler) for key, (row, sampler) in samplers.items()}
        timings, busy = _measure(session, calls)
        write_json(
            file,
            {
                "rows": {key: list(timing.seconds) for key, timing in timings.items()},
                "busy": busy,
                "threads": torch.get_num_threads(),
                **context.track.timing_notes,
            },
        )
        folder.finish([file], time.monotonic() - began)
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def _measure(
    session: Session, calls: dict[str, Callable[[int], object]]
) -> tuple[dict[str, Timing], bool]:
    experiment = session.context.experiment
    config = experiment.timing
    steps = {row.key: row.steps for row in rows_of(experiment)}
    rounds = {
        key: config.rounds_long if steps[key] > config.long else config.rounds for key in calls
    }
    calls = calls | {NETWORK: _one_evaluation(session)}
    rounds[NETWORK] = config.rounds
    busy = machine_is_busy()
    with session.context.progress.task("time the samplers", sum(rounds.values())) as advance:
        timings = measure_interleaved(
            calls,
            rounds,
            config.warmup,
            experiment.seed,
            clock_for(session.context.device),
            observe=lambda key, index, seconds: advance(1),
        )
    return timings, busy


def _sampler(session: Session, row: Row) -> Sampler | None:
    try:
        return session.sampler(row)
    except SkipContestantError:
        return None


def _call(session: Session, row: Row, sampler: Sampler) -> Callable[[int], object]:
    """One timed call: noise to finished tensor; the round chooses the item."""
    evaluated = session.evaluated(row)
    indices = range(min(row.items, DIFFERENT_INPUTS))
    starts = [session.start(row.convention, [index], 0) for index in indices]

    def call(round_number: int) -> object:
        condition, generators, x_N = starts[round_number % len(starts)]
        return sampler.run(evaluated, x_N, condition, generators)

    return call


def _one_evaluation(session: Session) -> Callable[[int], object]:
    row = rows_of(session.context.experiment)[0]
    evaluated = session.evaluated(row)
    condition, _, x_N = session.start(row.convention, [0], 0)
    level = session.training.alphas[len(session.training) // 2 :][:1].to(x_N.device)

    @torch.no_grad()
    def call(round_number: int) -> object:
        return evaluated(x_N, level, condition)

    return call
