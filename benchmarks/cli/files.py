"""The commands ``import`` and ``export``, for networks and schedules of other projects."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from benchmarks.cli.base import Command, File, Folder
from benchmarks.cli.places import refuse_published
from benchmarks.core.names import printable

TRAINING = "training schedule: released, ddpm, wavegrad, or an experiment's (name or .yaml)"
Kind = Literal["released", "ns", "json", "diffusers"]
Training = Annotated[str | None, arg(metavar="SCHEDULE")]


@dataclass(frozen=True, kw_only=True)
class Import(Command):
    """Read networks or a schedule of another project.

    Describes the file, and writes the content in this project's format: docs/checkpoints.md.
    """

    file: File  # a checkpoint, a folder of diffusers, or a schedule (.ns, .json, RUN.json:ROW)
    to: Folder = Path("runs/imported")  # the folder to write to
    training: Annotated[Training, arg(help=f"{TRAINING}; for a file that names none")] = None

    def run(self) -> int:
        """Convert, check and describe the file."""
        refuse_published(self.to, "--to", "name another folder")
        from benchmarks.interop.command import import_file

        return _printed(import_file(self.file, self.to, self.training))


@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """Write networks or a schedule for another project's tools.

    Kinds: 'released' for the authors' code (networks); 'ns', 'json' and 'diffusers' for schedules.
    """

    file: File  # weights, a .yaml that names some, or a schedule (.ns, .json, RUN.json:ROW)
    kind: Annotated[Kind, arg(name="as", help="kind of file to write")]
    to: Annotated[Path | None, arg(metavar="FILE")] = (
        None  # the file to write; None: a file in runs/exported
    )
    training: Annotated[Training, arg(help=f"{TRAINING}; for the written steps")] = None

    def run(self) -> int:
        """Write the file, read it back, and describe it."""
        if self.to is not None:
            refuse_published(self.to.parent, "--to", "name a file in another folder")
        from benchmarks.interop.command import export_file

        return _printed(export_file(self.file, self.kind, self.to, self.training))


def _printed(lines: Iterable[str]) -> int:
    for line in lines:
        sys.stdout.write(printable(f"{line}\n"))
    return 0
