"""The base class of claim tests, and the words of their verdicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.report.page import estimate
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.ledger import ClaimVerdict, Level
from benchmarks.results.verdicts import Interval, Verdict

CLAIM_WORDS: dict[Verdict, ClaimVerdict] = {
    "better": "reproduced",
    "as good": "reproduced",
    "worse": "not reproduced",
    "undecided": "undecided",
}
"""Verdict on a claimed row that is compared with another, to the verdict on the claim."""


@dataclass(frozen=True)
class Finding:
    """One test's outcome: the verdict, and the figures it rests on."""

    verdict: ClaimVerdict
    measured: str


class Test(BaseModel, ABC):
    """One question that published results answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    command: str = Field(description="that makes the results it reads")

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


def verdict_of(holds: bool, fails: bool) -> ClaimVerdict:
    """Neither is what an interval across the margin leaves."""
    return "reproduced" if holds else "not reproduced" if fails else "undecided"


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
