"""Wall-clock of every row: whole sampler calls, batch 1, contestants interleaved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from bddm_ref.files import sha256_of
from benchmarks.contestants.base import Sampler, SkipContestantError
from benchmarks.core.identity import as_dict, without
from benchmarks.core.rows import Row, rounds_of, rows_of
from benchmarks.results.forms import document_file
from benchmarks.results.origins import TimesFrom
from benchmarks.results.records import ENCODER, NETWORK, Timings
from benchmarks.results.speed import OURS, SpeedDocument, sampler_case
from benchmarks.runtime import provenance
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.code.closure import Alone, Code, code_of
from benchmarks.stages.context import weights_digest
from benchmarks.stages.networks import evaluation_code
from benchmarks.stages.sample import Session
from metrics.times import Timing
from metrics.timing import clock_for, machine_is_busy, measure_interleaved

DIFFERENT_INPUTS = 20  # test items that the rounds go through
UNUSED = {"claimed": (), "rounds_claimed": 25}  # no row is behind a claim


def timed_rows(session: Session) -> Timings:
    """Seconds of every round of every row, of one network evaluation, and of one encoding."""
    context, experiment = session.context, session.context.experiment
    if experiment.timing.document is not None:
        return documented_times(session, REPOSITORY / experiment.timing.document)
    samplers = {
        row.key: (row, sampler)
        for row in rows_of(experiment)
        if (sampler := _sampler(session, row))
    }
    inputs = {
        "timing": without(as_dict(experiment.timing), UNUSED),
        "rows": {key: sampler.recipe for key, (_, sampler) in samplers.items()},
        "score_net": weights_digest(session.weights.score_net),
        "item_shapes": {c.name: context.track.items.shape(c) for c in experiment.conventions},
        "bf16": experiment.bf16,
        "compile": experiment.compile,
        "device": str(context.device),
        "processor": provenance.processor(),
        "threads": torch.get_num_threads(),
    }
    folder = context.workspace.stage("time", inputs, _code(session, samplers.values()))
    file = folder.path / "seconds.json"
    if not folder.is_finished():
        began = time.monotonic()
        calls = {key: _call(session, row, sampler) for key, (row, sampler) in samplers.items()}
        timings, busy = _measure(session, calls)
        Timings(
            rows={key: list(timing.seconds) for key, timing in timings.items()},
            rounds={key: list(timing.by_round) for key, timing in timings.items()},
            busy=busy,
            threads=torch.get_num_threads(),
            **context.track.scores.timing_notes,
        ).write(file)
        folder.finish([file], time.monotonic() - began)
    return Timings.read(file)


def _code(session: Session, samplers: Iterable[tuple[Row, Sampler]]) -> Code:
    """Code of all timed rows, of evaluation and encoding, and of the clock."""
    found = code_of(measure_interleaved, clock_for, Alone(_measure), Alone(_call))
    for row, sampler in samplers:
        found |= session.code(row, sampler)
    conditions = session.context.track.items.conditions
    found |= code_of(Alone(_one_evaluation), Alone(_encoding), conditions, Alone(rounds_of))
    return found | evaluation_code(session.context)


def documented_times(session: Session, file: Path) -> Timings:
    """Times of rows, from whole samplers of the same network and evaluations in a speed document.

    A sampler's time depends neither on its betas nor on the network's weights. Rows that the
    document has no time for have none; so have all where it is not there.

    Raises:
        DamagedFileError: the document is damaged.
    """
    config = session.context.experiment.timing
    file = document_file(file.parent, file.name)
    if not file.is_file():
        session.context.progress.say(f"no times: {config.document} is not there")
        return Timings(rows={}, busy=False)
    document = SpeedDocument.read(file)
    found = {
        row.key: case
        for row in rows_of(session.context.experiment)
        if (sampler := _sampler(session, row))
        and (case := sampler_case(document.cases, config.subject, 1, sampler.nfe))
    }
    lengths = [case.subject.seconds_of_audio for case in found.values() if case.subject]
    audio = next(iter(lengths), None)
    return Timings(
        rows={key: case.seconds[OURS] for key, case in found.items()},
        busy=bool(document.machine_busy),
        seconds_of_audio=audio,
        document=TimesFrom(
            file=str(config.document),
            sha256=sha256_of(file),
            device=document.provenance.device,
            network=config.subject,
            seconds_of_audio=audio,
        ),
    )


def _measure(
    session: Session, calls: dict[str, Callable[[int], object]]
) -> tuple[dict[str, Timing], bool]:
    experiment = session.context.experiment
    config = experiment.timing
    rounds = {key: count for key, count in rounds_of(experiment).items() if key in calls}
    calls = calls | {NETWORK: _one_evaluation(session)}
    rounds[NETWORK] = config.rounds
    if (encoding := _encoding(session)) is not None:
        calls[ENCODER] = encoding
        rounds[ENCODER] = max(rounds.values())  # its time of a round is added to rows of the round
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


def _encoding(session: Session) -> Callable[[int], object] | None:
    """One encoding of a test item's condition; None: the track's network has no condition."""
    items, score_net = session.context.track.items, session.score_net
    if items.conditions(score_net, [0]) is None:
        return None
    count = min(session.context.experiment.test_items, DIFFERENT_INPUTS)

    def call(round_number: int) -> object:
        return items.conditions(score_net, [round_number % count])

    return call
