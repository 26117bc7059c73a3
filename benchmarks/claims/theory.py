"""Tests of what exact scores and trained networks say of the theory."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from scipy.stats import norm

from benchmarks.claims.base import Finding, Test, verdict_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from metrics.statistics import Estimate

Bound = Literal["f_bddm", "f_score"]


class _OfBound(Test):
    bound: Bound
    fitted: bool = Field(description="which variance of the last step")

    @property
    def suffix(self) -> str:
        """The ending of the fields of a point."""
        return "_fitted" if self.fitted else ""

    @property
    def named(self) -> str:
        """The bound, with its variance."""
        return f"{self.bound.upper()[0]}{self.bound[1:]}, variance " + (
            "fitted" if self.fitted else "beta_1"
        )


class BoundHolds(_OfBound):
    """F_elbo <= F_bddm <= log p (or F_score) at every junction and number of steps."""

    kind: Literal["bound_holds"]
    data: str

    def decide(self, folder: ResultsFolder) -> Finding:
        """All points inside with their errors reproduce; one surely outside refutes.

        Surely: beyond an interval that is widened for the number of points that are looked at.
        """
        found = [one for one in folder.theory.bounds if one.data == self.data]
        if not found:
            raise MissingResultError(f"theory.json has no bounds of {self.data}")
        (bounds,) = found
        low: float = getattr(bounds, "elbo" + self.suffix)
        high, points = bounds.log_p, bounds.points
        many = widened(len(points))
        name = self.bound + self.suffix
        values = [(getattr(point, name), getattr(point, f"{name}_error")) for point in points]
        above = sum(value - many * error > high for value, error in values)
        below = sum(value + many * error < low for value, error in values)
        inside = sum(low <= value - error and value + error <= high for value, error in values)
        measured = (
            f"of {len(points)} points {above} above log p = {high:.3f}, {below} below "
            f"F_elbo = {low:.3f}"
        )
        return Finding(verdict_of(inside == len(points), bool(above or below)), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"F_elbo <= {self.named} <= log p on {self.data}"


class AboveElbo(_OfBound):
    """F_elbo <= F_bddm (or F_score) of a track's networks at every junction."""

    kind: Literal["above_elbo"]
    track: str
    convention: str

    def decide(self, folder: ResultsFolder) -> Finding:
        """All intervals above 0 reproduce; one that is below 0, even widened, refutes."""
        points = folder.network_theory(self.track, self.convention).points
        name = f"{self.bound}{self.suffix}_over_elbo"
        found: list[Estimate] = [getattr(point, name) for point in points]
        many = widened(len(found))
        above = sum(one.low >= 0 for one in found)
        below = sum(one.value + many * (one.high - one.value) < 0 for one in found)
        measured = f"of {len(found)} points {below} below F_elbo, {above} above it"
        return Finding(verdict_of(above == len(found), below > 0), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"F_elbo <= {self.named} on {self.track}, {self.convention}"


class Sigma(Test):
    """Mean of sigma_phi after training on a loss, on one side of a bound."""

    kind: Literal["sigma"]
    data: str
    form: Literal["exact", "released", "elbo"]
    updates: int
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("give one of below and above")
        return self

    def decide(self, folder: ResultsFolder) -> Finding:
        """A plain comparison: the score is exact."""
        found = [
            one for one in folder.theory.ratios if (one.data, one.form) == (self.data, self.form)
        ]
        if not found or self.updates not in found[0].watched:
            raise MissingResultError(f"theory.json has no {self.form} training on {self.data}")
        watched = found[0].watched
        value = watched[self.updates]
        holds = value < self.below if self.below is not None else value > (self.above or 0.0)
        measured = f"{watched[0]:.3f} before, {value:.4f} after"
        return Finding(verdict_of(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        side = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
        return f"mean sigma_phi on {self.data}, loss {self.form}, {self.updates} updates: {side}"


class SigmaOnElbo(Test):
    """Mean of sigma_phi of a track's schedule network, trained on the ELBO, below a bound."""

    kind: Literal["sigma_on_elbo"]
    track: str
    convention: str
    updates: int
    below: float

    def decide(self, folder: ResultsFolder) -> Finding:
        """A plain comparison; the network that the track uses stands beside."""
        found = folder.network_theory(self.track, self.convention)
        by_updates = found.sigma_on_elbo
        if self.updates not in by_updates:
            raise MissingResultError(f"theory/{self.track}.json has no {self.updates} updates")
        value = by_updates[self.updates]
        measured = f"{by_updates[0]:.3f} before, {value:.4f} after; in use {found.sigma:.3f}"
        return Finding(verdict_of(value < self.below, value >= self.below), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return (
            f"mean sigma_phi on {self.track}, {self.convention}, loss elbo, {self.updates} "
            f"updates: below {self.below:g}"
        )


def widened(count: int) -> float:
    """Factor by which 95 % intervals widen so that all of ``count`` hold together (Bonferroni)."""
    return float(norm.isf(0.025 / count) / norm.isf(0.025))
