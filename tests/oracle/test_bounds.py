"""The ELBO and the bilateral bound where every expectation is known."""

from __future__ import annotations

import math

import pytest
import torch

from bddm_ref.bilateral_bound import bilateral
from bddm_ref.elbo_bound import elbo, expected_elbo, prior_kl, step_weights
from bddm_ref.extras.chain_density import (
    density_on_line,
    extended,
    gaussian_log_p,
    last_and_ddpm_steps,
)
from bddm_ref.extras.gaussian import affine_chain, affine_steps
from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.distributions import GaussianMixture, distribution
from benchmarks.results.theory import OWN, PAPERS
from benchmarks.studies.theory.bounds import (
    bounds_of,
    chain_log_p,
    gaussian_bilateral,
    papers_chain,
    papers_junctions,
    spaced,
)
from benchmarks.tracks.analytic.exact_score import ExactScoreNet

SHORT = NoiseSchedule((0.01, 0.05, 0.2, 0.5, 0.9))
TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
ITEMS = 40_000


def error(data: GaussianMixture, alpha: float) -> float:
    return 1 - data.power(alpha)


def mean_square(data: GaussianMixture) -> float:
    return float((data.variance + data.mean.square()).mean())


def test_step_weights_are_those_of_the_divergence() -> None:
    """Compute torch's KL of two Gaussians of one variance, eps and its prediction one apart."""
    for n in range(1, 5):
        alpha, before = float(SHORT.alphas[n]), float(SHORT.alphas[n - 1])
        delta, delta_before, beta = 1 - alpha**2, 1 - before**2, SHORT.betas[n]
        variance = delta_before / delta * beta
        means = [(0.3 - beta / math.sqrt(delta) * eps) / math.sqrt(1 - beta) for eps in (0.0, 1.0)]
        both = [torch.distributions.Normal(mean, math.sqrt(variance)) for mean in means]
        expected = float(torch.distributions.kl_divergence(*both))
        assert float(step_weights(SHORT)[n - 1]) == pytest.approx(expected, rel=1e-5)


