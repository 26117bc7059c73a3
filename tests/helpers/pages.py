"""Checks that every Markdown page must pass, whatever its document."""

from __future__ import annotations

import re

from benchmarks.report.contents import headings
from benchmarks.report.fit import CHARACTERS, COLUMNS
from benchmarks.report.page import Heading

BARE_PIPE = re.compile(r"(?<!\\)\|")


def wide_rows(text: str) -> list[str]:
    """Rows of tables with more than nine columns or 240 characters."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [
        row for row in rows if len(row) > CHARACTERS or len(BARE_PIPE.findall(row)) - 1 > COLUMNS
    ]


def dead_links(text: str) -> list[str]:
    """Links within a page that hit none of its headings."""
    found = re.findall(r"^(#+) (.*)$", text, re.MULTILINE)
    blocks = [Heading(title, len(signs)) for signs, title in found]
    anchors = {anchor for _, _, anchor in headings(blocks)}
    links = re.findall(r"\]\(#([^)]*)\)", text)
    return [link for link in links if link not in anchors]


def has_contents(text: str) -> bool:
    """Tell whether links to headings follow a page's title."""
    return re.match(r"# [^\n]+\n\n- \[[^\n]+\]\(#[^\n]+\)\n", text) is not None
