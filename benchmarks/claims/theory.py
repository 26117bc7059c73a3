"""Tests of what exact scores and trained networks say of the theory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator
from scipy.stats import norm

from bddm_ref.settings import StepLossForm
from benchmarks.claims.base import Finding, Test, verdict_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.theory import (
    BoundPoint,
    CommonTerm,
    DataBounds,
    NetworkPoint,
    NetworkTheory,
    SigmaTrace,
)
from metrics.statistics import Estimate

Point = TypeVar("Point", BoundPoint, NetworkPoint)

IDENTITY = 1e-6
"""Largest deviation from an identity, nats per dimension: float32 predictions, float64 sums."""

Place = Literal["inside", "all"]
"""Points inside the papers' assumptions, or all points."""


class _OfPlace(Test):
    data: str | None = Field(None, description="a distribution; or give track and convention")
    track: str | None = None
    convention: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.data is None) == (self.track is None) or (self.track is None) != (
            self.convention is None
        ):
            raise ValueError("give data, or track and convention")
        return self

    @property
    def place(self) -> str:
        """The distribution, or track and convention, of the question."""
        return self.data or f"{self.track}, {self.convention}"

    def _networks(self, folder: ResultsFolder) -> NetworkTheory:
        return folder.network_theory(str(self.track), str(self.convention))


class _OfBounds(_OfPlace):
    points: Place = "inside"

    def _bounds(self, folder: ResultsFolder) -> DataBounds:
        for one in folder.theory.bounds:
            if one.data == self.data:
                return one
        raise MissingResultError(f"theory.json has no bounds of {self.data}")

    def _chosen(self, points: Sequence[Point]) -> list[Point]:
        found = [p for p in points if self.points == "all" or p.length is not None]
        if not found:
            raise MissingResultError(f"no point of {self.place} is inside the papers' assumptions")
        return found

    @property
    def where(self) -> str:
        """The place and the points, in a few words."""
        return f"{self.place}, points {self.points}"


