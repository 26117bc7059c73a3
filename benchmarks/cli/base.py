"""A command and its options, as one frozen dataclass that tyro fills."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, Suppress, UseAppendAction, arg

from benchmarks.core.loading import names

PROGRAM = "python -m benchmarks"

Folder = Annotated[Path, arg(metavar="DIR")]
OptionalFolder = Annotated[Path | None, arg(metavar="DIR")]
File = Annotated[Positional[Path], arg(metavar="FILE")]
ExperimentNames = Annotated[
    Positional[tuple[str, ...]],
    arg(metavar="EXPERIMENT", help=f"{', '.join(names())}, or the path of a .yaml file"),
]
Contestants = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        metavar="[NAME=]FILE.py:CLASS",
        help="compare a sampler of your own with the others: docs/contestants.md",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A command of the command line; the fields of its subclass are its options.

    Attributes:
        takes_fields: fields of an experiment may follow as further options.
        fields: the further options, unparsed.
    """

    takes_fields: ClassVar[bool] = False
    fields: Suppress[tuple[str, ...]] = ()
    traceback: bool = False  # show where an error was raised

    @abstractmethod
    def run(self) -> int:
        """Run the command; returns the exit status."""