def test_prior_is_the_divergence_from_noise() -> None:
    alpha, delta = float(SHORT.alphas[-1]), float(SHORT.deltas[-1])
    noisy = torch.distributions.Normal(alpha * 0.7, math.sqrt(delta))
    expected = torch.distributions.kl_divergence(noisy, torch.distributions.Normal(0.0, 1.0))
    assert float(prior_kl(SHORT, 0.49)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", ["gaussian-3", "modes-2"])
def test_the_elbo_of_samples_is_the_expected_one(name: str) -> None:
    data = distribution(name)
    x_0 = data.sample(ITEMS, torch.Generator().manual_seed(0))
    net, noise = ExactScoreNet(name), torch.Generator().manual_seed(1)
    found = elbo(net, x_0, None, SHORT, noise, 4).bound()
    standard_error = float(found.std()) / math.sqrt(ITEMS)
    expected = expected_elbo(SHORT, lambda a: error(data, a), mean_square(data)).bound()
    assert float(found.mean()) == pytest.approx(expected, abs=4.5 * standard_error)


def test_fewer_draws_of_levels_are_unbiased() -> None:
    data = distribution("gaussian-2")
    x_0 = data.sample(ITEMS, torch.Generator().manual_seed(0))
    expected = expected_elbo(TRAINING, lambda a: error(data, a), mean_square(data)).bound()
    found = elbo(ExactScoreNet("gaussian-2"), x_0, None, TRAINING, torch.Generator(), 2).bound()
    assert float(found.mean()) == pytest.approx(
        expected, abs=4.5 * float(found.std()) / math.sqrt(ITEMS)
    )


@pytest.mark.parametrize("name", ["gaussian-1", "gaussian-16", "modes-1"])
def test_the_elbo_comes_up_to_the_log_likelihood(name: str) -> None:
    """The ELBO is below the log-likelihood; twice the steps halve the gap."""
    data = distribution(name)
    log_p = -data.entropy() / data.dimensions
    gaps = []
    for steps in (250, 500, 1000):
        schedule = NoiseSchedule.log_snr(steps, 9.0, -11.0)
        terms = expected_elbo(schedule, lambda a: error(data, a), mean_square(data))
        gaps.append(log_p - terms.bound())
    assert gaps[2] > 0
    assert 1.7 < gaps[0] / gaps[1] < 2.3
    assert 1.7 < gaps[1] / gaps[2] < 2.3


def test_a_fitted_variance_is_the_best_one() -> None:
    data = distribution("gaussian-1")
    first = SHORT.betas[0]

    def bound(schedule: NoiseSchedule, fitted: bool) -> float:
        terms = expected_elbo(schedule, lambda a: error(data, a), mean_square(data))
        return float(terms.bound(fitted))

    assert bound(SHORT, True) > bound(SHORT, False)
    # At the fitted variance the last term is a Gaussian's of exactly this spread.
    square = first / (1 - first) * error(data, math.sqrt(1 - first))
    gain = (math.log(first / square) + square / first - 1) / 2
    assert bound(SHORT, True) - bound(SHORT, False) == pytest.approx(gain)


@pytest.mark.parametrize("schedule", [SHORT, spaced(TRAINING, 300, 8)])
def test_bilateral_terms_of_samples_are_the_exact_ones(schedule: NoiseSchedule) -> None:
    name = "gaussian-3"
    x_0 = distribution(name).sample(ITEMS, torch.Generator().manual_seed(2))
    found = bilateral(ExactScoreNet(name), x_0, None, schedule, torch.Generator().manual_seed(3))
    exact = gaussian_bilateral(name, schedule)
    for mine, theirs in (
        (found.score, exact.score),
        (found.step, exact.step),
        (found.square, exact.square),
    ):
        standard_error = float(mine.std()) / math.sqrt(ITEMS)
        assert float(mine.mean()) == pytest.approx(theirs, abs=4.5 * standard_error)
    assert float(found.f_bddm().mean()) == pytest.approx(
        float(found.step.mean() - found.score.mean() - found.reconstruction().mean())
    )


def test_the_error_of_a_fitted_bound_is_its_spread_over_draws() -> None:
    """The spread of thirty sets of draws is the standard error that one set reports."""
    name, schedule = "modes-1", spaced(TRAINING, 100, 4)
    data, values, errors = distribution(name), [], []
    for seed in range(30):
        x_0 = data.sample(2_000, torch.Generator().manual_seed(seed))
        terms = bilateral(
            ExactScoreNet(name), x_0, None, schedule, torch.Generator().manual_seed(100 + seed)
        )
        values.append(float(terms.f_score(fitted=True).mean()))
        part = terms.score + terms.square / (2 * terms.mean_square)
        errors.append(float(part.std()) / math.sqrt(2_000))
    spread = torch.tensor(values).std()
    # A standard deviation of 30 values has an error of 13 %.
    assert float(spread) == pytest.approx(sum(errors) / 30, rel=0.4)


def test_a_bilateral_bound_needs_two_steps() -> None:
    with pytest.raises(ValueError, match="at least 2 steps"):
        bilateral(
            ExactScoreNet("gaussian-1"),
            torch.zeros(2, 1),
            None,
            NoiseSchedule((0.5,)),
            torch.Generator(),
        )


class Wrong(torch.nn.Module):
    """A network that predicts the noise badly, and with too much power."""

    def forward(self, x: torch.Tensor, alpha: torch.Tensor, condition: object) -> torch.Tensor:
        return 1.3 * torch.cos(3 * x) + 0.9


@pytest.mark.parametrize("schedule", [SHORT, spaced(TRAINING, 300, 8), spaced(TRAINING, 50, 2)])
@pytest.mark.parametrize("net", [ExactScoreNet("modes-2"), Wrong()])
def test_the_identity_holds_for_any_network_schedule_and_item(
    net: torch.nn.Module, schedule: NoiseSchedule
) -> None:
    """L_step - L_score = (|eps|^2 / D - r |eps_theta|^2 / D + r - 1 - log r) / 2."""
    x_0 = distribution("modes-2").sample(500, torch.Generator().manual_seed(0))
    found = bilateral(net, x_0, None, schedule, torch.Generator().manual_seed(1))
    r = found.ratio
    expected = (found.noise - r * found.power + r - 1 - math.log(r)) / 2
    assert torch.allclose(found.step - found.score, expected, rtol=0, atol=1e-10)
    assert float(found.noise.mean()) == pytest.approx(1.0, abs=0.2)
    # It is positive for s <= 1. A network that predicts too much noise can make it negative.
    s = float(found.power.mean())
    assert (float(expected.mean()) > -0.05) == (s < 1 - math.log(r) / r)
    assert (s < 1.1) == isinstance(net, ExactScoreNet)


def test_the_density_on_a_line_is_the_gaussian_one() -> None:
    data = distribution("gaussian-1")
    short = papers_chain(TRAINING, 217, 4, 0.4)
    chain = extended(TRAINING, short, 217, 62)
    assert len(chain) == 16
    assert torch.allclose(chain.alphas[4:], TRAINING.alphas[[278 + 62 * k for k in range(12)]])
    for variance in (chain.betas[0], 0.01):
        exact = gaussian_log_p(data.means[0], data.variances[0], chain, variance)
        log_p = density_on_line(
            lambda x, alpha: data.eps(x[:, None], torch.full_like(x, alpha))[:, 0],
            chain,
            chain.betas[0],
        )
        x = torch.linspace(-6.0, 7.0, 1_000, dtype=torch.float64)
        weights = data.log_prob(x[:, None]).exp() * (x[1] - x[0])
        assert float(weights @ log_p(x, variance)) == pytest.approx(float(exact), abs=1e-4)


def test_the_density_of_the_chain_is_that_of_its_samples() -> None:
    """Ancestral samples with noise at the last step have the chain's mean and variance."""
    data, variance = distribution("gaussian-2"), 0.02
    chain = extended(TRAINING, papers_chain(TRAINING, 355, 3, 0.4), 355, 142)
    steps = last_and_ddpm_steps(chain, variance)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ITEMS, 2, generator=generator, dtype=torch.float64)
    for n in reversed(range(len(chain))):
        eps = data.eps(x, chain.alphas[n].expand(ITEMS))
        z = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        x = steps[n].signal * x + steps[n].eps * eps + steps[n].noise * z
    mean, spread = x.mean(0), x.var(0)
    squares = (data.means[0] - mean).square() + data.variances[0]
    sampled = -(torch.log(2 * math.pi * spread) + squares / spread) / 2
    exact = gaussian_log_p(data.means[0], data.variances[0], chain, variance)
    assert torch.allclose(sampled, exact, rtol=0, atol=0.03)
    assert float(exact.mean()) < -data.entropy() / 2  # no density is above the data's own


