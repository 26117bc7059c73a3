"""Documents of the theory: bounds, learned ratios and searches, without a sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bddm_ref.settings import StepLossForm
from benchmarks.core.experiment import LinearSchedule
from benchmarks.results.documents import Measurement, Name, Provenance
from benchmarks.results.strict import Sha256, Strict
from metrics.statistics import Estimate

PAPERS = "step loss"  # family of short chains inside the papers' assumptions
OWN = "closed form"  # family of the short chain that the closed form of sigma_phi leads to
SPACED = "log-SNR"  # family of the short chains of equal log-SNR spacing
LENGTHS = (7, 16)  # N, with tau = floor(T / N)
LONGEST = 100  # the largest N of the papers
TAU = 50  # long steps per short one, of the studied schedule networks
RUNS = 24  # searches by each rule, each with noise of its own
FEW = 50  # samples of a judgement, as noisy as one clip is for PESQ
MANY = 4_000  # samples of the last judgement
DRAWS = 50  # levels of each item in the ELBO of a trained network
RATES = (1e-3, 1e-2, 3e-2)  # learning rates of the trainings that show the collapse

CommonTerm = Literal["dropped", "decoder", "chain", "chain_fitted"]
"""Reading of the common term E log p(x_0 | x_1) of F_bddm.

============  ==================================================================
dropped       nothing, as in the authors' plot
decoder       the ELBO's term: x_1 is drawn from q(x_1 | x_0)
chain         -R: x_1 comes from x_t by the short chain; variance beta_1
chain_fitted  -R with the variance that makes it largest
============  ==================================================================
"""


def inside(t: int, n: int, T: int) -> int | None:
    """Find a length N of the papers' assumption (n - 1) tau <= t < n tau.

    Here tau is floor(T / N). Source: arXiv 2203.13508, section 3. Training draws t up to T - tau.

    Returns:
        The smallest such N, at most the papers' longest; None: the point (t, n) lies outside the
        papers' assumptions.
    """
    for N in range(max(n, 2), min(T // 2, LONGEST) + 1):
        tau = T // N
        if (n - 1) * tau <= t < n * tau and tau <= t <= T - tau:
            return N
        if n * tau <= t:
            return None
    return None


@dataclass(frozen=True)
class BoundPoint:
    """Terms of the bilateral bound at one junction, nats per dimension.

    Attributes:
        t: the junction, 1 .. T.
        n: steps of the short chain from there.
        family: rule by which the short chain's steps were chosen.
        length: N of the papers' assumptions, with tau = floor(T / N); None: outside.
        ratio: r = beta_n / delta_t.
        power: s = E|eps_theta|^2 / D at t.
        score: L_score.
        step: L_step.
        term: KL(q(x_{t-1} | x_t, x_0) || p_theta(x_{t-1} | x_t)), the ELBO's term at t.
        square: E|x_0 - its estimate from x_1|^2 / D, x_1 coming from x_t by the short chain.
        beta: beta_1 of the short chain.
        square_error: half the 95 % interval of ``square``; 0 where it is exact.
        log_p_chain: E log p_theta(x_0) of the whole short chain of N steps, with the last
            step's variance beta_1; None outside the assumptions, and where it was not computed.
        log_p_chain_fitted: the same with the fitted variance.
    """

    t: int
    n: int
    family: str
    length: int | None
    ratio: float
    power: float
    score: float
    step: float
    term: float
    square: float
    beta: float
    square_error: float = 0.0
    log_p_chain: float | None = None
    log_p_chain_fitted: float | None = None

    @property
    def dropped(self) -> float:
        """F_bddm = F_score + L_step without the common term: L_step - L_score."""
        return self.step - self.score

    @property
    def identity(self) -> float:
        """F_bddm without the common term as (r (1 - s) - log r) / 2; see docs/theory.md."""
        return (self.ratio * (1 - self.power) - math.log(self.ratio)) / 2

    def reconstruction(self, fitted: bool) -> float:
        """Compute R_theta = -E log p_theta(x_0 | x_1)."""
        variance = self.square if fitted else self.beta
        return (math.log(2 * math.pi * variance) + self.square / variance) / 2

    def reconstruction_error(self, fitted: bool) -> float:
        """Half the 95 % interval of R_theta."""
        return self.square_error / (2 * (self.square if fitted else self.beta))

    def f_score(self, fitted: bool) -> float:
        """Compute F_score = -L_score - R_theta."""
        return -self.score - self.reconstruction(fitted)

    def log_p_of_chain(self, fitted: bool) -> float | None:
        """E log p_theta(x_0) of the short chain, where it was made."""
        return self.log_p_chain_fitted if fitted else self.log_p_chain


@dataclass(frozen=True)
class DataBounds:
    """Bounds of one distribution at all points, in nats per dimension.

    Attributes:
        data: the distribution.
        log_p: E log p(x_0).
        decoder: E log p_theta(x_0 | x_1) of the training schedule, variance beta_1.
        decoder_fitted: the same with the fitted variance.
        terms: the ELBO's terms of t = 2 .. T, summed.
        prior: KL(q(x_T | x_0) || N(0, I)).
        points: the bilateral bound.
    """

    data: str
    log_p: float
    decoder: float
    decoder_fitted: float
    terms: float
    prior: float
    points: list[BoundPoint]

    def elbo(self, fitted: bool = False) -> float:
        """F_elbo of the whole training schedule."""
        return (self.decoder_fitted if fitted else self.decoder) - self.terms - self.prior

    def f_bddm(self, point: BoundPoint, common: CommonTerm) -> tuple[float, float]:
        """F_bddm = F_score + L_step with a reading of the common term, and its error."""
        if common in ("dropped", "decoder"):
            return point.dropped + (self.decoder if common == "decoder" else 0.0), 0.0
        fitted = common == "chain_fitted"
        value = point.dropped - point.reconstruction(fitted)
        return value, point.reconstruction_error(fitted)

    def over_term(self, point: BoundPoint) -> float:
        """F_bddm less the ELBO of the one KL term at t; the common term cancels."""
        return point.dropped + point.term

    def over_elbo(self, point: BoundPoint, common: CommonTerm) -> tuple[float, float]:
        """F_bddm less the whole ELBO with the same reading of the common term, and its error."""
        value, error = self.f_bddm(point, common)
        if common == "dropped":
            return value + self.terms + self.prior, error
        return value - self.elbo(common == "chain_fitted"), error


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
    """

    data: str
    form: StepLossForm
    points: list[RatioPoint]

    @property
    def error(self) -> float:
        """Mean over levels of |learned - closed| / closed."""
        return sum(abs(p.learned - p.closed) / p.closed for p in self.points) / len(self.points)


