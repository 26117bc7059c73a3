"""Markers and colours of the page's line charts."""

from __future__ import annotations

import math

COLORS = tuple(f"var(--series-{i})" for i in range(1, 9))
INK, FAINT = "var(--ink)", "var(--faint)"
SIGNS = {
    "circle": "●",
    "square": "■",
    "triangle": "▲",
    "diamond": "◆",
    "fall": "▼",
    "plus": "✚",
    "cross": "✖",
    "star": "★",
}
"""Markers, and the characters that stand for them in legends."""
_CORNERS = {  # corners in units of the radius, by rising angle
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "triangle": ((0.0, -1.1), (1.0, 0.75), (-1.0, 0.75)),
    "diamond": ((0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)),
    "fall": ((0.0, 1.1), (1.0, -0.75), (-1.0, -0.75)),
    "plus": (
        *((-0.4, -1.1), (0.4, -1.1), (0.4, -0.4), (1.1, -0.4), (1.1, 0.4), (0.4, 0.4)),
        *((0.4, 1.1), (-0.4, 1.1), (-0.4, 0.4), (-1.1, 0.4), (-1.1, -0.4), (-0.4, -0.4)),
    ),
}
_CORNERS["cross"] = tuple(
    ((x - y) * math.sqrt(0.5), (x + y) * math.sqrt(0.5)) for x, y in _CORNERS["plus"]
)
_CORNERS["star"] = tuple(
    (radius * math.sin(i * math.pi / 5), -radius * math.cos(i * math.pi / 5))
    for i, radius in enumerate((1.5, 0.65) * 5)
)


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel, as short as it can be."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def marker_path(kind: str, x: float, y: float, radius: float) -> str:
    """The outline of a marker as the ``d`` of a path."""
    if kind == "circle":
        arc = f"a{number(radius)} {number(radius)} 0 1 0"
        wide = number(2 * radius)
        return f"M{number(x - radius)} {number(y)}{arc} {wide} 0{arc} -{wide} 0"
    corners = (f"{number(x + radius * u)} {number(y + radius * v)}" for u, v in _CORNERS[kind])
    return f"M{'L'.join(corners)}z"
