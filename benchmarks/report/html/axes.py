"""Scales of the page's charts: limits, places, and few legible ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "log", "symlog"]
THRESHOLD = 1e-3  # a symlog scale is linear between this and its negative
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST = 6  # ticks


@dataclass(frozen=True)
class Scale:
    """A scale from values to shares of the panel, 0 at its low end.

    Attributes:
        kind: linear, logarithmic, or logarithmic with a linear part around 0.
        low: the value at the low end.
        high: the value at the high end.
    """

    kind: Kind
    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float], logarithmic: bool, room: float = 0.06) -> Scale:
        """The scale that shows all values.

        Args:
            values: the values; none gives 0 to 1.
            logarithmic: whether distances are ratios; values of 0 or below give a linear part.
            room: free share of the panel at each end.
        """
        low, high = min(values, default=0.0), max(values, default=1.0)
        kind: Kind = "linear" if not logarithmic else "log" if low > 0 else "symlog"
        bare = cls(kind, low, high)
        first, last = bare.moved(low), bare.moved(high)
        margin = room * (last - first) or 0.5
        return cls(kind, bare.back(first - margin), bare.back(last + margin))

    def moved(self, value: float) -> float:
        """A value on a scale whose distances are even."""
        if self.kind == "linear":
            return value
        if self.kind == "log":
            return math.log10(max(value, 1e-300))
        return math.copysign(math.log10(1 + abs(value) / THRESHOLD), value)

    def back(self, place: float) -> float:
        """The value at a place of that scale."""
        if self.kind == "linear":
            return place
        if self.kind == "log":
            return float(10**place)
        return math.copysign(THRESHOLD * (10 ** abs(place) - 1), place)

    def share(self, value: float) -> float:
        """The value's place as a share of the panel."""
        low, high = self.moved(self.low), self.moved(self.high)
        return (self.moved(value) - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round values inside, at most about six."""
        if self.kind == "linear":
            return _even(self.low, self.high)
        if self.kind == "symlog":
            return _around_zero(self.low, self.high)
        return _decades(self.low, self.high)


def label(value: float) -> str:
    """A tick's figure."""
    return f"{value:.5g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def _even(low: float, high: float) -> list[float]:
    rough = (high - low) / (MOST - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(one * power for one in STEPS if one * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for subs in ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        found = [
            float(f"{sub * 10.0**power:.12g}") for power in range(first, last + 1) for sub in subs
        ]
        inside = [value for value in found if low <= value <= high]
        if len(inside) <= MOST:
            break
    every = math.ceil(len(inside) / MOST)
    return inside[::every] if len(inside) > 1 else _even(low, high)


def _around_zero(low: float, high: float) -> list[float]:
    powers = [10.0**power for power in range(-3, 7)]
    found = [-one for one in reversed(powers)] + [0.0] + powers
    return [float(f"{one:.12g}") for one in found if low <= one <= high]
