"""The kinds of test that a claim may be put to, each decided from published results alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.books import Books, MissingResultError
from benchmarks.report.cells import estimate
from benchmarks.report.schema import Comparison, Interval

SIGNIFICANT = 0.05

ClaimVerdict = Literal["reproduced", "not reproduced", "undecided", "not tested here"]
Level = Literal["analytic", "CPU-scale", "paper-scale"]


@dataclass(frozen=True)
class Finding:
    """One test's outcome: the verdict, and the figures it rests on."""

    verdict: ClaimVerdict
    measured: str


class _Test(BaseModel, ABC):
    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    command: str = Field(description="that makes the results it reads")

    @abstractmethod
    def decide(self, books: Books) -> Finding:
        """The verdict.

        Raises:
            MissingResultError: the results folder lacks what is needed.
        """

    @property
    @abstractmethod
    def asked(self) -> str:
        """What is asked, in a few words."""


class _Pair(_Test):
    results: str
    row: str
    against: str
    metric: str

    def _found(self, books: Books) -> tuple[Comparison, float, float]:
        """The comparison, and its interval with larger meaning better."""
        one = books.comparison(self.results, self.row, self.against, self.metric)
        low, high = one.difference.low, one.difference.high
        if low is None or high is None:
            raise MissingResultError(f"{self.row} against {self.against}: no interval")
        if not books.results(self.results).metrics[self.metric].higher_is_better:
            low, high = -high, -low
        return one, low, high

    def _measured(self, one: Comparison) -> str:
        p = "" if one.p_sign_flip is None else f", p = {one.p_sign_flip:.2g}"
        return f"{_interval(one.difference, '+')}{p}"


class Noninferior(_Pair):
    """The row is not worse than the other by more than the margin.

    The margin is absolute, or a share of the other's value where ``relative`` says so.
    """

    kind: Literal["noninferior"]
    margin: float = Field(gt=0)
    relative: bool = False

    def decide(self, books: Books) -> Finding:
        """The whole interval on one side of the margin decides."""
        one, low, high = self._found(books)
        margin = self.margin
        if self.relative:
            margin *= abs(books.row(self.results, self.against).metrics[self.metric].value or 0.0)
        verdict = _verdict(low > -margin, high < -margin)
        return Finding(verdict, f"{self._measured(one)}, margin {margin:.3g}")

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"{self.row} as good as {self.against} by {self.metric}"


class Superior(_Pair):
    """The row is better than the other."""

    kind: Literal["superior"]

    def decide(self, books: Books) -> Finding:
        """The interval above 0, and the test of exchanging the pairs, where there is one."""
        one, low, high = self._found(books)
        p = one.p_sign_flip
        verdict = _verdict(
            low > 0 and (p is None or p < SIGNIFICANT), high < 0 or (low == high and low <= 0)
        )
        return Finding(verdict, self._measured(one))

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"{self.row} better than {self.against} by {self.metric}"


class WithinFactor(_Test):
    """The row's value is at most ``factor`` times the other's."""

    kind: Literal["within_factor"]
    results: str
    row: str
    against: str
    metric: str
    factor: float = Field(gt=0)

    def decide(self, books: Books) -> Finding:
        """Both intervals, at their worst for the verdict, decide."""
        mine, theirs = (
            books.row(self.results, key).metrics[self.metric] for key in (self.row, self.against)
        )
        (low, high), (their_low, their_high) = (_ends(interval) for interval in (mine, theirs))
        verdict = _verdict(high <= self.factor * their_low, low > self.factor * their_high)
        return Finding(verdict, f"{_interval(mine)} against {_interval(theirs)}")

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"{self.metric} of {self.row} within {self.factor:g} times that of {self.against}"


class AtLeast(_Test):
    """The row's value is at least the bound."""

    kind: Literal["at_least"]
    results: str
    row: str
    metric: str
    bound: float

    def decide(self, books: Books) -> Finding:
        """The whole interval on one side of the bound decides."""
        interval = books.row(self.results, self.row).metrics[self.metric]
        low, high = _ends(interval)
        verdict = _verdict(low >= self.bound, high < self.bound)
        return Finding(verdict, _interval(interval))

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"{self.metric} of {self.row} at least {self.bound:g}"


