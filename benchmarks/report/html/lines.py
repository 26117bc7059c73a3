"""Line charts of the results page: series with markers, intervals and labels at their ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup, escape

from benchmarks.report.html.axes import Scale, label
from benchmarks.report.html.marks import COLORS, FAINT, INK, SIGNS, marker_path, number
from benchmarks.report.html.section import Chart, Switch
from benchmarks.report.plots.text import spread

WIDE, NARROW, NARROWEST = (470, 320), (340, 240), (265, 210)  # pixels; of 2, 3, 4 in a row
LEFT, BOTTOM, TOP, HEAD, RIGHT = 58, 38, 8, 24, 10  # pixels around a panel
CHARACTER, LEAD = 6.8, 16  # width of a character of a label, and of the line to it, pixels
LABEL_CHARACTERS, LABEL_LINES = 19, 2  # of a label, at most
LINE, GAP = 12.5, 3  # height of a label's line, and of the gap between labels, pixels
DASHES = {"-": "", "--": "6 3", ":": "1.5 2.5"}


@dataclass(frozen=True)
class Point:
    """One point of a series; its interval may be missing."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    hollow: bool = False


@dataclass(frozen=True)
class Style:
    """Colour as CSS, marker and line of a series."""

    color: str = INK
    marker: str = ""  # a key of SIGNS; empty: none
    dashes: str = "-"  # a key of DASHES; empty: no line
    width: float = 1.5
    hollow: bool = False


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        group: the number by which a checkbox switches it.
        label: plain text at its end; empty: none.
        points: by rising x.
        style: its look.
    """

    group: int
    label: str
    points: tuple[Point, ...]
    style: Style


@dataclass(frozen=True)
class Band:
    """A level that lines are held against, with its interval."""

    label: str
    level: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scales:
    """Axes of a chart.

    Attributes:
        x: label of the horizontal axis.
        y: label of the vertical axis.
        x_log: whether the horizontal axis is logarithmic.
        y_log: whether the vertical axis is.
        ticks: places of ticks on the horizontal axis; empty: round numbers.
    """

    x: str
    y: str
    x_log: bool = False
    y_log: bool = False
    ticks: tuple[float, ...] = ()


@dataclass(frozen=True)
class Told:
    """Name and words of a chart.

    Attributes:
        name: a text that no other chart of the page has; its id follows from it.
        title: the subject, in a few words.
        description: the finding, for those who cannot see the chart.
    """

    name: str
    title: str
    description: str

    @property
    def id(self) -> str:
        """The name as the start of all ids in the chart."""
        return "".join(one if one.isalnum() and one.isascii() else "-" for one in self.name)


@dataclass(frozen=True)
class Lines:
    """Everything that a line chart shows.

    Attributes:
        told: name and words.
        scales: the axes.
        series: the lines, the last one on top.
        bands: levels behind them.
        size: width and height, pixels.
        head: plain text above the panel; empty: none.
        scaled_to: groups that the scales fit; empty: all.
    """

    told: Told
    scales: Scales
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    size: tuple[int, int] = WIDE
    head: str = ""
    scaled_to: frozenset[int] = field(default_factory=frozenset)


def styles_of(names: Sequence[str], first: str = "") -> dict[str, Style]:
    """A look for each name: colours and markers, then the same with dashes.

    Args:
        names: the names in order.
        first: a name that is drawn broader, and always in the first colour.
    """
    markers, dashes = tuple(SIGNS), tuple(DASHES)
    ordered = sorted(names, key=lambda name: name != first)
    start = 0 if first in ordered else 1
    return {
        name: Style(
            COLORS[i % len(COLORS)],
            markers[i % (len(markers) - 1)],  # stars are the papers'
            dashes[min(i // len(COLORS), len(dashes) - 1)],
            2.4 if name == first else 1.5,
        )
        for i, name in enumerate(ordered, start)
    }


def switch_of(text: str, groups: Sequence[int], style: Style) -> Switch:
    """The line of a legend for series of one look."""
    line = {"-": "—", "--": "- -", ":": "···", "": ""}[style.dashes]
    return Switch(text, tuple(groups), f"{SIGNS.get(style.marker, '')}{line}", style.color)


def faded(style: Style) -> Style:
    """The look of a series that is not picked out."""
    return replace(style, color=FAINT, marker="", width=0.6)


def line_chart(lines: Lines, caption: str = "") -> Chart:
    """Draw a line chart as SVG whose colours are the page's own."""
    told, panel = lines.told, _Panel.of(lines)
    width, height = lines.size[0], panel.top + panel.height + BOTTOM
    head = Markup(
        '<svg viewBox="0 0 {0} {1}" role="img" aria-labelledby="{2}-title {2}-description">'
        '<title id="{2}-title">{3}</title><desc id="{2}-description">{4}</desc>\n'
    ).format(width, number(height), told.id, told.title, told.description)
    clip = Markup(
        '<clipPath id="{}-clip"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>\n'
    ).format(told.id, panel.left - 6, panel.top - 6, panel.width + 12, panel.height + 12)
    inside = Markup('<g clip-path="url(#{}-clip)">\n').format(told.id)
    parts = [head, clip, *panel.axes(), *panel.bands(), inside]
    parts += [panel.drawn(one) for one in lines.series]
    parts += [Markup("</g>\n"), *panel.labels(), Markup("</svg>")]
    return Chart(Markup("").join(parts), caption)


