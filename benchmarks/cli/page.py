"""The command ``page``: the results of a folder as one HTML file."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cli.results import PageCommand


class Page(PageCommand):
    """Write the results page: one HTML file to look at, listen to, and send."""

    name = "page"

    def write(self, into: Path | None) -> Path:
        """Write ``index.html``."""
        from benchmarks.report.html.page import write_page

        return write_page(self.folder, into)
