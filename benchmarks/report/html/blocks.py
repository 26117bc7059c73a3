"""Blocks of a page as HTML."""

from __future__ import annotations

import functools

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from benchmarks.report.page import (
    Block,
    Bullets,
    Cell,
    Figure,
    Heading,
    Origin,
    Prose,
    Table,
)


@functools.cache
def _markdown() -> MarkdownIt:
    # Without HTML: markup that a text brings along is shown as text.
    return MarkdownIt("commonmark", {"html": False}).disable(["image", "autolink"])


def inline(text: str) -> Markup:
    """Inline Markdown as HTML: code, emphasis, links to places of this page or to https."""
    return Markup(_markdown().renderInline(text))


def paragraphs(text: str) -> Markup:
    """Paragraphs of inline Markdown as HTML."""
    parts = (part for part in text.split("\n\n") if part.strip())
    return Markup("").join(Markup("<p>{}</p>\n").format(inline(part)) for part in parts)


def block_html(block: Block) -> Markup:
    """One block as HTML.

    Raises:
        TypeError: the block is a figure in a file of its own, which one page cannot have.
    """
    match block:
        case Heading(text, level):
            return Markup("<h{0}>{1}</h{0}>\n").format(max(level, 3), inline(text))
        case Prose(text):
            return paragraphs(text)
        case Bullets(items) | Origin(items):
            lines = Markup("").join(Markup("<li>{}</li>").format(inline(item)) for item in items)
            return Markup("<ul>{}</ul>\n").format(lines)
        case Table():
            return table_html(block)
        case Figure(file):
            raise TypeError(f"{file} is a file beside a page; draw it as a chart")


def table_html(table: Table) -> Markup:
    """A table that the page's script can sort by any column; wide ones scroll by themselves."""
    heads = Markup("").join(
        Markup('<th scope="col">{}</th>').format(inline(h)) for h in table.heads
    )
    rows = Markup("").join(
        Markup("<tr>{}</tr>\n").format(Markup("").join(map(_cell_html, row))) for row in table.rows
    )
    caption = paragraphs(table.caption)
    return caption + Markup(
        '<div class="wide" tabindex="0" role="region" aria-label="table"><table>\n'
        "<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n"
    ).format(heads, rows)


def _cell_html(cell: Cell | str) -> Markup:
    if isinstance(cell, str):
        return Markup("<td>{}</td>").format(inline(cell))
    text = inline(cell.text)
    if cell.bold:
        text = Markup("<strong>{}</strong>").format(text)
    if cell.link:
        text = Markup('<a href="{}">{}</a>').format(cell.link, text)
    if cell.mark:
        text += Markup(" {}").format(escape(cell.mark))
    value = "" if cell.value is None else Markup(' data-value="{!r}"').format(cell.value)
    return Markup("<td{}>{}</td>").format(value, text)
