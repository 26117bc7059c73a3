"""The ELBO and the bilateral bound where every expectation is known."""

from __future__ import annotations

import math

import pytest
import torch

from bddm_ref.bilateral_bound import bilateral
from bddm_ref.elbo_bound import elbo, expected_elbo, prior_kl, step_weights
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.distributions import GaussianMixture, distribution
from benchmarks.studies.theory.bounds import OWN, bounds_of, gaussian_bilateral, spaced
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
        float(-found.step.mean() - found.reconstruction().mean())
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
        values.append(float(terms.f_bddm(fitted=True).mean()))
        part = terms.step + terms.square / (2 * terms.mean_square)
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


def test_what_the_numbers_say_of_the_claim() -> None:
    """F_elbo <= F_bddm <= log p fails on both sides, on Gaussian data, exactly."""
    bounds = bounds_of("gaussian-1", TRAINING)
    assert bounds.elbo < bounds.log_p
    own = {point.t: point for point in bounds.points if point.family == OWN}
    # With beta_1 as the last variance F_bddm is a bound, but far looser than the ELBO.
    assert all(point.f_bddm < bounds.elbo for point in own.values())
    # With the fitted variance F_bddm exceeds the log-likelihood near the data: no bound.
    assert own[10].f_bddm_fitted > bounds.log_p
    assert all(point.f_bddm < point.f_score for point in bounds.points)
