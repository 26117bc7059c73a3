"""Tests of searches that were repeated many times on known distributions."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from benchmarks.claims.base import NO_ERROR, Finding, Sides, Test, sides_at
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.theory import OptimismStudy
from benchmarks.results.verdicts import Interval
from metrics.statistics import Estimate


class _OfSearches(Test):
    data: str
    length: int

    def _study(self, folder: ResultsFolder, rule: str) -> OptimismStudy:
        wanted = (self.data, rule, self.length)
        for one in folder.theory.searches:
            if (one.data, one.rule, one.length) == wanted:
                return one
        raise MissingResultError(f"theory.json has no {rule} search on {self.data}")

    @property
    def at_steps(self) -> int | None:
        """The steps of the schedules."""
        return self.length


class Selection(_OfSearches):
    """The released search's winners are as good as those of a search that judges again."""

    kind: Literal["selection"]
    margin: float = Field(gt=0, description="energy distance")

    def decide(self, folder: ResultsFolder) -> Finding:
        """Welch's t test of the two means at the margin decides."""
        released, ours = (self._study(folder, rule).true for rule in ("released", "ours"))
        measured = f"{released.value:.4f} against {ours.value:.4f}, margin {self.margin:g}"
        apart = welch(released, ours)
        sides = None if apart is None else sides_at(apart, self.margin, False)
        return _finding(sides, measured, f"{released.value - ours.value:+.4f}")

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return (
            f"{self.length} steps on {self.data}: energy distance of released winners that of "
            f"re-judged ones, to {self.margin:g}"
        )


class Honest(_OfSearches):
    """The score a search reports of its winner is the true one."""

    kind: Literal["honest"]
    rule: Literal["released", "ours"]
    at_most: float = Field(gt=0, description="standard deviations of one judgement")

    def decide(self, folder: ResultsFolder) -> Finding:
        """Student's t of the mean over searches at the bound decides."""
        study = self._study(folder, self.rule)
        optimism = study.optimism
        measured = (
            f"{study.reported.value:.4f} reported, {study.true.value:.4f} true: "
            f"{optimism.value:+.2f} [{optimism.low:+.2f}, {optimism.high:+.2f}]"
        )
        sides = sides_at(Interval.of(optimism), self.at_most, False)
        return _finding(sides, measured, f"{optimism.value:+.2f}")

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return (
            f"{self.length} steps on {self.data}: optimism of the {self.rule} search at most "
            f"{self.at_most:g} deviations"
        )


def _finding(sides: Sides | None, measured: str, short: str = "") -> Finding:
    if sides is None:
        return Finding("open", f"{measured}; {NO_ERROR}", short)
    return Finding(sides.verdict, measured, short, sides)


def welch(a: Estimate, b: Estimate) -> Interval | None:
    """Difference of two independent means with Welch's standard error and degrees of freedom.

    Returns:
        None where an estimate has no standard error. The interval has no ends.
    """
    if a.se is None or b.se is None:
        return None
    variances = [a.se**2, b.se**2]
    squares = sum(
        v**2 / (math.inf if one.df is None else one.df)
        for v, one in zip(variances, (a, b), strict=True)
    )
    df = sum(variances) ** 2 / squares if squares else None
    return Interval(
        value=a.value - b.value,
        low=None,
        high=None,
        n=min(a.n, b.n),
        se=math.sqrt(sum(variances)),
        df=df,
    )
