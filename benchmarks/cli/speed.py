"""The command ``speed``, which times the parts of the suite."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from benchmarks.cli.base import Command, Folder

SECONDS = (
    "start no case later than this, and stop the last one 120 s after; the page lists the rest"
)


@dataclass(frozen=True, kw_only=True)
class Speed(Command):
    """Time the suite's parts beside other implementations of the same work."""

    device: str = "cpu"  # or cuda, cuda:1
    results: Folder = Path("results/cpu")  # the folder for the page
    seconds: Annotated[float | None, arg(metavar="S", help=SECONDS)] = None
    page_only: bool = False  # write the page again without measuring

    def run(self) -> int:
        """Measure, write and print the page; status 1 if a case failed."""
        if self.page_only:
            from benchmarks.report.registry import write_speed_pages

            sys.stdout.write(write_speed_pages(self.results).read_text())
            return 0
        from benchmarks.studies.speed import command

        document = command.measure(self.device, self.seconds)
        sys.stdout.write(command.write_speed(document, self.results).read_text())
        return 1 if document.failed else 0
