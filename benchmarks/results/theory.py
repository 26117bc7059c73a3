"""Documents of the theory: bounds, learned ratios and searches, without a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from bddm_ref.settings import StepLossForm
from benchmarks.core.experiment import LinearSchedule
from benchmarks.results.documents import Measurement, Name, Provenance
from benchmarks.results.strict import Sha256, Strict
from metrics.statistics import Estimate

OWN = "closed form"  # family of the short schedule that the step loss leads to
SPACED = "log-SNR"  # family of the short schedules of equal log-SNR spacing
TAU = 50  # long steps per short one, of the studied schedule networks
RUNS = 24  # searches by each rule, each with noise of its own
FEW = 50  # samples of a judgement, as noisy as one clip is for PESQ
MANY = 4_000  # samples of the last judgement
DRAWS = 50  # levels of each item in the ELBO of a trained network


@dataclass(frozen=True)
class BoundPoint:
    """The bilateral bound at one junction.

    Attributes:
        data: the distribution.
        t: the junction, 1 .. T.
        n: steps of the short process from there.
        family: the spacing of the short process.
        f_score: F_score.
        f_bddm: F_bddm.
        f_summed: F_score with L_score of all n steps instead of the first.
        f_score_fitted: F_score with the last step's variance fitted.
        f_bddm_fitted: F_bddm, likewise.

    Each has its ``_error``: half the 95 % interval; 0 where it is exact.
    """

    data: str
    t: int
    n: int
    family: str
    f_score: float
    f_bddm: float
    f_summed: float
    f_score_fitted: float
    f_bddm_fitted: float
    f_score_error: float = 0.0
    f_bddm_error: float = 0.0
    f_score_fitted_error: float = 0.0
    f_bddm_fitted_error: float = 0.0


@dataclass(frozen=True)
class DataBounds:
    """Bounds of one distribution at all points, in nats per dimension."""

    data: str
    log_p: float  # E log p(x_0)
    elbo: float  # F_elbo of the training schedule
    elbo_fitted: float  # the same with the last step's variance fitted
    points: list[BoundPoint]

    def counts(self, fitted: bool) -> tuple[int, int, int, int]:
        """Counts of points: all, those at most log p, those at least the ELBO, those that are both.

        What the sampling error leaves open counts as holding.
        """
        elbo = self.elbo_fitted if fitted else self.elbo
        values = [
            (p.f_bddm_fitted, p.f_bddm_fitted_error) if fitted else (p.f_bddm, p.f_bddm_error)
            for p in self.points
        ]
        below = [value - error <= self.log_p for value, error in values]
        above = [value + error >= elbo for value, error in values]
        both = [b and a for b, a in zip(below, above, strict=True)]
        return len(values), sum(below), sum(above), sum(both)


@dataclass(frozen=True)
class RatioPoint:
    """A trained schedule network at one level.

    Attributes:
        t: 1 .. T.
        s: E|eps*|^2 / D.
        learned: E[beta_n] / delta_t that the network chooses.
        spread: standard deviation over items of the same.
        closed: r* of the closed form, within the bounds on beta_n.
    """

    t: int
    s: float
    learned: float
    spread: float
    closed: float


@dataclass(frozen=True)
class RatioStudy:
    """One training of sigma_phi.

    Attributes:
        data: the distribution.
        form: form of the step loss.
        points: the trained network, level by level.
        watched: updates to the mean of sigma_phi over items of all levels.
    """

    data: str
    form: StepLossForm
    points: list[RatioPoint]
    watched: dict[int, float]

    @property
    def error(self) -> float:
        """Mean over levels of |learned - closed| / closed."""
        return sum(abs(p.learned - p.closed) / p.closed for p in self.points) / len(self.points)


@dataclass(frozen=True)
class OptimismStudy:
    """Many searches by one rule, for one length.

    Attributes:
        data: the distribution.
        rule: key of RULES.
        length: steps.
        reported: mean energy distance that the search reports of its winner, over runs.
        true: mean energy distance of the winners, judged with MANY samples.
        optimism: mean of true less reported, in standard deviations of one judgement.
        noise: standard deviation of one judgement, energy distance.
    """

    data: str
    rule: str
    length: int
    reported: Estimate
    true: Estimate
    optimism: Estimate
    noise: float


@dataclass(frozen=True)
class NetworkPoint:
    """The bilateral bound at one junction, nats per dimension.

    Attributes:
        t: the junction, 1 .. T.
        n: steps of the short process from there, of equal log-SNR spacing.
        f_bddm: F_bddm.
        f_score: F_score.
        f_bddm_fitted: F_bddm with the last step's variance fitted.
        f_score_fitted: F_score, likewise.

    Each has its ``_over_elbo``: the paired difference from F_elbo with the same choice of variance.
    """

    t: int
    n: int
    f_bddm: Estimate
    f_score: Estimate
    f_bddm_fitted: Estimate
    f_score_fitted: Estimate
    f_bddm_over_elbo: Estimate
    f_score_over_elbo: Estimate
    f_bddm_fitted_over_elbo: Estimate
    f_score_fitted_over_elbo: Estimate


@dataclass(frozen=True)
class NetworkTheory:
    """One convention's networks.

    Attributes:
        convention: its name.
        items: validation items.
        elbo: F_elbo of the training schedule.
        elbo_fitted: the same with the last step's variance fitted.
        points: the bilateral bound.
        ratios: the schedule network against the closed form; s is measured.
        sigma: mean of sigma_phi over items and levels.
        sigma_on_elbo: the same of a network trained on the ELBO, by number of updates.
    """

    convention: Name
    items: int
    elbo: Estimate
    elbo_fitted: Estimate
    points: list[NetworkPoint]
    ratios: list[RatioPoint]
    sigma: float
    sigma_on_elbo: dict[int, float]


class TheoryDocument(Measurement):
    """Bounds, ratios and searches of known distributions, whose score is exact."""

    made_by: ClassVar[str] = "theory analytic"

    kind: Literal["theory"]
    schema_version: Literal[2]
    created: str
    provenance: Provenance
    training_schedule: LinearSchedule
    bounds: list[DataBounds]
    ratios: list[RatioStudy]
    searches: list[OptimismStudy]
    experiment_name: str | None = None  # null: by an earlier version


class NetworkData(Strict):
    """The data that the networks of a document were looked at on."""

    name: str
    sha256: Sha256


class NetworkDocument(Measurement):
    """Bounds and ratios of a track's trained networks."""

    made_by: ClassVar[str] = "theory"

    kind: Literal["network theory"]
    schema_version: Literal[2]
    track: Name
    created: str
    provenance: Provenance
    data: NetworkData
    weights: dict[str, Sha256]
    conventions: list[NetworkTheory]
    experiment_name: str | None = None  # null: by an earlier version
