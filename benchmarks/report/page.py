"""The model of a page: blocks of text, tables and figures, without any markup of a format.

Texts are inline Markdown: code, emphasis, links. A renderer makes a file of a page, as
:mod:`benchmarks.report.markdown` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.report.inline import plain
from benchmarks.results.verdicts import Interval, MetricInfo

NOTHING = "—"  # in a cell without a value


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: inline Markdown.
        value: the number behind it, if there is one, to sort by.
        interval: the number's 95 % interval.
        mark: a verdict in one sign, after the text.
        bold: whether the text is the best of its kind.
        link: target of the text.
    """

    text: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    mark: str = ""
    bold: bool = False
    link: str | None = None

    def marked(self, mark: str) -> Cell:
        """The cell with a mark."""
        return replace(self, mark=mark)


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short texts."""

    items: tuple[str, ...]
    sign: str = "-"


@dataclass(frozen=True)
class Table:
    """A table: one row of cells for each of ``rows``."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    caption: str = ""  # a paragraph above it
    keys: int = 1  # first columns that name a row; a table that is split repeats them


@dataclass(frozen=True)
class Figure:
    """A picture in a file beside the page."""

    file: str
    text: str  # for those who cannot see it


@dataclass(frozen=True)
class Origin:
    """Code, data and machine that made the figures of a page."""

    items: tuple[str, ...]


Block = Heading | Prose | Bullets | Table | Figure | Origin


@dataclass(frozen=True)
class Page:
    """A page: its blocks in order."""

    blocks: tuple[Block, ...]


def noted(text: str) -> Prose:
    """A paragraph from a constant of several lines, without the line break at its end."""
    return Prose(text.removesuffix("\n"))


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Cell | str]], caption: str = "", keys: int = 1
) -> Table:
    """A table from any sequences."""
    return Table(tuple(heads), tuple(tuple(row) for row in rows), caption, keys)


def arrow(metric: MetricInfo) -> str:
    """The direction in which a metric is better, as a sign."""
    return "↑" if metric.higher_is_better else "↓"


def named(metric: MetricInfo) -> str:
    """A metric's title with its direction."""
    return f"{plain(metric.title)} {arrow(metric)}"


def estimate(interval: Interval | None, digits: int, sign: str = "") -> str:
    """A value and its interval, to so many decimals; an exact value has none."""
    if interval is None or interval.value is None:
        return NOTHING
    text = f"{interval.value:{sign}.{digits}f}"
    if interval.low is None or interval.high is None or interval.low == interval.high:
        return text
    return f"{text} [{interval.low:{sign}.{digits}f}, {interval.high:{sign}.{digits}f}]"


def estimated(interval: Interval | None, digits: int, sign: str = "") -> Cell:
    """A cell of a value and its interval."""
    text = estimate(interval, digits, sign)
    if interval is None or interval.value is None:
        return Cell(text)
    ends = None if interval.low is None or interval.high is None else (interval.low, interval.high)
    return Cell(text, interval.value, ends)
