"""The base class of claim tests, and their outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.report.page import estimate
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.ledger import Level, TestVerdict
from benchmarks.results.verdicts import Interval
from metrics.statistics import Estimate, one_sided_p

ALPHA = 0.025
"""Level of one-sided tests; a 95 % interval that leaves out the boundary says the same."""
LABEL = 12  # characters of a label, at most
PROTOCOL_1 = "made under protocol 1"
NO_ERROR = f"{PROTOCOL_1}: no standard error"


@dataclass(frozen=True)
class Sides:
    """One-sided p values of a test, before any correction for other tests.

    Attributes:
        holds: evidence against "the claimed side of the boundary is not reached".
        fails: evidence against "the other side of the boundary is not reached".
    """

    holds: float
    fails: float

    @property
    def nearer(self) -> float:
        """The p value on the side of the figures."""
        return min(self.holds, self.fails)

    @property
    def verdict(self) -> TestVerdict:
        """The verdict at the level ``ALPHA``."""
        return verdict_of(self.holds <= ALPHA, self.fails <= ALPHA)


@dataclass(frozen=True)
class Finding:
    """One test's outcome, before Holm's correction.

    Attributes:
        verdict: by this test alone.
        measured: the figures it rests on, or why it is open.
        short: the one figure for the overview.
        sides: p values; None where none decides, so that the verdict stands as it is.
    """

    verdict: TestVerdict
    measured: str
    short: str = ""
    sides: Sides | None = None


class Test(BaseModel, ABC):
    """One question that published results answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    command: str = Field(description="that makes the results it reads")
    label: str = Field(default="", max_length=LABEL, description="of a primary test")

    @abstractmethod
    def decide(self, results: ResultsFolder) -> Finding:
        """The verdict.

        Raises:
            MissingResultError: the results folder lacks what is needed.
        """

    @property
    @abstractmethod
    def asked(self) -> str:
        """The question, with its margin, in a few words."""

    @property
    def at_steps(self) -> int | None:
        """The number of sampling steps that is asked about, if it is one."""
        return None


def verdict_of(holds: bool, fails: bool) -> TestVerdict:
    """Neither is what an interval across the margin leaves."""
    return "holds" if holds else "does not hold" if fails else "open"


def ends(interval: Interval | None) -> tuple[float, float]:
    """Both ends of an interval; those of an exact value are the value.

    Raises:
        MissingResultError: there is no interval, and so nothing to decide by.
    """
    if interval is None or interval.low is None or interval.high is None:
        raise MissingResultError("no interval: nothing could be scored, or a single value")
    return interval.low, interval.high


def text_of(interval: Interval, sign: str = "") -> str:
    """A value and its interval as the ledger prints them."""
    return estimate(interval, 4 if abs(interval.value or 0.0) < 1 else 2, sign)


def short_of(interval: Interval, sign: str = "") -> str:
    """A value without its interval, for the overview."""
    return "" if interval.value is None else f"{interval.value:{sign}.3g}"


def sides_at(interval: Interval, boundary: float, higher_is_better: bool) -> Sides | None:
    """Test a value against a boundary by Student's t.

    Args:
        interval: the value, with standard error and degrees of freedom.
        boundary: the value to reach, in the unit of ``interval``.
        higher_is_better: whether to reach means to be above.

    Returns:
        None where the interval has no standard error, as those of protocol 1, and is not exact.
    """
    if interval.value is None or (interval.se is None and not interval.is_exact):
        return None
    estimate = interval.estimate
    if not interval.se:  # all scores are equal: an exact value
        estimate = Estimate(interval.value, interval.value, interval.value, interval.n)
    above, below = (one_sided_p(estimate, boundary, side) for side in (True, False))
    return Sides(above, below) if higher_is_better else Sides(below, above)


def with_exchange(student: Sides, exchange: float | None, at_zero: float | None) -> Sides:
    """The larger p value of Student's t and of the exchange test, on each side.

    Half of a two-sided p value is the one-sided p value on the side of the estimate, and the rest
    that on the other side. Sets of items have no exchange test at a margin: there the test at 0
    stands in against the claim, where it is the weaker demand, and nothing stands in for it.

    Args:
        student: p values of Student's t.
        exchange: two-sided p value at the same boundary; None without a test.
        at_zero: two-sided p value at 0.
    """
    nearer = exchange if exchange is not None else at_zero
    half = 1.0 if nearer is None else nearer / 2
    if student.holds <= student.fails:
        return Sides(student.holds if exchange is None else max(student.holds, half), student.fails)
    return Sides(student.holds, max(student.fails, half))