@dataclass(frozen=True)
class SigmaTrace:
    """Mean of sigma_phi along one training without warm-up.

    Attributes:
        form: the loss: a form of the step loss, or the ELBO.
        learning_rate: at the first update; it falls as a half cosine.
        sigma: updates to the mean of sigma_phi over items of all levels.
        diverged: the update that ended the training, since its loss or gradient was not finite;
            None: the training reached its end.
    """

    form: StepLossForm
    learning_rate: float
    sigma: dict[int, float]
    diverged: Annotated[int | None, Field(exclude_if=lambda value: value is None)] = None

    @property
    def updates(self) -> int:
        """The last watched update; of a training that reached its end, the last of all."""
        return max(self.sigma)

    @property
    def limit(self) -> float:
        """Mean of sigma_phi after the last watched update."""
        return self.sigma[self.updates]

    @property
    def half_time(self) -> int | None:
        """The first watched update with half of the final change; None if the training diverged."""
        if self.diverged is not None:
            return None
        first, change = self.sigma[0], self.limit - self.sigma[0]
        return next(
            update
            for update in sorted(self.sigma)
            if update and (self.sigma[update] - first) * change >= change**2 / 2
        )


@dataclass(frozen=True)
class DataTraces:
    """The trainings on one distribution."""

    data: str
    traces: list[SigmaTrace]


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
    """Terms of the bilateral bound of trained networks at one junction, nats per dimension.

    Attributes:
        t: the junction, 1 .. T.
        n: steps of the short chain from there.
        family: rule by which the short chain's steps were chosen.
        length: N of the papers' assumptions, with tau = floor(T / N); None: outside.
        ratio: r = beta_n / delta_t.
        power: s = E|eps_theta|^2 / D at t.
        score: L_score.
        step: L_step.
        term: the ELBO's term at t.
        dropped: F_bddm without the common term.
        identity_error: the largest deviation of an item from the identity, with the item's own
            |eps|^2 and |eps_theta|^2.
        over_term: F_bddm less the ELBO of the one term at t.
        over_elbo: F_bddm less the whole ELBO, both without the common term.
        over_elbo_chain: F_bddm less the whole ELBO, with R of the short chain and beta_1.
        over_elbo_chain_fitted: the same with the fitted variances.
    """

    t: int
    n: int
    family: str
    length: int | None
    ratio: float
    power: float
    score: Estimate
    step: Estimate
    term: Estimate
    dropped: Estimate
    identity_error: float
    over_term: Estimate
    over_elbo: Estimate
    over_elbo_chain: Estimate
    over_elbo_chain_fitted: Estimate


@dataclass(frozen=True)
class NetworkTheory:
    """One convention's networks.

    Attributes:
        convention: its name.
        items: validation items.
        elbo: F_elbo of the training schedule.
        elbo_fitted: the same with the last step's variance fitted.
        points: the bilateral bound.
        tau: long steps per short one, of the studied schedule network and the trainings.
        ratios: the schedule network against the closed form; s is measured.
        sigma: mean of sigma_phi over items and levels.
        traces: the same of networks trained without warm-up on the step loss and on the ELBO.
    """

    convention: Name
    items: int
    elbo: Estimate
    elbo_fitted: Estimate
    points: list[NetworkPoint]
    tau: int
    ratios: list[RatioPoint]
    sigma: float
    traces: list[SigmaTrace]


class TheoryDocument(Measurement):
    """Bounds, ratios and searches of known distributions, whose score is exact."""

    made_by: ClassVar[str] = "theory analytic"

    kind: Literal["theory"]
    schema_version: Literal[3]
    created: str
    provenance: Provenance
    training_schedule: LinearSchedule
    bounds: list[DataBounds]
    ratios: list[RatioStudy]
    collapses: list[DataTraces]
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
    schema_version: Literal[3]
    track: Name
    created: str
    provenance: Provenance
    data: NetworkData
    weights: dict[str, Sha256]
    conventions: list[NetworkTheory]
    experiment_name: str | None = None  # null: by an earlier version
