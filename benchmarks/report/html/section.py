"""A section of the results page, and the parts that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from benchmarks.report.page import Block


@dataclass(frozen=True)
class Chart:
    """A vector drawing.

    Attributes:
        svg: the drawing, from `benchmarks.report.html.charts.svg_of`.
        caption: inline Markdown below it.
    """

    svg: Markup
    caption: str = ""


@dataclass(frozen=True)
class Media:
    """Players, pictures or controls as finished HTML, from a template of this project alone."""

    html: Markup


Part = Block | Chart | Media


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        anchor: the section's id, a word.
        title: the heading, plain text.
        parts: texts, tables, charts and media in order. Headings within it have level 3 or more.
        commands: command lines that make its figures again.
    """

    anchor: str
    title: str
    parts: tuple[Part, ...]
    commands: tuple[str, ...] = ()