def test_a_mixture_of_two_mixed_coordinates_is_refused() -> None:
    with pytest.raises(ValueError, match="2 mixed coordinates are not made"):
        chain_log_p(distribution("ring-2"), SHORT, (0.01,))


def test_a_chain_of_the_papers_has_its_ratio_and_levels() -> None:
    for n in (2, 3, 9):
        chain = papers_chain(TRAINING, 400, n, 0.3)
        assert len(chain) == n
        assert float(chain.alphas[-1]) == pytest.approx(float(TRAINING.alphas[399]))
        assert chain.betas[-1] / float(chain.deltas[-1]) == pytest.approx(0.3)
    assert float(chain.alphas[0]) == pytest.approx(float(TRAINING.alphas[0]))


def test_what_the_numbers_say_of_the_claim() -> None:
    """On Gaussian data, exactly: an identity, no bound, and no equality of Proposition 3."""
    bounds = bounds_of("gaussian-1", TRAINING)
    assert bounds.elbo() < bounds.log_p
    for point in bounds.points:
        assert point.dropped == pytest.approx(point.identity, abs=1e-11)
        assert bounds.over_term(point) > 0
        assert bounds.over_elbo(point, "dropped")[0] > 0
        assert bounds.f_bddm(point, "decoder")[0] > bounds.log_p
    own = {point.t: point for point in bounds.points if point.family == OWN}
    gaps = [bounds.log_p - point.f_score(fitted=True) for point in own.values()]
    steps = [point.step for point in own.values()]
    assert (min(gaps), max(gaps)) == pytest.approx((-1.193, 0.348), abs=5e-4)
    assert (max(steps), min(steps)) == pytest.approx((0.950, 0.001), abs=5e-4)
    papers = [point for point in bounds.points if point.family == PAPERS]
    assert [(p.t, p.n, p.length) for p in papers] == papers_junctions(1000)
    # Figures of separate code, written from docs/theory.md alone: N = 7, t = 213 and 781.
    for point, r, score, step, square, chain in (
        (papers[0], 0.7527, 0.1165, 0.2874, -0.0475, 0.0649),
        (papers[4], 0.9151, 0.0006, 0.0450, 0.0566, 0.0287),
    ):
        values = point.ratio, point.score, point.step, point.reconstruction(fitted=True)
        assert (*values, point.log_p_chain_fitted) == pytest.approx(
            (r, score, step, square, chain), abs=6e-5
        )
    for point in papers:
        for fitted in (False, True):
            assert point.log_p_of_chain(fitted) < bounds.log_p  # type: ignore[operator]


@pytest.mark.parametrize("schedule", [SHORT, spaced(TRAINING, 50, 4)])
def test_f_score_bounds_the_density_given_x_t(schedule: NoiseSchedule) -> None:
    """-L_score - R <= E log p_theta(x_0 | x_t), by Jensen's inequality (docs/theory.md)."""
    data = distribution("gaussian-3")
    terms = gaussian_bilateral("gaussian-3", schedule)
    steps = affine_steps(ExactScoreNet("gaussian-3"), schedule, KERNELS["ddpm"], 3)
    gain, shift, spread = affine_chain(steps, start_variance=0.0)
    alpha, delta = float(schedule.alphas[-1]), float(schedule.deltas[-1])
    kept, mean = 1 - gain * alpha, data.means[0]
    error = kept.square() * data.variances[0] + gain.square() * delta
    error = error + (kept * mean - shift).square()
    variance = spread + terms.mean_square
    given = -(torch.log(2 * math.pi * variance) + error / variance) / 2
    assert terms.f_score(fitted=True) < float(given.mean())
