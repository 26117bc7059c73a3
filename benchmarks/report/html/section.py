"""A section of the results page, and the parts that it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

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
class Switch:
    """One line of a legend, which a checkbox switches on and off.

    Attributes:
        label: plain text.
        groups: numbers of the switched series, as in `benchmarks.report.html.charts.group_id`.
        sign: the marker as a character.
        color: the marker's colour, as CSS.
    """

    label: str
    groups: tuple[int, ...]
    sign: str = ""
    color: str = "currentColor"


@dataclass(frozen=True)
class Charts:
    """Charts side by side, whose series have one legend; each of its lines switches all charts.

    Attributes:
        charts: the charts.
        switches: the legend; empty: none.
        caption: inline Markdown below them.
        columns: charts beside each other on a wide screen.
    """

    charts: tuple[Chart, ...]
    switches: tuple[Switch, ...] = ()
    caption: str = ""
    columns: int = 2


@dataclass(frozen=True)
class Media:
    """Players, pictures or controls as finished HTML, from a template of this project alone.

    Attributes:
        html: the markup.
        name: the noun for it, in the note that it was left out.
        spare: 0: always on the page; else the order in which a page that would be too large leaves
            parts out, the largest number first.
    """

    html: Markup
    name: str = ""
    spare: int = 0


@dataclass(frozen=True)
class Details:
    """Parts that a reader opens.

    Attributes:
        title: the line that opens them, inline Markdown.
        parts: texts, tables, charts and media.
        anchor: an id for links to them; empty: none.
        is_open: whether they are open at first.
    """

    title: str
    parts: tuple[Part, ...]
    anchor: str = ""
    is_open: bool = False


Part = Union[Block, Chart, Charts, Media, Details]  # noqa: UP007 (Details is not yet evaluated)


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
