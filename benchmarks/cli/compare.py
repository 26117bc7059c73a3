"""The command ``compare``: changes between two results."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from benchmarks.cli.base import Command
from benchmarks.core.errors import UserError

Results = Annotated[Positional[Path], arg(metavar="RESULTS")]


@dataclass(frozen=True, kw_only=True)
class Compare(Command):
    """Compare two results, row by row and metric by metric.

    RESULTS is a folder of results, or the document of a track such as results/speech.json. A
    compressed document may be named without its .gz. The exit status is 1 if B is worse than A by
    more than a margin of the experiment.
    """

    a: Results  # the earlier results
    b: Results  # the later results
    json: bool = False  # print a JSON document
    markdown: bool = False  # print a Markdown page

    def run(self) -> int:
        """Print the comparisons, track by track."""
        from benchmarks.cli.summaries import append_summary
        from benchmarks.report.markdown import to_markdown
        from benchmarks.report.pages.compare import compare_page, short_page
        from benchmarks.report.terminal import to_terminal
        from benchmarks.results.compare import compare_results

        if self.json and self.markdown:
            raise UserError("give --json or --markdown, not both")
        found = compare_results(self.a, self.b)
        if self.json:
            sys.stdout.write(found.model_dump_json(indent=1) + "\n")
        else:
            page = compare_page(found)
            sys.stdout.write(to_markdown(page) if self.markdown else to_terminal(page))
        append_summary(short_page(found))
        return 1 if found.worse else 0