@dataclass(frozen=True)
class _Panel:
    """The place of a chart's panel, pixels, and its scales."""

    lines: Lines
    left: float
    top: float
    width: float
    height: float
    x: Scale
    y: Scale

    @classmethod
    def of(cls, lines: Lines) -> _Panel:
        scales, chosen = lines.scales, lines.scaled_to
        points = [
            p for one in lines.series if not chosen or one.group in chosen for p in one.points
        ]
        ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
        ends += [end for b in lines.bands for end in (b.level, b.low, b.high) if end is not None]
        width = lines.size[0]
        top = HEAD if lines.head else TOP
        texts = [part for one in lines.series for part in _wrapped(one.label)]
        right = LEAD + CHARACTER * max(map(len, texts)) if texts else RIGHT
        return cls(
            lines,
            LEFT,
            top,
            width - LEFT - right,
            max(lines.size[1] - top - BOTTOM, _label_height(lines.series)),
            Scale.around([p.x for p in points], scales.x_log, 0.05),
            Scale.around(ends, scales.y_log),
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixels of a point."""
        return self.left + self.width * self.x.share(x), self.down(y)

    def down(self, y: float) -> float:
        """The pixels of a height, which count from above."""
        return self.top + self.height * (1 - self.y.share(y))

    def axes(self) -> Iterator[Markup]:
        """Grid, ticks and titles of both axes."""
        scales, bottom = self.lines.scales, self.top + self.height
        right = self.left + self.width
        places = [(self.at(x, self.y.low)[0], x) for x in scales.ticks or self.x.ticks()]
        heights = [(self.down(y), y) for y in self.y.ticks()]
        grid = "".join(f"M{number(x)} {number(self.top)}V{number(bottom)}" for x, _ in places)
        grid += "".join(f"M{number(self.left)} {number(y)}H{number(right)}" for y, _ in heights)
        yield Markup('<path class="grid" d="{}"/>').format(grid)
        frame = f"M{number(self.left)} {number(self.top)}V{number(bottom)}H{number(right)}"
        yield Markup('<path class="frame" d="{}"/>\n').format(frame)
        for x, value in places:
            yield _text(label(value), x, bottom + 15, "middle")
        for y, value in heights:
            yield _text(label(value), self.left - 6, y + 4, "end")
        yield _text(scales.x, self.left + self.width / 2, bottom + 32, "middle")
        middle = self.top + self.height / 2
        yield Markup(
            '<text transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>\n'
        ).format(number(middle), scales.y)
        if self.lines.head:
            yield _text(self.lines.head, self.left, 15, "start", "head")

    def bands(self) -> Iterator[Markup]:
        """Levels behind the lines."""
        right = self.left + self.width
        for one in self.lines.bands:
            if one.low is not None and one.high is not None and one.low < one.high:
                upper, lower = self.down(one.high), self.down(one.low)
                yield Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"/>').format(
                    number(self.left), number(upper), number(self.width), number(lower - upper)
                )
            y = self.down(one.level)
            yield Markup('<path class="level" d="M{} {}H{}"/>').format(
                number(self.left), number(y), number(right)
            )
            below = y - self.top < 18
            yield _text(one.label, self.left + 5, y + (14 if below else -4), "start", "faint")

    def drawn(self, one: Series) -> Markup:
        """Line, intervals and markers of a series."""
        style, radius = one.style, 5.0 if one.style.width > 2 else 4.0
        places = [self.at(point.x, point.y) for point in one.points]
        parts = []
        if style.dashes and len(places) > 1:
            path = "L".join(f"{number(x)} {number(y)}" for x, y in places)
            dashes = Markup(' stroke-dasharray="{}"').format(DASHES[style.dashes])
            parts.append(
                Markup('<path class="line" stroke-width="{:g}" d="M{}"{}/>').format(
                    style.width, path, dashes if DASHES[style.dashes] else ""
                )
            )
        bars = "".join(
            f"M{number(x)} {number(self.down(point.low))}V{number(self.down(point.high))}"
            for (x, _), point in zip(places, one.points, strict=True)
            if point.low is not None and point.high is not None and point.low < point.high
        )
        if bars:
            parts.append(Markup('<path class="line" stroke-width="1" d="{}"/>').format(bars))
        for hollow in (False, True) if style.marker else ():
            outlines = "".join(
                marker_path(style.marker, x, y, radius)
                for (x, y), point in zip(places, one.points, strict=True)
                if (point.hollow or style.hollow) is hollow
            )
            kind = "mark hollow" if hollow else "mark"
            if outlines:
                parts.append(Markup('<path class="{}" d="{}"/>').format(kind, outlines))
        return self._group(one, "line", parts)

    def labels(self) -> Iterator[Markup]:
        """Labels to the right of the panel, where lines end, apart from each other."""
        ends = [
            (self.at(one.points[-1].x, one.points[-1].y), one)
            for one in self.lines.series
            if one.label and one.points
        ]
        ends.sort(key=lambda end: -end[0][1])  # from the lowest, as shares of the panel rise
        texts = [_wrapped(one.label) for _, one in ends]
        sizes = [(len(text) * LINE + GAP) / self.height for text in texts]
        wished = [1 - (min(max(y, self.top), self.top + self.height) - self.top) / self.height
                  for (_, y), _ in ends]  # fmt: skip
        for ((x, y), one), text, share in zip(ends, texts, spread(wished, sizes), strict=True):
            middle = self.top + self.height * (1 - share)
            start = self.left + self.width + 12
            end = min(max(y, self.top - 4), self.top + self.height + 4)
            lead = f"M{number(x + 6)} {number(end)}L{number(start - 2)} {number(middle)}"
            parts = [Markup('<path class="lead" d="{}"/>').format(lead)]
            first = middle + 4 - LINE * (len(text) - 1) / 2
            parts += [
                _text(part, start, first + LINE * i, "start", "label")
                for i, part in enumerate(text)
            ]
            yield self._group(one, "label", parts)

    def _group(self, one: Series, part: str, parts: Sequence[Markup]) -> Markup:
        """Drawn parts of a series, which a checkbox switches."""
        number_of = [other for other in self.lines.series if other.group == one.group].index(one)
        name = f"{self.lines.told.id}-series{one.group}-{part}{number_of or ''}"
        return Markup('<g id="{}" style="color:{}">{}</g>\n').format(
            name, one.style.color, Markup("").join(parts)
        )


def _label_height(series: Sequence[Series]) -> float:
    """The height that all labels take together, pixels."""
    texts = [_wrapped(one.label) for one in series if one.label and one.points]
    return sum(len(text) * LINE + GAP for text in texts)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, LABEL_CHARACTERS, max_lines=LABEL_LINES, placeholder="…")


def _text(text: str, x: float, y: float, anchor: str, kind: str = "") -> Markup:
    own = Markup(' class="{}"').format(kind) if kind else ""
    aligned = Markup(' text-anchor="{}"').format(anchor) if anchor != "start" else ""
    return Markup('<text x="{}" y="{}"{}{}>{}</text>').format(
        number(x), number(y), aligned, own, escape(text)
    )