class SpeedUp(_Test):
    """The measured speed-up over the reference row is the claimed one."""

    kind: Literal["speed_up"]
    results: str
    row: str
    claimed: float = Field(gt=0)
    tolerance: float = Field(gt=0, description="share of the claimed speed-up")

    def decide(self, books: Books) -> Finding:
        """The interval of the ratio of medians, with the tolerance below; faster is well."""
        time = books.row(self.results, self.row).time
        if time is None or time.speedup is None:
            raise MissingResultError(f"{self.row} was not timed")
        low, high = _ends(time.speedup)
        least = self.claimed * (1 - self.tolerance)
        verdict = _verdict(low >= least, high < least)
        measured = f"time {_interval(time.speedup)}, steps {time.step_ratio:.1f}"
        return Finding(verdict, measured)

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"speed-up of {self.row} in time {self.claimed:g} or more, less {self.tolerance:.0%}"


class BoundHolds(_Test):
    """F_elbo <= F_bddm <= log p at every junction and number of steps."""

    kind: Literal["bound_holds"]
    data: str
    fitted: bool = Field(description="which variance of the last step")

    def decide(self, books: Books) -> Finding:
        """One point beyond its sampling error refutes."""
        found = [one for one in books.theory["bounds"] if one["data"] == self.data]
        if not found:
            raise MissingResultError(f"theory.json has no bounds of {self.data}")
        (bounds,) = found
        suffix = "_fitted" if self.fitted else ""
        elbo, log_p, points = bounds["elbo" + suffix], bounds["log_p"], bounds["points"]
        values = [(point["f_bddm" + suffix], point["error" + suffix]) for point in points]
        above = sum(value - error > log_p for value, error in values)
        below = sum(value + error < elbo for value, error in values)
        measured = (
            f"of {len(points)} points {above} above log p = {log_p:.3f}, {below} below "
            f"F_elbo = {elbo:.3f}"
        )
        return Finding(_verdict(not (above or below), bool(above or below)), measured)

    @property
    def asked(self) -> str:
        """What is asked."""
        variance = "fitted" if self.fitted else "beta_1"
        return f"F_elbo <= F_bddm <= log p on {self.data}, variance {variance}"


class AboveElbo(_Test):
    """F_elbo <= F_bddm of a track's networks at every junction and number of steps."""

    kind: Literal["above_elbo"]
    track: str
    convention: str
    fitted: bool = Field(description="which variance of the last step")

    def decide(self, books: Books) -> Finding:
        """One point whose interval is below 0 refutes; all above 0 reproduce."""
        points = books.network_theory(self.track, self.convention)["points"]
        found = [point["over_elbo_fitted" if self.fitted else "over_elbo"] for point in points]
        above, below = (
            sum(one["low"] >= 0 for one in found),
            sum(one["high"] < 0 for one in found),
        )
        measured = f"of {len(found)} points {below} below F_elbo, {above} above it"
        return Finding(_verdict(above == len(found), below > 0), measured)

    @property
    def asked(self) -> str:
        """What is asked."""
        variance = "fitted" if self.fitted else "beta_1"
        return f"F_elbo <= F_bddm on {self.track}, {self.convention}, variance {variance}"


