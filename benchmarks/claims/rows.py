"""Tests of a track's rows: their values, their paired differences, their times and costs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmarks.claims.base import CLAIM_WORDS, Finding, Test, ends, text_of, verdict_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.ledger import ClaimVerdict
from benchmarks.results.schema import Comparison
from benchmarks.results.verdicts import Interval, verdict


class _OfMetric(Test):
    results: str
    row: str
    metric: str

    @property
    def _rows(self) -> tuple[str, ...]:
        """The rows whose noise seeds the verdict rests on."""
        return (self.row,)

    def _value(self, folder: ResultsFolder, row: str) -> Interval:
        metrics = folder.row(self.results, row).metrics
        if self.metric not in metrics:
            raise MissingResultError(f"{row} has no {self.metric}")
        return metrics[self.metric]

    def _finding(self, folder: ResultsFolder, verdict: ClaimVerdict, measured: str) -> Finding:
        """The verdict, left open where there are too few noise seeds for one."""
        few = folder.lacks_seeds(self.results, *self._rows)
        if few is not None:
            return Finding("undecided", f"{measured}; {few}")
        return Finding(verdict, measured)


class _OfTwo(_OfMetric):
    against: str

    @property
    def _rows(self) -> tuple[str, ...]:
        return self.row, self.against


class _Pair(_OfTwo):
    def _found(self, folder: ResultsFolder) -> tuple[Comparison, bool]:
        """The comparison, which has an interval, and whether larger is better."""
        one = folder.comparison(self.results, self.row, self.against, self.metric)
        ends(one.difference)
        return one, folder.run(self.results).metrics[self.metric].higher_is_better

    def _measured(self, one: Comparison) -> str:
        p = "" if one.p_sign_flip is None else f", p = {one.p_sign_flip:.2g}"
        return f"{text_of(one.difference, '+')}{p}"


class Noninferior(_Pair):
    """The row is not worse than the other by more than the margin.

    The margin is absolute, or a share of the other's value where ``relative`` says so.
    """

    kind: Literal["noninferior"]
    margin: float = Field(gt=0)
    relative: bool = False

    def decide(self, folder: ResultsFolder) -> Finding:
        """The whole interval on one side of the margin decides."""
        one, higher_is_better = self._found(folder)
        margin = self.margin
        if self.relative:
            value = self._value(folder, self.against).value
            if value is None:
                raise MissingResultError(f"{self.against} has no {self.metric}")
            margin *= abs(value)
        measured = f"{self._measured(one)}, margin {margin:.3g}"
        # The test at the margin was made for the comparison's own margin.
        at_margin = one.p_margin if margin == one.margin else None
        found = verdict(one.difference, margin, higher_is_better, one.p_sign_flip, at_margin)
        return self._finding(folder, CLAIM_WORDS[found], measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        margin = f"{self.margin:.0%}" if self.relative else f"{self.margin:g}"
        return f"{self.row} as good as {self.against} by {self.metric}, to {margin}"


class Superior(_Pair):
    """The row is better than the other."""

    kind: Literal["superior"]

    def decide(self, folder: ResultsFolder) -> Finding:
        """The interval on the good side of 0, and the test of exchanging the pairs, decide."""
        one, higher_is_better = self._found(folder)
        holds = verdict(one.difference, one.margin, higher_is_better, one.p_sign_flip) == "better"
        low, high = ends(one.difference if higher_is_better else one.difference.turned())
        fails = high < 0 or (low == high and not holds)
        return self._finding(folder, verdict_of(holds, fails), self._measured(one))

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"{self.row} better than {self.against} by {self.metric}"


class WithinFactor(_OfTwo):
    """The row's value is at most ``factor`` times the other's."""

    kind: Literal["within_factor"]
    factor: float = Field(gt=0)

    def decide(self, folder: ResultsFolder) -> Finding:
        """Both intervals, at their worst for the verdict, decide."""
        mine, theirs = (self._value(folder, key) for key in (self.row, self.against))
        (low, high), (their_low, their_high) = (ends(interval) for interval in (mine, theirs))
        holds, fails = high <= self.factor * their_low, low > self.factor * their_high
        measured = f"{text_of(mine)} against {text_of(theirs)}"
        return self._finding(folder, verdict_of(holds, fails), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"{self.metric} of {self.row} within {self.factor:g} times that of {self.against}"


class AtLeast(_OfMetric):
    """The row's value is at least the bound."""

    kind: Literal["at_least"]
    bound: float

    def decide(self, folder: ResultsFolder) -> Finding:
        """The whole interval on one side of the bound decides."""
        interval = self._value(folder, self.row)
        low, high = ends(interval)
        found = verdict_of(low >= self.bound, high < self.bound)
        return self._finding(folder, found, text_of(interval))

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"{self.metric} of {self.row} at least {self.bound:g}"


class SpeedUp(Test):
    """The measured speed-up over the reference row is the claimed one."""

    kind: Literal["speed_up"]
    results: str
    row: str
    claimed: float = Field(gt=0)
    tolerance: float = Field(gt=0, description="share of the claimed speed-up")

    def decide(self, folder: ResultsFolder) -> Finding:
        """The interval of the ratio of medians, with the tolerance below; faster is well."""
        time = folder.row(self.results, self.row).time
        if time is None or time.speedup is None:
            raise MissingResultError(f"{self.row} was not timed")
        low, high = ends(time.speedup)
        least = self.claimed * (1 - self.tolerance)
        measured = f"time {text_of(time.speedup)}, steps {time.step_ratio:.1f}"
        if not time.stable:
            measured += "; its times spread by more than 10 %"
        return Finding(verdict_of(low >= least, high < least), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"speed-up of {self.row} in time {self.claimed:g} or more, less {self.tolerance:.0%}"


class CostShare(Test):
    """The cost of a schedule network's training is at most this share of the score network's."""

    kind: Literal["cost_share"]
    score_net: str = Field(description="card in results/weights")
    schedule_net: str
    results: str = Field(description="whose experiment names their batches")
    of: Literal["parameters", "seconds"]
    at_most: float = Field(gt=0)

    def decide(self, folder: ResultsFolder) -> Finding:
        """Compare the two networks; updates and evaluations stand beside."""
        mine, theirs = (folder.network_cost(name) for name in (self.schedule_net, self.score_net))
        share = (
            (mine.parameters, theirs.parameters)
            if self.of == "parameters"
            else (mine.seconds, theirs.seconds)
        )
        holds = share[0] <= self.at_most * share[1]
        measured = _share(share[0], share[1], "")
        if self.of == "seconds":
            settings = folder.run(self.results).settings
            measured += f"; {_share(mine.steps, theirs.steps, ' updates')}"
            ours = mine.steps * settings.schedule_net.batch_size
            whole = theirs.steps * settings.score_net.batch_size
            measured += f"; {_share(ours, whole, ' evaluations')}"
        return Finding(verdict_of(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"{self.of} of {self.schedule_net} at most {self.at_most:.0%} of {self.score_net}"


def _share(mine: float, theirs: float, unit: str) -> str:
    return f"{mine:g} of {theirs:g}{unit} = {mine / theirs:.1%}"
