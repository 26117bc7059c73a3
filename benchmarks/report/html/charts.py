"""Figures of matplotlib as SVG inside the page: equal bytes for equal figures, light or dark."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK = "#010203"  # drawn in place of black, and replaced by the page's colour of text
_DECLARATIONS = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_ID = re.compile(r'\bid="([^"]+)"|url\(#([^)]+)\)|(xlink:href|href)="#([^"]+)"')

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it is read aloud, found, and small
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.facecolor": "none",
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 11,
}
"""Settings of figures for the page; use as ``with mpl.rc_context(STYLE):`` while drawing."""


def svg_of(figure: Figure, name: str, title: str, description: str) -> Markup:
    """The figure as an element of the page.

    Args:
        figure: drawn under `STYLE`.
        name: a word that no other chart of the page has; ids begin with it.
        title: the chart's subject, in a few words.
        description: the finding, for those who cannot see the chart.
    """
    stream = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = _METADATA.sub("", _DECLARATIONS.sub("", stream.getvalue(), count=1))
    text = _own_ids(text.replace(INK, "currentColor"), name)
    head, _, body = text.partition(">")
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    labels = f'role="img" aria-labelledby="{name}-title {name}-description"'
    told = (
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    return Markup(f"{head} {labels}>{told}{body}")


def _own_ids(svg: str, name: str) -> str:
    """Begin every id with the chart's name, so that charts of one page keep apart."""

    def renamed(match: re.Match[str]) -> str:
        own, url, attribute, link = match.groups()
        if own is not None:
            return f'id="{name}-{own}"'
        return f"url(#{name}-{url})" if url is not None else f'{attribute}="#{name}-{link}"'

    return _ID.sub(renamed, svg)
