"""Short results for the summary of a job of GitHub Actions."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.report.markdown import to_markdown
from benchmarks.report.page import Page

VARIABLE = "GITHUB_STEP_SUMMARY"  # names a file, to which steps append Markdown


def append_summary(page: Page) -> None:
    """Append a page to the summary of the job; nothing outside of a job."""
    file = os.environ.get(VARIABLE)
    if file:
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(f"{to_markdown(page)}\n")
