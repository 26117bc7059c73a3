"""Refusal of experiments that cannot be run, before the first stage and without their data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bddm_ref.settings import TrainingConfig
from benchmarks.core.bounds import refuse_out_of_bounds
from benchmarks.core.errors import ExperimentError
from benchmarks.core.estimates import refuse_too_large
from benchmarks.core.experiment import EXACT, Experiment
from benchmarks.core.identity import as_dict
from benchmarks.core.names import one_line, refuse_name, refuse_unprintable
from benchmarks.core.registry import choose
from benchmarks.core.rows import rows_of

DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,2})?")
LEAST_SIGNAL = 1e-150  # alpha_T, whose square float64 must hold
REPOSITORY = Path(__file__).resolve().parents[2]  # paths of weights begin here


def refuse_unusable(experiment: Experiment) -> None:
    """Refuse an experiment whose fields are out of bounds, or do not fit each other.

    Raises:
        ExperimentError: names the field, the value found, and the values allowed.
    """
    refuse_out_of_bounds(experiment)
    for check in (
        _refuse_names,
        _refuse_texts,
        _refuse_schedule,
        _refuse_trainings,
        _refuse_search,
        _refuse_rows,
        refuse_too_large,
    ):
        check(experiment)


def refuse_missing_weights(experiment: Experiment) -> None:
    """Refuse an experiment that names weights which are not there.

    Raises:
        ExperimentError: names the field and the file.
    """
    for field, place in _weights(experiment):
        if not (REPOSITORY / place).is_file():
            raise ExperimentError(
                f"{field}: {one_line(place)} is missing: the file does not exist; give the "
                "weights' path, or leave the field out to train"
            )


def _weights(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Fields that name files of weights, each with its path."""
    score_net, image = experiment.score_net, experiment.image
    if score_net.network != EXACT:
        named = {"score_net.weights": score_net.weights, "score_net.start": score_net.start}
    else:
        named = {}
    if experiment.track == "images" and image.extractor == "classifier":
        named["image.extractor_weights"] = image.extractor_weights
    yield from ((field, place) for field, place in named.items() if place is not None)
    for name, place in experiment.schedule_net.weights.items():
        yield f"schedule_net.weights.{one_line(name, 60)}", place


def _refuse_names(experiment: Experiment) -> None:
    names = [convention.name for convention in experiment.conventions]
    if not names:
        raise ExperimentError("conventions: the list is empty; give at least one")
    for name in names:
        refuse_name(name, "conventions")
    _refuse_repeated(names, "conventions")
    for name in experiment.contestants:
        refuse_name(name, "contestants")


def _refuse_texts(experiment: Experiment) -> None:
    if not DEVICE.fullmatch(experiment.device):
        found = one_line(experiment.device, 40)
        raise ExperimentError(f"device: '{found}' is not allowed; give cpu, cuda, or cuda:1")
    paths = {"data": experiment.data}
    for field, text in (paths | dict(_weights(experiment))).items():
        if not text.strip():
            raise ExperimentError(f"{field}: the text is empty; give a name or a path")
    refuse_unprintable(as_dict(experiment))


def _refuse_schedule(experiment: Experiment) -> None:
    linear = experiment.training_schedule
    if linear.start > linear.end:
        raise ExperimentError(
            f"training_schedule.start: {linear.start:g} is above end = {linear.end:g}; noise grows "
            "from the first step to the last"
        )
    width = (linear.end - linear.start) / (linear.T - 1)
    betas = (linear.start + t * width for t in range(linear.T))
    if 0.5 * math.fsum(math.log1p(-beta) for beta in betas) < math.log(LEAST_SIGNAL):
        raise ExperimentError(
            f"training_schedule: {linear.T} steps from {linear.start:g} to {linear.end:g} leave no "
            "signal that float64 can hold; make T or end smaller"
        )
    score_net = experiment.score_net
    if score_net.level_lowest >= score_net.level_highest:
        raise ExperimentError(
            f"score_net.level_lowest: {score_net.level_lowest:g} is not below level_highest = "
            f"{score_net.level_highest:g}; make it smaller"
        )
    tau = experiment.schedule_net.tau
    if isinstance(tau, int) and tau > linear.T // 2:
        raise ExperimentError(
            f"schedule_net.tau: {tau} is more than half of training_schedule.T = {linear.T}; give "
            f"a number from 1 to {linear.T // 2}"
        )


def _refuse_trainings(experiment: Experiment) -> None:
    trainings: dict[str, TrainingConfig] = {
        "score_net.training": experiment.score_net.training,
        "schedule_net.training": experiment.schedule_net.training,
        "image.classifier_training": experiment.image.classifier_training,
    }
    for field, training in trainings.items():
        if training.warmup > training.steps:
            raise ExperimentError(
                f"{field}.warmup: {training.warmup} is more than steps = {training.steps}; give "
                f"a number from 0 to {training.steps}"
            )


def _refuse_search(experiment: Experiment) -> None:
    search = experiment.search
    if not search.lengths:
        raise ExperimentError("search.lengths: the list is empty; give at least one")
    _refuse_long(experiment, search.lengths, "search.lengths")
    _refuse_repeated(search.lengths, "search.lengths")
    _refuse_repeated(search.searches, "search.searches")
    _refuse_repeated(experiment.headline, "headline")
    _refuse_repeated(experiment.predicted_mos, "predicted_mos")


def _refuse_rows(experiment: Experiment) -> None:
    if not experiment.rows:
        raise ExperimentError("rows: the list is empty; give at least one contestant with steps")
    for i, row in enumerate(experiment.rows):
        if not row.steps:
            raise ExperimentError(f"rows.{i}.steps: the list is empty; give at least one number")
        _refuse_long(experiment, row.steps, f"rows.{i}.steps")
    keys = {row.key: row for row in rows_of(experiment)}
    for key in experiment.timing.claimed:
        choose(keys, key, "timing.claimed")
    _refuse_repeated(experiment.timing.claimed, "timing.claimed")


def _refuse_long(experiment: Experiment, lengths: Iterable[int], field: str) -> None:
    T = experiment.training_schedule.T
    for steps in lengths:
        if steps > T:
            raise ExperimentError(
                f"{field}: {steps} is more than training_schedule.T = {T}; give numbers from 1 "
                f"to {T}"
            )


def _refuse_repeated(values: Sequence[object], field: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ExperimentError(f"{field}: {value} occurs twice; give each once")
