"""Tests of single rows of a track: their values and their times."""

from __future__ import annotations

import math
from typing import Literal

import scipy.stats
from pydantic import Field, field_validator

from benchmarks.claims.base import (
    NO_ERROR,
    Finding,
    Sides,
    Test,
    ends,
    short_of,
    sides_at,
    text_of,
    verdict_of,
)
from benchmarks.core.rows import RowKey
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.verdicts import Interval
from metrics.statistics import LEVEL, Estimate, one_sided_p

ROUNDS = 25  # of a timing; fewer decide nothing


class OfRow(Test):
    """A test of a row of a run."""

    results: str = Field(description="document of the run, without .json")
    row: str

    @field_validator("row", "against", check_fields=False)
    @classmethod
    def _is_a_row(cls, key: str) -> str:
        RowKey.parse(key)
        return key

    @property
    def at_steps(self) -> int | None:
        """The steps of the row."""
        return RowKey.parse(self.row).steps


class OfMetric(OfRow):
    """A test of a row by a metric."""

    metric: str

    @property
    def _rows(self) -> tuple[str, ...]:
        """The rows whose trainings and searches the verdict rests on."""
        return (self.row,)

    def _few(self, folder: ResultsFolder) -> str | None:
        """Why the rows rest on too few searches for a verdict, where they do."""
        return folder.lacks_repeats(self.results, *self._rows)

    def _found(self, folder: ResultsFolder, measured: str, sides: Sides, short: str) -> Finding:
        """Decide by p values, or leave open what rests on too few searches."""
        few = self._few(folder)
        if few is not None:
            return Finding("open", f"{measured}; {few}", short)
        return Finding(sides.verdict, measured, short, sides)


class AtLeast(OfMetric):
    """The row's value is at least the bound."""

    kind: Literal["at_least"]
    bound: float

    def decide(self, folder: ResultsFolder) -> Finding:
        """Student's t of the mean at the bound decides."""
        metrics = folder.row(self.results, self.row).metrics
        if self.metric not in metrics:
            raise MissingResultError(f"{self.row} has no {self.metric}")
        interval = metrics[self.metric]
        ends(interval)
        measured, short = text_of(interval), short_of(interval)
        sides = sides_at(interval, self.bound, higher_is_better=True)
        if sides is None:
            return Finding("open", f"{measured}; {NO_ERROR}", short)
        return self._found(folder, measured, sides, short)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"{self.metric} of {self.row} at least {self.bound:g}"


class SpeedUp(OfRow):
    """The measured speed-up over the reference row is the claimed one."""

    kind: Literal["speed_up"]
    claimed: float = Field(gt=0)
    tolerance: float = Field(gt=0, lt=1, description="share of the claimed speed-up")

    def decide(self, folder: ResultsFolder) -> Finding:
        """Decide by the ratio paired by round, with the tolerance below; faster is well."""
        time = folder.row(self.results, self.row).time
        if time is None or time.speedup is None:
            raise MissingResultError(f"{self.row} was not timed")
        measured = f"time {text_of(time.speedup)}, steps {time.step_ratio:.1f}"
        measured += "" if time.power is None else f"; power {time.power:.2f}"
        if not time.stable:
            measured += "; its times spread by more than 10 %"
        return ratio_finding(time.speedup, self.claimed * (1 - self.tolerance), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"speed-up of {self.row} in time {self.claimed:g} or more, less {self.tolerance:.0%}"


def ratio_finding(ratio: Interval, least: float, measured: str) -> Finding:
    """Decide whether a ratio of times, paired by round, reaches the least that is claimed.

    Args:
        ratio: geometric mean over rounds, with the 95 % interval of Student's t of the logarithms.
        least: the smallest ratio that counts.
        measured: the figures in words.
    """
    low, high = ends(ratio)
    short = f"{ratio.value:.3g}"
    if ratio.n < ROUNDS:
        return Finding("open", f"{measured}; {ratio.n} rounds, of {ROUNDS} for a verdict", short)
    if low == high:
        return Finding(verdict_of(low >= least, low < least), measured, short)
    logarithm = _of_logarithms(ratio, low, high)
    above, below = (one_sided_p(logarithm, math.log(least), side) for side in (True, False))
    sides = Sides(above, below)
    return Finding(sides.verdict, f"{measured}; {ratio.n} rounds", short, sides)


def _of_logarithms(ratio: Interval, low: float, high: float) -> Estimate:
    """The mean of the logarithms, whose Student interval the ratio's interval comes from."""
    df = ratio.n - 1 if ratio.df is None else ratio.df
    half = math.log(high / low) / 2
    se = half / float(scipy.stats.t.isf((1 - LEVEL) / 2, df)) if ratio.se is None else ratio.se
    middle = math.log(low) + half
    return Estimate(middle, math.log(low), math.log(high), ratio.n, se=se, df=df)
