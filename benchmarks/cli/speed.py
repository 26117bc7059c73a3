"""The command ``speed``, which times the parts of the suite."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from benchmarks.cli.base import Command, OptionalFolder
from benchmarks.cli.places import RESULTS, tables_folder
from benchmarks.runtime.room import refuse_unusable_place

SECONDS = (
    "start no case later than this, and stop the last one 120 s after; the page lists the rest"
)

TAKEN = "take this document of another machine, with its checksum beside it, without measuring"


@dataclass(frozen=True, kw_only=True)
class Speed(Command):
    """Time the suite's parts beside other implementations of the same work."""

    device: str = "cpu"  # or cuda, cuda:1
    results: OptionalFolder = None  # the folder for the page; None: results/local/speed
    publish: bool = False  # replace the published page, in results
    seconds: Annotated[float | None, arg(metavar="S", help=SECONDS)] = None
    page_only: bool = False  # write the page again without measuring
    document: Annotated[Path | None, arg(metavar="FILE", help=TAKEN)] = None

    def run(self) -> int:
        """Measure, write and print the page; status 1 if a case failed."""
        place = self.place
        if self.page_only:
            from benchmarks.report.registry import write_speed_pages

            sys.stdout.write(write_speed_pages(place).read_text())
            return 0
        refuse_unusable_place(place, "--results")
        from benchmarks.report.html.page import refresh_page

        if self.document is not None:
            from benchmarks.report.registry import write_speed_pages
            from benchmarks.results.speed import SpeedDocument

            write_speed_pages(place, SpeedDocument.read(self.document))
            refresh_page(place)
            sys.stdout.write(f"written: {place}\n")
            return 0
        from benchmarks.studies.speed import command

        document = command.measure(self.device, self.seconds)
        sys.stdout.write(command.write_speed(document, place).read_text())
        refresh_page(place)
        sys.stderr.write(f"written: {place}\n")
        return 1 if document.failed else 0

    @property
    def place(self) -> Path:
        """The folder for the page."""
        return tables_folder("speed", self.results, str(RESULTS), self.publish)
