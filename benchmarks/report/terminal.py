"""Any page as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from benchmarks.core.names import printable
from benchmarks.report.fit import Line, fitted
from benchmarks.report.inline import shown
from benchmarks.report.markdown import cell_text
from benchmarks.report.page import (
    Block,
    Bullets,
    Figure,
    Heading,
    Origin,
    Page,
    Prose,
    Table,
)

WIDTH = 100
LINES = {1: "=", 2: "-"}  # level of a heading to the line below it
GAP = "  "  # between columns


def to_terminal(page: Page, width: int = WIDTH) -> str:
    """The text of a page, without markup: blocks with an empty line between them."""
    return printable("\n".join(f"{_block(block, width)}\n" for block in page.blocks))


def _block(block: Block, width: int) -> str:
    match block:
        case Heading(text, level):
            title = shown(text)
            line = LINES.get(level)
            return title if line is None else f"{title}\n{line * min(cell_len(title), width)}"
        case Prose(text):
            return _wrapped(text, width)
        case Bullets(items):
            return "\n".join(_wrapped(item, width, "- ") for item in items)
        case Table():
            return _table(block, width)
        case Figure(file, text):
            return _wrapped(f"{text}: {file}", width)
        case Origin(items):
            return "\n".join(_wrapped(item, width, "- ") for item in items)


def _wrapped(text: str, width: int, sign: str = "") -> str:
    """Paragraphs of at most ``width`` columns; words that are longer stay whole."""
    return "\n\n".join(
        textwrap.fill(
            " ".join(shown(part).split()),
            width,
            initial_indent=sign,
            subsequent_indent=" " * len(sign),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in text.split("\n\n")
    )


def _table(table: Table, width: int) -> str:
    lines = [table.heads, *(tuple(cell_text(cell) for cell in row) for row in table.rows)]
    plain = [tuple(shown(text) for text in cells) for cells in lines]
    found = fitted(plain, table.keys, lambda some: _width(some) <= width)
    texts = [_wrapped(table.caption, width)] if table.caption else []
    texts += ["\n".join(_aligned(part)) for part in found.parts]
    texts += [_wrapped(f"note {i}: {text}", width, "- ") for i, text in enumerate(found.notes, 1)]
    return "\n\n".join(texts)


def _width(lines: Sequence[Line]) -> int:
    return sum(_widths(lines)) + len(GAP) * (len(lines[0]) - 1)


def _widths(lines: Sequence[Line]) -> list[int]:
    return [max(cell_len(line[i]) for line in lines) for i in range(len(lines[0]))]


def _aligned(lines: Sequence[Line]) -> list[str]:
    """Lines of a table, whose heads are underlined."""
    widths = _widths(lines)
    heads, *rows = lines
    rule = tuple("-" * size for size in widths)
    return [
        GAP.join(
            f"{cell}{' ' * (size - cell_len(cell))}"
            for cell, size in zip(cells, widths, strict=True)
        ).rstrip()
        for cells in (heads, rule, *rows)
    ]
