"""Measured times of one call: median, spread, and the ratio of two. No torch."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from metrics.statistics import RESAMPLES, Estimate, ratio_interval

LARGEST_SPREAD = 0.10
"""Inter-quartile range over median above which a timing counts as unstable (pyperf's threshold)."""


@dataclass(frozen=True)
class Timing:
    """Times of one contestant.

    Raises:
        ValueError: there is no time, or a time is negative or not finite.

    >>> Timing((1.0, 2.0, 3.0, 4.0, 100.0)).median
    3.0
    """

    seconds: tuple[float, ...]  # one per timed round

    def __post_init__(self) -> None:
        if not self.seconds or not all(0 <= value < math.inf for value in self.seconds):
            raise ValueError(f"a timing needs times from 0 s on, not {self.seconds}")

    @property
    def median(self) -> float:
        """Median of the times, s."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile of the times, s."""
        if len(self.seconds) == 1:
            return self.seconds[0], self.seconds[0]
        first, _, third = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """Inter-quartile range over median; NaN for one round or a median of 0."""
        first, third = self.quartiles
        known = len(self.seconds) > 1 and self.median > 0
        return (third - first) / self.median if known else math.nan

    @property
    def is_stable(self) -> bool:
        """Tell whether the spread is known and at most 10 %."""
        return self.spread <= LARGEST_SPREAD


def ratio_of_medians(a: Timing, b: Timing, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """Estimate how many times longer a takes than b, with a 95 % bootstrap interval.

    One round on either side gives a ratio without an interval.

    Raises:
        ValueError: a time is 0.
    """
    return ratio_interval(a.seconds, b.seconds, seed, resamples)
