"""Parts of a section as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from benchmarks.report.html.blocks import block_html, inline
from benchmarks.report.html.section import Chart, Charts, Details, Media, Part, Switch


def part_html(part: Part) -> Markup:
    """One part of a section."""
    match part:
        case Media(html):
            return html
        case Chart(svg, caption):
            return _figure(svg, caption, "chart")
        case Charts():
            return _charts(part)
        case Details(title, parts, anchor, is_open):
            own = Markup(' id="{}"').format(anchor) if anchor else ""
            return Markup("<details{}{}>\n<summary>{}</summary>\n{}</details>\n").format(
                own,
                Markup(" open") if is_open else "",
                inline(title),
                Markup("").join(map(part_html, parts)),
            )
        case _:
            return block_html(part)


def media_in(parts: Sequence[Part]) -> Iterator[Media]:
    """Every player and picture among parts, in the order of the page."""
    for part in parts:
        if isinstance(part, Media):
            yield part
        elif isinstance(part, Details):
            yield from media_in(part.parts)


def without(parts: Sequence[Part], gone: Sequence[Media]) -> tuple[Part, ...]:
    """All parts but some players and pictures."""
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, Details):
            inner = without(part.parts, gone)
            kept.append(Details(part.title, inner, part.anchor, part.is_open))
        elif not any(part is one for one in gone):
            kept.append(part)
    return tuple(kept)


def _figure(svg: Markup, caption: str, kind: str) -> Markup:
    told = Markup("<figcaption>{}</figcaption>").format(inline(caption)) if caption else ""
    return Markup('<figure class="{}">{}{}</figure>\n').format(kind, svg, told)


def _charts(part: Charts) -> Markup:
    panels = Markup("").join(_figure(one.svg, one.caption, "chart") for one in part.charts)
    legend = Markup("")
    if part.switches:
        lines = Markup("").join(map(_switch, part.switches))
        legend = Markup('<ul class="legend" aria-label="Legend">{}</ul>\n').format(lines)
    caption = Markup('<p class="note">{}</p>\n').format(inline(part.caption))
    return Markup(
        '<div class="switched">\n{}<div class="charts" style="--columns: {}">\n{}</div>\n{}</div>\n'
    ).format(legend, part.columns, panels, caption if part.caption else "")


def _switch(switch: Switch) -> Markup:
    groups = " ".join(map(str, switch.groups))
    return Markup(
        '<li><label><input type="checkbox" checked data-groups="{}"> '
        '<span aria-hidden="true" style="color: {}">{}</span> {}</label></li>'
    ).format(groups, switch.color, switch.sign, escape(switch.label))