class Sigma(_Test):
    """Mean of sigma_phi after training on a loss, on one side of a bound."""

    kind: Literal["sigma"]
    data: str
    form: Literal["exact", "released", "elbo"]
    updates: int
    below: float | None = None
    above: float | None = None

    def decide(self, books: Books) -> Finding:
        """A plain comparison: the score is exact."""
        found = [
            one
            for one in books.theory["ratios"]
            if (one["data"], one["form"]) == (self.data, self.form)
        ]
        if not found or str(self.updates) not in found[0]["watched"]:
            raise MissingResultError(f"theory.json has no {self.form} training on {self.data}")
        watched = found[0]["watched"]
        value = watched[str(self.updates)]
        holds = (self.below is None or value < self.below) and (
            self.above is None or value > self.above
        )
        measured = f"{watched['0']:.3f} before, {value:.4f} after"
        return Finding(_verdict(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """What is asked."""
        side = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
        return f"mean sigma_phi on {self.data}, loss {self.form}, {self.updates} updates: {side}"


class _OfSearches(_Test):
    data: str
    length: int

    def _study(self, books: Books, rule: str) -> dict[str, Any]:
        wanted = (self.data, rule, self.length)
        for one in books.theory["searches"]:
            if (one["data"], one["rule"], one["length"]) == wanted:
                found: dict[str, Any] = one
                return found
        raise MissingResultError(f"theory.json has no {rule} search on {self.data}")


class Selection(_OfSearches):
    """The released search's winners are as good as those of a search that judges again."""

    kind: Literal["selection"]
    margin: float = Field(gt=0, description="energy distance")

    def decide(self, books: Books) -> Finding:
        """Both intervals, at their worst for the verdict, decide."""
        released, ours = (self._study(books, rule) for rule in ("released", "ours"))
        verdict = _verdict(
            released["true_high"] - ours["true_low"] <= self.margin,
            released["true_low"] - ours["true_high"] > self.margin,
        )
        return Finding(verdict, f"{released['true']:.4f} against {ours['true']:.4f}")

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"{self.length} steps on {self.data}: released winners as good as re-judged ones"


class Honest(_OfSearches):
    """The score a search reports of its winner is the true one."""

    kind: Literal["honest"]
    rule: Literal["released", "ours"]
    at_most: float = Field(gt=0, description="standard deviations of one judgement")

    def decide(self, books: Books) -> Finding:
        """A plain comparison of means over many searches."""
        one = self._study(books, self.rule)
        optimism = (one["true"] - one["reported"]) / one["noise"]
        holds = optimism <= self.at_most
        measured = f"{one['reported']:.4f} reported, {one['true']:.4f} true: {optimism:+.2f}"
        return Finding(_verdict(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """What is asked."""
        return (
            f"{self.length} steps on {self.data}: optimism of the {self.rule} search at most "
            f"{self.at_most:g} deviations"
        )


class CostShare(_Test):
    """A cost of the schedule network is at most this share of the score network's."""

    kind: Literal["cost_share"]
    score_net: str = Field(description="card in results/weights")
    schedule_net: str
    of: Literal["parameters", "steps", "seconds"]
    at_most: float = Field(gt=0)

    def decide(self, books: Books) -> Finding:
        """A plain comparison of the two cards."""
        mine, theirs = (books.card(name)[self.of] for name in (self.schedule_net, self.score_net))
        holds = mine <= self.at_most * theirs
        return Finding(_verdict(holds, not holds), f"{mine:g} of {theirs:g} = {mine / theirs:.2%}")

    @property
    def asked(self) -> str:
        """What is asked."""
        return f"{self.of} of {self.schedule_net} at most {self.at_most:.0%} of {self.score_net}"


ClaimTest = (
    Noninferior
    | Superior
    | WithinFactor
    | AtLeast
    | SpeedUp
    | BoundHolds
    | AboveElbo
    | Sigma
    | Selection
    | Honest
    | CostShare
)


def _verdict(holds: bool, fails: bool) -> ClaimVerdict:
    """Neither is what an interval across the margin leaves."""
    return "reproduced" if holds else "not reproduced" if fails else "undecided"


def _ends(interval: Interval) -> tuple[float, float]:
    """Both ends of an interval; those of an exact value are the value.

    Raises:
        MissingResultError: there is no value.
    """
    if interval.value is None:
        raise MissingResultError("nothing could be scored")
    low = interval.value if interval.low is None else interval.low
    high = interval.value if interval.high is None else interval.high
    return low, high


def _interval(interval: Interval, sign: str = "") -> str:
    if interval.low == interval.high:  # exact
        interval = interval.model_copy(update={"low": None, "high": None})
    return estimate(interval, 4 if abs(interval.value or 0.0) < 1 else 2, sign)