class Identity(_OfBounds):
    """F_elbo of one KL term at t <= F_bddm, which holds as an identity.

    Without the common term F_bddm is L_step - L_score = (r (1 - s) - log r) / 2.
    """

    kind: Literal["identity"]

    def decide(self, folder: ResultsFolder) -> Finding:
        """All points above the term and equal to the identity reproduce; another refutes."""
        if self.data is not None:
            bounds = self._bounds(folder)
            exact = self._chosen(bounds.points)
            values = [p.dropped for p in exact]
            errors = [abs(p.dropped - p.identity) for p in exact]
            above = sum(bounds.over_term(p) > 0 for p in exact)
        else:
            found = self._chosen(self._networks(folder).points)
            values = [p.dropped.value for p in found]
            errors = [p.identity_error for p in found]
            above = sum(p.over_term.value > 0 for p in found)
        measured = (
            f"at {above} of {len(values)} points; F_bddm {min(values):.3f} to {max(values):.3f}, "
            f"off the identity by at most {max(errors):.1g}"
        )
        holds = above == len(values) and max(errors) <= IDENTITY
        return Finding(verdict_of(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"the ELBO's KL term at t <= F_bddm, common term dropped, on {self.where}"


class BoundBetween(_OfBounds):
    """F_elbo <= F_bddm <= log p, with one reading of each part."""

    kind: Literal["bound_between"]
    common: CommonTerm
    lower: Literal["term", "elbo"] | None = None
    upper: Literal["log p", "log p of the chain"] | None = None

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError("give lower, upper or both")
        if self.upper is not None and (self.common == "dropped" or self.data is None):
            raise ValueError("log p is compared with the common term kept, on a distribution")
        if self.track is not None and self.common == "decoder":
            raise ValueError("for networks 'dropped' stands for 'decoder': the term cancels")
        return self

    def decide(self, folder: ResultsFolder) -> Finding:
        """All points inside with their errors reproduce; one surely outside refutes.

        Surely: beyond an interval that is widened for the number of points that are looked at.
        """
        gaps = self._gaps(folder)
        many = widened(max(len(found) for found in gaps.values()))
        parts, holds, fails = [], True, False
        for side, found in gaps.items():
            sure = sum(value - error >= 0 for value, error in found)
            outside = sum(value + many * error < 0 for value, error in found)
            holds, fails = holds and sure == len(found), fails or outside > 0
            parts.append(f"{side} at {sure} of {len(found)} points, refuted at {outside}")
        return Finding(verdict_of(holds, fails), "; ".join(parts))

    def _gaps(self, folder: ResultsFolder) -> dict[str, list[tuple[float, float]]]:
        """Gaps that must not be negative, with their errors, of each side."""
        if self.data is None:
            return {"lower": self._over_elbo_of_networks(folder)}
        bounds = self._bounds(folder)
        points = self._chosen(bounds.points)
        gaps: dict[str, list[tuple[float, float]]] = {}
        if self.lower == "term":
            gaps["lower"] = [(bounds.over_term(p), 0.0) for p in points]
        elif self.lower == "elbo":
            gaps["lower"] = [bounds.over_elbo(p, self.common) for p in points]
        if self.upper is not None:
            gaps["upper"] = [gap for p in points if (gap := self._below(bounds, p)) is not None]
        if any(not found for found in gaps.values()):
            raise MissingResultError(f"theory.json has no log p of a short chain on {self.data}")
        return gaps

    def _below(self, bounds: DataBounds, point: BoundPoint) -> tuple[float, float] | None:
        most: float | None = bounds.log_p
        if self.upper == "log p of the chain":
            most = point.log_p_of_chain(self.common == "chain_fitted")
        if most is None:
            return None
        value, error = bounds.f_bddm(point, self.common)
        return most - value, error

    def _over_elbo_of_networks(self, folder: ResultsFolder) -> list[tuple[float, float]]:
        name = "over_term" if self.lower == "term" else "over_elbo"
        if self.lower == "elbo" and self.common != "dropped":
            name = f"over_elbo_{self.common}"
        found: list[Estimate] = [
            getattr(point, name) for point in self._chosen(self._networks(folder).points)
        ]
        return [(one.value, (one.high - one.low) / 2) for one in found]

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        lower = {"term": "the ELBO's KL term at t <= ", "elbo": "F_elbo <= ", None: ""}[self.lower]
        upper = "" if self.upper is None else f" <= {self.upper}"
        return f"{lower}F_bddm{upper}, common term {self.common}, on {self.where}"


class Proposition3(_OfBounds):
    """Proposition 3: log p - F_score = L_step."""

    kind: Literal["proposition3"]
    log_p: Literal["of the data", "of the chain"]
    fitted: bool = Field(description="which variance of the last step")
    within: float = Field(gt=0, description="nats per dimension")

    def decide(self, folder: ResultsFolder) -> Finding:
        """Equality to ``within`` at all points reproduces; one surely unequal point refutes."""
        bounds, found = self._bounds(folder), []
        for point in self._chosen(bounds.points):
            chain = point.log_p_of_chain(self.fitted)
            log_p = bounds.log_p if self.log_p == "of the data" else chain
            if log_p is not None:
                gap = log_p - point.f_score(self.fitted)
                found.append((gap, point.step, point.reconstruction_error(self.fitted)))
        if not found:
            raise MissingResultError(f"theory.json has no log p of a short chain on {self.data}")
        many = widened(len(found))
        equal = sum(abs(gap - step) + error <= self.within for gap, step, error in found)
        unequal = sum(abs(gap - step) - many * error > self.within for gap, step, error in found)
        gaps, steps = [gap for gap, _, _ in found], [step for _, step, _ in found]
        measured = (
            f"equal at {equal} of {len(found)} points: log p - F_score {min(gaps):.3f} to "
            f"{max(gaps):.3f}, L_step {min(steps):.3f} to {max(steps):.3f}"
        )
        return Finding(verdict_of(equal == len(found), unequal > 0), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        variance = "fitted" if self.fitted else "beta_1"
        return (
            f"log p {self.log_p} - F_score = L_step to {self.within:g}, variance {variance}, on "
            f"{self.where}"
        )


class _OfTraces(_OfPlace):
    learning_rate: float = Field(gt=0)

    def _trace(self, folder: ResultsFolder, form: str) -> SigmaTrace:
        if self.data is None:
            name, traces = f"theory/{self.track}.json", self._networks(folder).traces
        else:
            name = "theory.json"
            studies = [one for one in folder.theory.collapses if one.data == self.data]
            traces = [trace for one in studies for trace in one.traces]
        for one in traces:
            if (one.form, one.learning_rate) == (form, self.learning_rate):
                return one
        raise MissingResultError(
            f"{name} has no training on {self.place}, loss {form}, rate {self.learning_rate:g}"
        )


class Sigma(_OfTraces):
    """Mean of sigma_phi after a training on a loss, on one side of a bound."""

    kind: Literal["sigma"]
    form: StepLossForm
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("give one of below and above")
        return self

    def decide(self, folder: ResultsFolder) -> Finding:
        """A plain comparison of the value after the last update."""
        trace = self._trace(folder, self.form)
        if trace.diverged is not None:
            return _diverged(trace)
        value = trace.limit
        holds = value < self.below if self.below is not None else value > (self.above or 0.0)
        measured = f"{trace.sigma[0]:.3f} before, {value:.4f} after {trace.updates} updates"
        return Finding(verdict_of(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        side = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
        return (
            f"mean sigma_phi on {self.place}, loss {self.form}, learning rate "
            f"{self.learning_rate:g}: {side}"
        )


class CollapseSpeed(_OfTraces):
    """On the ELBO sigma_phi collapses at least as fast as the step loss trains it.

    Both trainings have no warm-up. Their half-times are the updates until half of the final change
    of the mean of sigma_phi.
    """

    kind: Literal["collapse_speed"]
    form: Literal["exact", "released"]
    below: float = Field(gt=0, description="the mean of sigma_phi at the end, on the ELBO")

    def decide(self, folder: ResultsFolder) -> Finding:
        """A plain comparison of two half-times and of the end."""
        elbo, step = self._trace(folder, "elbo"), self._trace(folder, self.form)
        if elbo.half_time is None or step.half_time is None:
            return _diverged(elbo if elbo.half_time is None else step)
        holds = elbo.half_time <= step.half_time and elbo.limit < self.below
        measured = (
            f"half-time {elbo.half_time} updates on the ELBO, {step.half_time} on the step loss; "
            f"at the end {elbo.limit:.4f} and {step.limit:.3f}"
        )
        return Finding(verdict_of(holds, not holds), measured)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return (
            f"on {self.place} at learning rate {self.learning_rate:g}: half-time on the ELBO at "
            f"most that on the step loss, and mean sigma_phi below {self.below:g} at the end"
        )


def _diverged(trace: SigmaTrace) -> Finding:
    """No verdict: the training did not reach its end."""
    return Finding(
        "open",
        f"the training on the loss {trace.form} at learning rate {trace.learning_rate:g} has no "
        f"finite loss or gradient at update {trace.diverged}",
    )


def widened(count: int) -> float:
    """Factor by which 95 % intervals widen so that all of ``count`` hold together (Bonferroni)."""
    return float(norm.isf(0.025 / count) / norm.isf(0.025))
