"""Texts in plots: those of users, and places for labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def unformatted(text: str) -> str:
    """Escape dollars, between which matplotlib would read a formula."""
    return text.replace("$", r"\$")


def spread(heights: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Move rising heights no further than labels need to stand apart within the panel.

    Args:
        heights: the wished places, as shares of the panel's height.
        sizes: the labels' own heights, likewise.
    """
    gaps = [(lower + upper) / 2 for lower, upper in pairwise(sizes)]
    placed: list[float] = []
    for i, height in enumerate(heights):
        placed.append(max(height, placed[-1] + gaps[i - 1]) if placed else max(height, 0.0))
    ceiling = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - (gaps[i - 1] if i else 0.0)
    return placed
