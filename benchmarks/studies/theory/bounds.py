"""The bilateral bound against the ELBO and the exact log-likelihood (arXiv 2203.13508, section 3).

Every figure is an expectation over data in nats per dimension. All but R are exact; R is exact for
Gaussians, where all maps are affine, and by Monte Carlo for mixtures. docs/theory.md has the
definitions. Junctions t and numbers n of steps vary:

=========  ==========================================================================
family     the short chain below the junction
=========  ==========================================================================
step loss  n as the papers' assumptions say for N; beta_n minimises the step loss
closed     n and all betas from the closed form of sigma_phi
log-SNR    n levels of equal log-SNR spacing, down to the first training level
=========  ==========================================================================
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import torch

from bddm_ref.bilateral_bound import Bilateral, bilateral
from bddm_ref.elbo_bound import expected_elbo, log_density, step_weights
from bddm_ref.extras.chain_density import density_on_line, extended, gaussian_log_p
from bddm_ref.extras.gaussian import affine_chain, affine_steps
from bddm_ref.extras.rules import closed_form_rule, rule_betas
from bddm_ref.losses import LOG_WEIGHT, junction_beta, optimal_ratio
from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from benchmarks.data.distributions import GaussianMixture, distribution
from benchmarks.results.theory import (
    LENGTHS,
    OWN,
    PAPERS,
    SPACED,
    BoundPoint,
    DataBounds,
    inside,
)
from benchmarks.tracks.analytic.exact_score import ExactScoreNet

DATA = ("gaussian-1", "gaussian-16", "gaussian-64", "modes-1", "modes-16")
JUNCTIONS = (10, 25, 50, 100, 200, 300, 400, 500, 700, 850, 1000)  # t, of T = 1000
STEPS = (2, 4, 8, 16, 32, 64, 128)  # n
DRAWS = 20_000  # items of a mixture in the Monte Carlo estimate of R
SEED = 0
NORMAL_95 = 1.96


def bounds_of(name: str, training: NoiseSchedule) -> DataBounds:
    """Compute all points of a distribution."""
    data = distribution(name)
    mean_square = float((data.variance + data.mean.square()).mean())
    whole = expected_elbo(training, lambda a: 1 - data.power(a), mean_square)
    return DataBounds(
        data=name,
        log_p=-data.entropy() / data.dimensions,
        decoder=log_density(whole.square, whole.beta),
        decoder_fitted=log_density(whole.square, whole.mean_square),
        terms=whole.steps,
        prior=whole.prior,
        points=[
            bound_point(name, training, (t, family, length), schedule)
            for t, family, length, schedule in _short_chains(training, data)
        ],
    )


def spaced(training: NoiseSchedule, t: int, n: int) -> NoiseSchedule:
    """Make n levels of equal log-SNR spacing, from the first to the t-th training level."""
    ends = [float(training.log_snrs[i]) for i in (0, t - 1)]
    return NoiseSchedule.log_snr(n, *ends)


def papers_junctions(T: int) -> list[tuple[int, int, int]]:
    """List (t, n, N), with t in the middle of the papers' interval of n.

    The interval is (n - 1) tau <= t < n tau, tau = floor(T / N). Training draws t from
    {tau, .., T - tau}, so that n is 2 .. N - 1.
    """
    found = []
    for N in LENGTHS:
        tau = T // N
        found += [((2 * n - 1) * tau // 2, n, N) for n in range(2, N)]
    return found


def papers_chain(training: NoiseSchedule, t: int, n: int, ratio: float) -> NoiseSchedule:
    """Make n levels: t, one step of beta_n = ratio delta_t below it, and spaced ones below that.

    The levels below x_{n-1} have equal log-SNR spacing, down to the first training level.
    """
    alpha = float(training.alphas[t - 1])
    before = alpha / math.sqrt(1 - ratio * float(training.deltas[t - 1]))
    lowest = math.log(before**2 / (1 - before**2))
    below = NoiseSchedule.log_snr(max(n - 1, 2), float(training.log_snrs[0]), lowest).alphas
    return NoiseSchedule.from_alphas(torch.cat([below[1 - n :], torch.tensor([alpha]).double()]))


def _short_chains(
    training: NoiseSchedule, data: GaussianMixture
) -> Iterator[tuple[int, str, int | None, NoiseSchedule]]:
    """Make each chain, with its junction, family and the N of the papers' assumptions."""
    T = len(training)
    for t, n, N in papers_junctions(T):
        after = float(junction_beta(training, torch.tensor([t - 1]), T // N))
        delta = float(training.deltas[t - 1])
        best = optimal_ratio(data.power(float(training.alphas[t - 1])))
        yield t, PAPERS, N, papers_chain(training, t, n, min(best, after / delta))
    for t in JUNCTIONS:
        for n in STEPS:
            if n <= t:
                yield t, SPACED, inside(t, n, T), spaced(training, t, n)
        alpha = float(training.alphas[t - 1])
        beta = optimal_ratio(data.power(alpha)) * float(training.deltas[t - 1])
        rule = closed_form_rule(data.power)
        betas = rule_betas(rule, Start(alpha, beta, ""), training, T)
        if len(betas) >= 2:
            # The last level follows from the betas; the first beta makes that level alpha_t.
            left = alpha / math.prod(math.sqrt(1 - beta) for beta in betas)
            own = NoiseSchedule((1 - left**2, *reversed(betas)))
            yield t, OWN, inside(t, len(own), T), own


def bound_point(
    name: str, training: NoiseSchedule, place: tuple[int, str, int | None], schedule: NoiseSchedule
) -> BoundPoint:
    """Compute all terms at a junction.

    Args:
        name: name of the distribution.
        training: the training schedule.
        place: the junction t, the family of the chain, and N; None: outside the assumptions.
        schedule: the short chain below the junction.
    """
    (t, family, length), data = place, distribution(name)
    terms = gaussian_bilateral(name, schedule)
    error = 0.0
    if not data.is_gaussian:
        square, error = _sampled_square(name, data, schedule)
        terms = dataclasses.replace(terms, square=square)
    log_p: list[float] | list[None] = [None, None]
    if length is not None and (data.is_gaussian or family == PAPERS):
        chain = extended(training, schedule, t, len(training) // length)
        log_p = chain_log_p(data, chain, (terms.beta, terms.mean_square))
    return BoundPoint(
        t=t,
        n=len(schedule),
        family=family,
        length=length,
        ratio=terms.ratio,
        power=terms.power,
        score=terms.score,
        step=terms.step,
        term=float(step_weights(training)[t - 2]) * (1 - terms.power),
        square=terms.square,
        beta=terms.beta,
        square_error=error,
        log_p_chain=log_p[0],
        log_p_chain_fitted=log_p[1],
    )


def chain_log_p(
    data: GaussianMixture, chain: NoiseSchedule, variances: Sequence[float]
) -> list[float]:
    """E log p_theta(x_0) of a short chain with the exact score, nats per dimension.

    The coordinates are independent. Those in which components differ are integrated, the others
    are Gaussian.

    Args:
        data: a Gaussian, or a mixture along one coordinate.
        chain: the whole chain, from x_N ~ N(0, I).
        variances: variances of p_theta(x_0 | x_1), one for each result.

    Raises:
        ValueError: the components differ in more than one coordinate.
    """
    if data.mixed > 1:
        raise ValueError(f"integrals over {data.mixed} mixed coordinates are not made")
    rest = slice(data.mixed, None)
    means, spreads = data.means[0, rest], data.variances[0, rest]
    totals = [float(gaussian_log_p(means, spreads, chain, one).sum()) for one in variances]
    if data.mixed:
        core = data.core()

        def score(x: torch.Tensor, alpha: float) -> torch.Tensor:
            return core.eps(x[:, None], torch.full_like(x, alpha))[:, 0]

        log_p = density_on_line(score, chain, min(variances))

        def expected(variance: float) -> float:
            return core.expectation(lambda x: log_p(x[:, 0], variance))

        totals = [total + expected(one) for total, one in zip(totals, variances, strict=True)]
    return [total / data.dimensions for total in totals]


def gaussian_bilateral(name: str, schedule: NoiseSchedule) -> Bilateral:
    """Exact expected terms of the bilateral bound with the exact score; R for Gaussians alone.

    Args:
        name: name of the distribution; ``square`` is NaN for a mixture.
        schedule: the short chain; its last level is the level of the junction.
    """
    data = distribution(name)
    delta = float(schedule.deltas[-1])
    s = data.power(float(schedule.alphas[-1]))
    # 1 - r, which would be rounded where r is near 1.
    spare = float(schedule.deltas[-2]) * (1 - schedule.betas[-1]) / delta
    fit = ((1 - s) + s * spare**2) / (2 * spare)
    return Bilateral(
        score=float(step_weights(schedule)[-1]) * (1 - s),
        step=fit - LOG_WEIGHT["exact"] * math.log1p(-spare) - spare / 2,
        square=_gaussian_square(name, data, schedule) if data.is_gaussian else math.nan,
        beta=schedule.betas[0],
        ratio=schedule.betas[-1] / delta,
        power=s,
    )


def _gaussian_square(name: str, data: GaussianMixture, schedule: NoiseSchedule) -> float:
    mean, variance = data.means[0], data.variances[0]
    steps = affine_steps(ExactScoreNet(name), schedule, KERNELS["ddpm"], len(mean))
    gain, shift, spread = affine_chain(steps, start_variance=0.0)
    alpha, delta = float(schedule.alphas[-1]), float(schedule.deltas[-1])
    kept = 1 - gain * alpha
    squares = kept.square() * variance + gain.square() * delta + spread
    return float((squares + (kept * mean - shift).square()).mean())


def _sampled_square(
    name: str, data: GaussianMixture, schedule: NoiseSchedule
) -> tuple[float, float]:
    """Draw |x_0 - its estimate|^2 / D; returns the mean and half its 95 % interval."""
    generator = torch.Generator().manual_seed(SEED)
    x_0 = data.sample(DRAWS, generator)
    square = bilateral(ExactScoreNet(name), x_0, None, schedule, generator).square
    return float(square.mean()), NORMAL_95 * float(square.std()) / math.sqrt(DRAWS)
