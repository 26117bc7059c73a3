"""Contents of a page: links to its headings, by the anchors that GitHub gives them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.report.inline import shown
from benchmarks.report.page import Block, Bullets, Heading, Origin, Page

REMOVED = re.compile(r"[^\w\- ]")
ORIGIN = "Origin"  # the heading of the block of that name


def with_contents(page: Page) -> Page:
    """Put links to the headings of level 2 below the title.

    Raises:
        ValueError: the page does not begin with its title.
    """
    title, *rest = page.blocks
    if not isinstance(title, Heading) or title.level != 1:
        raise ValueError("a page with contents begins with its title")
    links = tuple(
        f"[{text}](#{place})" for text, level, place in headings(page.blocks) if level == 2
    )
    return Page((title, Bullets(links), *rest)) if links else page


def headings(blocks: Sequence[Block]) -> Iterator[tuple[str, int, str]]:
    """Yield text, level and anchor of every heading."""
    seen: Counter[str] = Counter()
    for block in blocks:
        if isinstance(block, Heading):
            text, level = " ".join(block.text.splitlines()), block.level
        elif isinstance(block, Origin):
            text, level = ORIGIN, 2
        else:
            continue
        name = anchor(text)
        again = seen[name]
        seen[name] += 1
        yield text, level, f"{name}-{again}" if again else name


def anchor(text: str) -> str:
    """The anchor of a heading on GitHub, before the number that tells equal headings apart."""
    return REMOVED.sub("", shown(text).lower()).replace(" ", "-")
