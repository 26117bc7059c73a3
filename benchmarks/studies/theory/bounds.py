"""The bilateral bound against the ELBO and the exact log-likelihood (arXiv 2203.13508, section 3).

Every figure is an expectation over data in nats per dimension: exact for Gaussians, where all maps
are affine, and by Monte Carlo for mixtures. Junctions t and numbers n of steps vary. The short
process has n levels of equal log-SNR spacing from x_t down to the first training level, or follows
the closed form of sigma_phi from x_t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from bddm_ref.bilateral_bound import Bilateral, bilateral
from bddm_ref.elbo_bound import expected_elbo, step_weights
from bddm_ref.extras.gaussian import affine_chain, affine_steps
from bddm_ref.extras.rules import closed_form_rule, rule_betas
from bddm_ref.losses import LOG_WEIGHT, optimal_ratio
from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from benchmarks.data.distributions import GaussianMixture, distribution
from benchmarks.results.theory import OWN, SPACED, BoundPoint, DataBounds
from benchmarks.tracks.analytic.exact_score import ExactScoreNet

DATA = ("gaussian-1", "gaussian-16", "gaussian-64", "modes-1", "modes-16")
JUNCTIONS = (10, 25, 50, 100, 200, 300, 400, 500, 700, 850, 1000)  # t, of T = 1000
STEPS = (2, 4, 8, 16, 32, 64, 128)  # n
DRAWS = 20_000  # items of a mixture in each Monte Carlo term
SEED = 0
NORMAL_95 = 1.96


def bounds_of(name: str, training: NoiseSchedule) -> DataBounds:
    """Compute all points of a distribution."""
    data = distribution(name)
    mean_square = float((data.variance + data.mean.square()).mean())

    def elbo(schedule: NoiseSchedule, fitted: bool = False) -> float:
        return float(
            expected_elbo(schedule, lambda a: 1 - data.power(a), mean_square).bound(fitted)
        )

    return DataBounds(
        data=name,
        log_p=-data.entropy() / data.dimensions,
        elbo=elbo(training),
        elbo_fitted=elbo(training, fitted=True),
        points=[
            _point(name, data, t, family, schedule)
            for t in JUNCTIONS
            for family, schedule in _short_processes(training, data, t)
        ],
    )


def spaced(training: NoiseSchedule, t: int, n: int) -> NoiseSchedule:
    """Make n levels of equal log-SNR spacing, from the first to the t-th training level."""
    ends = [float(training.log_snrs[i]) for i in (0, t - 1)]
    return NoiseSchedule.log_snr(n, *ends)


def _short_processes(
    training: NoiseSchedule, data: GaussianMixture, t: int
) -> Iterator[tuple[str, NoiseSchedule]]:
    for n in STEPS:
        if n <= t:
            yield SPACED, spaced(training, t, n)
    alpha = float(training.alphas[t - 1])
    beta = optimal_ratio(data.power(alpha)) * float(training.deltas[t - 1])
    rule = closed_form_rule(data.power)
    betas = rule_betas(rule, Start(alpha, beta, ""), training, len(training))
    if len(betas) >= 2:
        # The last level follows from the betas; the first beta makes that level alpha_t.
        left = alpha / math.prod(math.sqrt(1 - beta) for beta in betas)
        yield OWN, NoiseSchedule((1 - left**2, *reversed(betas)))


def _point(
    name: str, data: GaussianMixture, t: int, family: str, schedule: NoiseSchedule
) -> BoundPoint:
    errors = torch.tensor([1 - data.power(a) for a in schedule.alphas.tolist()]).double()
    summed = float(step_weights(schedule) @ errors[1:])
    if data.is_gaussian:
        terms, errors_of = gaussian_bilateral(name, schedule), dict[str, float]()
    else:
        terms, errors_of = _sampled_bilateral(name, data, schedule)
    return BoundPoint(
        data=name,
        t=t,
        n=len(schedule),
        family=family,
        f_score=terms.f_score(),
        f_bddm=terms.f_bddm(),
        f_summed=-summed - terms.reconstruction(),
        f_score_fitted=terms.f_score(fitted=True),
        f_bddm_fitted=terms.f_bddm(fitted=True),
        **errors_of,
    )


def gaussian_bilateral(name: str, schedule: NoiseSchedule) -> Bilateral:
    """Exact expected terms of the bilateral bound for Gaussian data.

    Args:
        name: name of the distribution.
        schedule: the short process; its last level is the level of the junction.
    """
    data, net = distribution(name), ExactScoreNet(name)
    mean, variance = data.means[0], data.variances[0]
    steps = affine_steps(net, schedule, KERNELS["ddpm"], len(mean))
    gain, shift, spread = affine_chain(steps, start_variance=0.0)
    alpha, delta = float(schedule.alphas[-1]), float(schedule.deltas[-1])
    kept = 1 - gain * alpha
    squares = kept.square() * variance + gain.square() * delta + spread
    square = float((squares + (kept * mean - shift).square()).mean())
    s = data.power(alpha)
    ratio = schedule.betas[-1] / delta
    fit = (1 - 2 * ratio * s + ratio**2 * s) / (2 * (1 - ratio))
    return Bilateral(
        score=float(step_weights(schedule)[-1]) * (1 - s),
        step=fit - LOG_WEIGHT["exact"] * math.log(ratio) + (ratio - 1) / 2,
        square=square,
        beta=schedule.betas[0],
    )


def _sampled_bilateral(
    name: str, data: GaussianMixture, schedule: NoiseSchedule
) -> tuple[Bilateral, dict[str, float]]:
    generator = torch.Generator().manual_seed(SEED)
    x_0 = data.sample(DRAWS, generator)
    terms = bilateral(ExactScoreNet(name), x_0, None, schedule, generator)
    # The bound is flat in the fitted variance, whose error moves the bound to second order only.
    values = {
        "f_score": terms.f_score(),
        "f_bddm": terms.f_bddm(),
        "f_score_fitted": terms.f_score(fitted=True),
        "f_bddm_fitted": terms.f_bddm(fitted=True),
    }
    errors = {
        f"{key}_error": NORMAL_95 * float(value.std()) / math.sqrt(DRAWS)
        for key, value in values.items()
    }
    score, step, square = (float(v.mean()) for v in (terms.score, terms.step, terms.square))
    return Bilateral(score, step, square, terms.beta), errors
