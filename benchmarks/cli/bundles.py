"""The commands ``bundle`` and ``merge``, for runs that move between machines."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import arg

from benchmarks.cli.base import Command, Contestants, ExperimentNames, File, Folder
from benchmarks.cli.experiments import resolved
from benchmarks.cli.places import refuse_published
from benchmarks.core.errors import ExperimentError, UserError
from benchmarks.core.experiment import Experiment
from benchmarks.core.names import printable

SIZE = "largest size of the whole folder, as 60MB"


@dataclass(frozen=True, kw_only=True)
class Bundle(Command):
    """Pack experiments for a machine that has torch and no network.

    Fields of the experiments may follow, as --score-net.training.seconds 60: docs/gpu.md.
    """

    takes_fields: ClassVar[bool] = True
    experiments: ExperimentNames
    to: Folder  # a new folder
    python: str = "3.12"  # the other machine's version of Python
    size: Annotated[str | None, arg(metavar="SIZE", help=SIZE)] = None
    have: str = "torch,numpy"  # packages on the other machine
    contestant: Contestants = ()
    speed: bool = False  # pack the cases and packages of 'speed', too

    def run(self) -> int:
        """Check all experiments, then pack them."""
        if not self.experiments:
            raise UserError("give at least one experiment")
        if not re.fullmatch(r"3\.\d+", self.python):
            raise UserError(f"--python: write {self.python} as 3.12")
        experiments: dict[str, Experiment] = {}
        for name in self.experiments:
            stem = Path(name).stem
            if stem in experiments:
                raise ExperimentError(f"two experiments are called {stem}; rename a file")
            experiments[stem] = resolved(name, self.fields, self.contestant)
        from benchmarks.bundle.command import bundle_lines
        from benchmarks.bundle.pack import Plan
        from benchmarks.bundle.wheels import Target
        from benchmarks.runtime.progress import Progress
        from benchmarks.stages.pipeline import refuse_impossible

        limit = self._limit()
        for experiment in experiments.values():  # the other machine would find out late
            refuse_impossible(experiment, Progress())
        have = tuple(name.strip() for name in self.have.split(",") if name.strip())
        target = Target(self.python)
        return _print(bundle_lines(Plan(experiments, self.to, limit, target, have, self.speed)))

    def _limit(self) -> int | None:
        """Largest size of the whole folder in bytes; None: no limit."""
        from benchmarks.bundle.parts import bytes_of

        try:
            return None if self.size is None else bytes_of(self.size)
        except argparse.ArgumentTypeError as error:
            raise UserError(f"--size: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Merge(Command):
    """Merge the work of a bundle's run on another machine."""

    folder: File  # back/, one of its files, or a workspace
    workspace: Folder = Path("runs")  # the folder for the stages' work

    def run(self) -> int:
        """Merge the folder, and print the outcome; status 1 if no stage was finished."""
        refuse_published(self.workspace, "--workspace", "name another folder")
        from benchmarks.bundle.command import merge_lines
        from benchmarks.bundle.parts import merge

        merged = merge(self.folder, self.workspace)
        _print(merge_lines(merged, self.workspace))
        return 0 if merged.taken or merged.known else 1


def _print(lines: Iterable[str]) -> int:
    sys.stdout.write(printable("".join(f"{line}\n" for line in lines)))
    return 0
