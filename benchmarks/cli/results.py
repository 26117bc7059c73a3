"""Commands on a folder of published results; none needs torch."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from benchmarks.cli.base import Command

ResultsFolder = Annotated[Positional[Path], arg(metavar="[DIR]", help="a folder of results")]


@dataclass(frozen=True, kw_only=True)
class Check(Command):
    """Verify a folder of results: checksums, schemas, pages.

    Every page is made again from its document and compared.
    """

    folder: ResultsFolder = Path("results")

    def run(self) -> int:
        """Print one line for each file that agrees."""
        from benchmarks.report.registry import checked

        sys.stdout.write("".join(f"{line}\n" for line in checked(self.folder)))
        return 0


@dataclass(frozen=True, kw_only=True)
class PageCommand(Command):
    """A command that makes a page from a folder of results alone."""

    page: ClassVar[str]
    folder: ResultsFolder = Path("results")

    def run(self) -> int:
        """Write the page; print it, or the path of a figure."""
        from benchmarks.report.registry import WRITERS

        made = WRITERS[self.page](self.folder)
        is_page = made.suffix == ".md"
        sys.stdout.write(made.read_text() if is_page else f"written: {made}\n")
        return 0


class Claims(PageCommand):
    """Decide the papers' claims from a folder of results."""

    page = "claims"


class Ranking(PageCommand):
    """Rank all contestants at equal network evaluations (also: contestants)."""

    page = "contestants"


class Networks(PageCommand):
    """Tabulate what the search gains on each score network."""

    page = "networks"


class Overview(PageCommand):
    """Draw the README's figure, and fill in the READMEs' numbers."""

    page = "overview"
