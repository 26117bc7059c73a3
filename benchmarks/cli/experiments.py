"""The experiment of a command line: a file, changed by options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import Annotated, TypeVar

import tyro

from benchmarks.cli.base import PROGRAM
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
        ExperimentError: the experiment does not exist, or a contestant cannot be loaded.
        SystemExit: an option is no field, or a value has a wrong type; the error is printed.
    """
    default = load(name)
    try:
        changed = tyro.cli(Fields, default=_as(Fields, default), args=fields, add_help=False)
    except SystemExit:
        sys.stderr.write(f"all fields of {name}: {PROGRAM} run {name} --help-fields\n")
        raise
    experiment = _as(Experiment, changed)
    if contestants:
        from benchmarks.contestants.plugins import with_contestant

        for option in contestants:
            experiment = with_contestant(experiment, option)
    return experiment


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
