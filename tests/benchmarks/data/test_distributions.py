"""Known distributions: densities, scores, moments and integrals, checked independently."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from benchmarks.data.distributions import GaussianMixture, distribution

NAMES = ["gaussian-1", "gaussian-5", "modes-1", "modes-4", "ring-2", "ring-5"]


def torch_mixture(known: GaussianMixture) -> torch.distributions.Distribution:
    parts = torch.distributions.Independent(
        torch.distributions.Normal(known.means, known.variances.sqrt()), 1
    )
    return torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(known.weights), parts
    )


@pytest.mark.parametrize("name", NAMES)
def test_density_is_that_of_torch(name: str) -> None:
    known = distribution(name)
    x = known.sample(50, torch.Generator().manual_seed(0))
    torch.testing.assert_close(known.log_prob(x), torch_mixture(known).log_prob(x))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alpha", [0.9999, 0.7, 0.01])
def test_eps_is_the_gradient_of_the_noisy_density(name: str, alpha: float) -> None:
    known = distribution(name)
    noisy = known.noisy(alpha)
    x = noisy.sample(20, torch.Generator().manual_seed(1)).requires_grad_()
    (gradient,) = torch.autograd.grad(noisy.log_prob(x).sum(), x)
    level = torch.full((20,), alpha, dtype=torch.float64)
    expected = -math.sqrt((1 - alpha) * (1 + alpha)) * gradient
    torch.testing.assert_close(known.eps(x.detach(), level), expected)


def test_levels_may_differ_within_a_batch() -> None:
    known = distribution("ring-3")
    x = known.sample(3, torch.Generator().manual_seed(2))
    levels = torch.tensor([0.2, 0.9, 0.5], dtype=torch.float64)
    together = known.eps(x, levels)
    for i in range(3):
        torch.testing.assert_close(known.eps(x[i : i + 1], levels[i : i + 1])[0], together[i])


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_moments(name: str) -> None:
    known = distribution(name)
    x = known.sample(200_000, torch.Generator().manual_seed(3))
    spread = known.variance.sqrt()
    assert float(((x.mean(0) - known.mean) / spread).abs().max()) < 5 / math.sqrt(200_000)
    torch.testing.assert_close(x.var(0), known.variance, rtol=0.03, atol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alpha", [0.999, 0.6, 0.05])
def test_power_is_the_mean_square_of_eps(name: str, alpha: float) -> None:
    known = distribution(name)
    x = known.noisy(alpha).sample(100_000, torch.Generator().manual_seed(4))
    squares = known.eps(x, torch.full((len(x),), alpha, dtype=torch.float64)).square().mean(1)
    error = float(squares.std()) / math.sqrt(len(x))
    assert known.power(alpha) == pytest.approx(float(squares.mean()), abs=4.5 * error)


def test_power_of_a_gaussian_in_closed_form() -> None:
    known = distribution("gaussian-1")
    alpha, variance = 0.8, float(known.variances[0, 0])
    assert known.power(alpha) == pytest.approx(0.36 / (0.64 * variance + 0.36), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_entropy_is_the_mean_of_minus_log_density(name: str) -> None:
    known = distribution(name)
    x = known.sample(100_000, torch.Generator().manual_seed(5))
    logs = -known.log_prob(x)
    error = float(logs.std()) / math.sqrt(len(x))
    assert known.entropy() == pytest.approx(float(logs.mean()), abs=4.5 * error)


def test_integrals_are_exact() -> None:
    """Mean and second moment of a mixture, to rounding."""
    for name in ("modes-1", "ring-2"):
        known = distribution(name)
        assert known.expectation(lambda x: torch.ones(len(x))) == pytest.approx(1, abs=1e-12)

        def first(x: Tensor) -> Tensor:
            return x[:, 0]

        assert known.expectation(first) == pytest.approx(float(known.mean[0]), abs=1e-12)
        second = float(known.variance[0] + known.mean[0] ** 2)
        assert known.expectation(lambda x: x[:, 0].square()) == pytest.approx(second, rel=1e-12)


def test_three_dimensions_have_no_such_integral() -> None:
    with pytest.raises(ValueError, match="over 3 dimensions take too many points"):
        distribution("gaussian-3").expectation(lambda x: x[:, 0])


@pytest.mark.parametrize("name", ["gauss-3", "ring", "ring-0", "modes-65", "ring-x", ""])
def test_refuses_what_is_no_distribution(name: str) -> None:
    with pytest.raises(ValueError, match="is no distribution: give one of gaussian, modes, ring"):
        distribution(name)


def test_a_ring_has_two_dimensions() -> None:
    with pytest.raises(ValueError, match="a ring needs at least 2 dimensions"):
        distribution("ring-1")
