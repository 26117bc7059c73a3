"""Commands on a folder of published results; none needs torch."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from benchmarks.cli.base import Command
from benchmarks.cli.places import RESULTS, is_published, local, refuse_published
from benchmarks.core.names import printable

ResultsFolder = Annotated[Positional[Path], arg(metavar="[DIR]", help="a folder of results")]


@dataclass(frozen=True, kw_only=True)
class Check(Command):
    """Verify a folder of results: checksums, schemas, pages.

    Every page is made again from its document and compared.
    """

    folder: ResultsFolder = RESULTS
    pages: bool = False  # first write every page again, as after a change of their layout
    publish: bool = False  # let --pages write into the published folder
    json: bool = False  # print a JSON list of the lines

    def run(self) -> int:
        """Print one line for each file that agrees."""
        from benchmarks.claims.ledger import FILE, check_ledger
        from benchmarks.report.html.page import check_page
        from benchmarks.report.registry import checked, write_pages
        from benchmarks.results.forms import document_file

        if self.pages:
            if not self.publish:
                refuse_published(self.folder, "--pages")
            for page in write_pages(self.folder):
                sys.stderr.write(f"written: {page}\n")
        lines = checked(self.folder)
        if document_file(self.folder, FILE).is_file():
            lines.append(check_ledger(self.folder))
        if line := check_page(self.folder):
            lines.append(line)
        if self.json:
            sys.stdout.write(f"{json.dumps(lines, indent=1)}\n")
            return 0
        sys.stdout.write(printable("".join(f"{line}\n" for line in lines)))
        return 0


@dataclass(frozen=True, kw_only=True)
class PageCommand(Command):
    """A command that makes a page from a folder of results alone."""

    name: ClassVar[str]
    folder: ResultsFolder = RESULTS
    publish: bool = False  # write into the published folder; else to results/local

    @abstractmethod
    def write(self, into: Path | None) -> Path:
        """Write the page or figure, and return its path.

        Args:
            into: the folder to write into; None: the folder of results.
        """

    @property
    def into(self) -> Path | None:
        """Another folder to write into, for a published folder without ``--publish``."""
        return local(self.name) if not self.publish and is_published(self.folder) else None

    def shown(self, made: Path) -> str:
        """The output: the page, or the path of a figure."""
        return made.read_text() if made.suffix == ".md" else f"written: {made}\n"

    def run(self) -> int:
        """Write the page; print it, or the path of a figure."""
        into = self.into
        made = self.write(into)
        sys.stdout.write(self.shown(made))
        if into is not None:
            sys.stderr.write(
                f"written: {into}, which git ignores; the same command with --publish changes the "
                f"published files of {self.folder}\n"
            )
        return 0


@dataclass(frozen=True, kw_only=True)
class Claims(PageCommand):
    """Decide the papers' claims from a folder of results."""

    name = "claims"
    json: bool = False  # print the ledger's JSON document in place of the page

    def write(self, into: Path | None) -> Path:
        """Write the ledger and its page."""
        from benchmarks.claims.ledger import write_ledger
        from benchmarks.report.html.page import refresh_page

        page = write_ledger(self.folder, into)
        if into is None:
            refresh_page(self.folder)
        return page

    def shown(self, made: Path) -> str:
        """The page or the document; a job's summary gets the table of verdicts."""
        from benchmarks.cli.summaries import append_summary
        from benchmarks.report.page import Heading, Page
        from benchmarks.report.pages.claims import summary
        from benchmarks.results.ledger import Ledger

        ledger = Ledger.read(made.with_suffix(".json"))
        append_summary(Page((Heading("Claims"), summary(ledger))))
        return ledger.text if self.json else super().shown(made)


class Ranking(PageCommand):
    """Rank all contestants at equal network evaluations (also: contestants)."""

    name = "ranking"

    def write(self, into: Path | None) -> Path:
        """Write the ranking, its plots and its page."""
        from benchmarks.report.registry import write_ranking

        return write_ranking(self.folder, into)


class Networks(PageCommand):
    """Tabulate the gain of the search on each score network."""

    name = "networks"

    def write(self, into: Path | None) -> Path:
        """Write the page of networks."""
        from benchmarks.report.registry import write_networks

        return write_networks(self.folder, into)


class Page(PageCommand):
    """Write the results page: one HTML file to look at, listen to, and send."""

    name = "page"

    def write(self, into: Path | None) -> Path:
        """Write ``index.html``."""
        from benchmarks.report.html.page import write_page

        return write_page(self.folder, into)


class Overview(PageCommand):
    """Draw the README's figure, and fill in the READMEs' numbers."""

    name = "overview"

    def write(self, into: Path | None) -> Path:
        """Draw the figure, and write the READMEs."""
        from benchmarks.report.readme import write_overview

        return write_overview(self.folder, into)
