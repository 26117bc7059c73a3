"""The experiment of a command line: a file, changed by options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import Annotated, TypeVar

import tyro

from benchmarks.cli.base import PROGRAM
from benchmarks.core.checks import refuse_unusable
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import load

Given = TypeVar("Given", bound=Experiment)


@dataclass(frozen=True)
class Fields(Experiment):
    """The fields that options can change; ``--publish`` is an option of commands instead."""

    publish: Annotated[str, tyro.conf.Suppress, tyro.conf.Fixed] = ""


def resolved(name: str, fields: Sequence[str], contestants: Sequence[str]) -> Experiment:
    """Load an experiment, change its fields and add contestants.

    Args:
        name: a shipped experiment, or the path of a .yaml file.
        fields: options such as ``--search.bins 5``.
        contestants: the user's samplers, each ``[NAME=]FILE.py:CLASS``.

    Raises:
        ExperimentError: the experiment does not exist or cannot be run, or a contestant cannot be
            loaded.
        SystemExit: an option is no field, or a value has a wrong type; the error is printed.
    """
    default = load(name)
    try:
        changed = tyro.cli(Fields, default=_as(Fields, default), args=fields, add_help=False)
    except SystemExit:
        sys.stderr.write(f"all options: {PROGRAM} run --help; {_help_of(name)}\n")
        raise
    experiment = _as(Experiment, changed)
    try:
        refuse_unusable(experiment)
    except ExperimentError as error:
        if not fields:
            raise
        raise ExperimentError(f"{error} ({_help_of(name)})") from error
    if contestants:
        from benchmarks.contestants.plugins import with_contestant

        for option in contestants:
            experiment = with_contestant(experiment, option)
        refuse_unusable(experiment)
    return experiment


def _help_of(name: str) -> str:
    return f"all fields of {name}: {PROGRAM} run {name} --help-fields"


def foreign_networks(asked: Experiment, name: str, from_scratch: bool) -> str | None:
    """Say that the networks of an experiment were trained on other data than those asked for.

    Args:
        asked: the experiment with all options applied.
        name: the experiment on the command line, whose file names networks and their data.
        from_scratch: whether all networks are trained in this run.

    Returns:
        One sentence; None: no network is taken that the file names, or the data are the file's.
    """
    file = load(name)
    weights: dict[str, tuple[object, object]] = {
        "score_net.weights": (asked.score_net.weights, file.score_net.weights),
        "schedule_net.weights": (asked.schedule_net.weights, file.schedule_net.weights),
    }
    if asked.image.extractor == "classifier":  # Inception serves any pictures
        both = (asked.image.extractor_weights, file.image.extractor_weights)
        weights["image.extractor_weights"] = both
    taken = [field for field, (mine, theirs) in weights.items() if mine and mine == theirs]
    if from_scratch or asked.data == file.data or not taken:
        return None
    return (
        f"networks: {', '.join(taken)} of {name} were trained on {file.data}, not on "
        f"{asked.data}; --from-scratch trains all networks on {asked.data}"
    )


def print_fields(name: str) -> None:
    """Print each field of an experiment, with its type and value.

    Raises:
        ExperimentError: the experiment does not exist.
        SystemExit: always, with status 0, after the output.
    """
    prog = f"{PROGRAM} run {name}"
    tyro.cli(Fields, default=_as(Fields, load(name)), args=["--help"], prog=prog)


def _as(kind: type[Given], experiment: Experiment) -> Given:
    """Copy an experiment into another class with the same fields."""
    return kind(**{one.name: getattr(experiment, one.name) for one in fields_of(experiment)})
