"""Any page as Markdown."""

from __future__ import annotations

from benchmarks.report.fit import fitted, row_text
from benchmarks.report.inline import harmless, in_cell
from benchmarks.report.page import (
    Block,
    Bullets,
    Cell,
    Figure,
    Heading,
    Origin,
    Page,
    Prose,
    Table,
)


def to_markdown(page: Page) -> str:
    """The text of a page: blocks with an empty line between them."""
    return harmless("\n".join(block_text(block) for block in page.blocks))


def block_text(block: Block) -> str:
    """The text of one block, which ends with a line break."""
    match block:
        case Heading(text, level):
            return f"{'#' * level} {' '.join(text.splitlines())}\n"
        case Prose(text):
            return f"{text}\n"
        case Bullets(items, sign):
            return "".join(f"{sign} {' '.join(item.splitlines())}\n" for item in items)
        case Table():
            return table_text(block)
        case Figure(file, text):
            return f"![{text}]({file})\n"
        case Origin(items):
            return "## Origin\n\n" + "".join(f"- {item}\n" for item in items)


def table_text(table: Table) -> str:
    """The text of a table, below its caption if it has one.

    A wide table becomes several narrow ones, and long cells become notes below them.
    """
    lines = [table.heads, *(tuple(cell_text(cell) for cell in row) for row in table.rows)]
    found = fitted([tuple(map(in_cell, cells)) for cells in lines], table.keys)
    texts = [f"{table.caption}\n"] if table.caption else []
    for heads, *rows in found.parts:
        rule = ("---",) * len(heads)
        texts.append("".join(f"{row_text(cells)}\n" for cells in (heads, rule, *rows)))
    if found.notes:
        notes = (f"note {number}: {text}" for number, text in enumerate(found.notes, 1))
        texts.append("".join(f"- {note}\n" for note in notes))
    return "\n".join(texts)


def cell_text(cell: Cell | str) -> str:
    """The text of one cell."""
    if isinstance(cell, str):
        return cell
    text = f"**{cell.text}**" if cell.bold else cell.text
    text = f"[{text}]({cell.link})" if cell.link else text
    return f"{text} {cell.mark}" if cell.mark else text
