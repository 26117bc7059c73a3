"""Published pages can be read on a screen: narrow tables, and links that hit their headings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import dead_links, has_contents, wide_rows

from benchmarks.runtime.checkout import REPOSITORY

pytestmark = pytest.mark.audit

RESULTS = REPOSITORY / "results"
PAGES = sorted(path for path in RESULTS.rglob("*.md") if "local" not in path.parts)
WITH_CONTENTS = {
    "speech.md",
    "images.md",
    "analytic.md",
    "theory.md",
    "contestants.md",
    "networks.md",
}


def test_there_are_pages_of_every_kind() -> None:
    assert {path.name for path in PAGES} >= WITH_CONTENTS | {"claims.md", "speed.md", "README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(RESULTS)))
def test_tables_are_narrow_and_links_hit(page: Path) -> None:
    text = page.read_text()
    assert wide_rows(text) == []
    assert dead_links(text) == []
    assert has_contents(text) or page.name not in WITH_CONTENTS
