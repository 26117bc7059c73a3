"""Every contestant on Gaussian data, where exact scores give known moments."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bddm_ref.losses import optimal_ratio
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, schedule_betas
from benchmarks.contestants import CONTESTANTS, SEARCHED
from benchmarks.contestants.base import ContestantInputs, SkipContestantError
from benchmarks.contestants.diffusers_solvers import DIFFUSERS
from benchmarks.contestants.noise_estimation import NoiseEstimation
from benchmarks.data.distributions import distribution
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import EvaluatedNet, item_generators, start_noise
from benchmarks.tracks.analytic.exact_score import (
    ExactScoreNet,
    affine_moments,
    gaussian_kl,
    moments_of_samples,
)

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
SHORT = {7: Found(NoiseSchedule((2e-4, 0.005, 0.03, 0.1, 0.25, 0.4, 0.8)))}
INPUTS = ContestantInputs(
    TRAINING, dict.fromkeys(SEARCHED.values(), SHORT), power=lambda: distribution(DATA).power
)
ITEMS = 200
DATA = "gaussian-5"


def sampled(name: str, steps: int, net: ExactScoreNet, items: int = ITEMS) -> Tensor:
    generators = item_generators(0, range(items))
    x_N = start_noise(generators, (5,), "cpu")
    sampler = CONTESTANTS[name].prepare(steps, INPUTS)
    return sampler.run(EvaluatedNet(net, False), x_N, None, generators)


def by_hand(betas: list[float], kernel: str) -> tuple[Tensor, Tensor]:
    """Compute mean and covariance by recursion, from the papers' formulas alone."""
    data = distribution(DATA)
    mean, covariance = torch.zeros(5).double(), torch.eye(5).double()
    squares = torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0).tolist()
    for n in range(len(betas) - 1, -1, -1):
        alpha, delta, beta = math.sqrt(squares[n]), 1 - squares[n], betas[n]
        before = squares[n - 1] if n else 1.0
        inverse = torch.diag(1 / (alpha**2 * data.variances[0] + delta))
        slope = math.sqrt(delta) * inverse  # eps* = slope (x - alpha mean)
        if kernel in {"ddpm", "analytic-ddpm"}:
            gain = (torch.eye(5) - beta / math.sqrt(delta) * slope) / math.sqrt(1 - beta)
            drift = beta / math.sqrt(delta) / math.sqrt(1 - beta) * (slope @ (alpha * data.mean))
            noise = (1 - before) / delta * beta
        else:
            clean = (torch.eye(5) - math.sqrt(delta) * slope) / alpha
            gain = math.sqrt(before) * clean + math.sqrt(1 - before) * slope
            centre = slope @ (alpha * data.mean)
            drift = (math.sqrt(before) * math.sqrt(delta) / alpha - math.sqrt(1 - before)) * centre
            noise = 0.0
        if kernel.startswith("analytic") and n:
            # Bao et al. 2022, theorem 1, from the power of eps* alone.
            rest = math.sqrt(delta / (1 - beta)) - math.sqrt(1 - before - noise)
            noise += rest**2 * (1 - data.power(alpha))
        mean = gain @ mean + drift
        covariance = gain @ covariance @ gain.T + noise * torch.eye(5).double()
    return mean, covariance.diagonal()


@pytest.mark.parametrize("steps", [7, 100])
@pytest.mark.parametrize("name", [*CONTESTANTS])
def test_every_contestant_has_the_moments_of_the_recursion(name: str, steps: int) -> None:
    if name in {"bddm-online", "bddm-own"} or isinstance(CONTESTANTS[name], NoiseEstimation):
        pytest.skip("its schedule follows its noise: the output is not Gaussian")
    try:
        recipe = CONTESTANTS[name].prepare(steps, INPUTS).recipe
    except SkipContestantError as reason:
        pytest.skip(str(reason))
    if name in DIFFUSERS:
        pytest.skip("another recursion: tests/benchmarks/contestants/test_diffusers_solvers.py")
    found = moments_of_samples(
        sampled(name, steps, ExactScoreNet(DATA)), item_generators(0, range(ITEMS)), steps
    )
    assert found is not None
    for mine, theirs in zip(found, by_hand(recipe["betas"], recipe["kernel"]), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kernel", [*KERNELS])
@pytest.mark.parametrize("error", [0.0, 0.3])
def test_affine_moments_are_the_recursion_of_the_network(kernel: str, error: float) -> None:
    schedule, net = SHORT[7].schedule, ExactScoreNet(DATA, error)
    mean, variance = affine_moments(net, schedule, KERNELS[kernel], 5)
    generators = item_generators(0, range(ITEMS))
    x_N = start_noise(generators, (5,), "cpu")
    x_0 = sample(net, schedule, KERNELS[kernel], x_N, None, generators)
    found = moments_of_samples(x_0, item_generators(0, range(ITEMS)), 7)
    assert found is not None
    torch.testing.assert_close(found[0], mean, rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1], variance, rtol=0, atol=1e-5)
    if error == 0.0:
        by_formula = by_hand(list(schedule.betas), kernel)
        torch.testing.assert_close(mean, by_formula[0], rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(variance, by_formula[1], rtol=1e-10, atol=1e-12)


def test_an_error_of_known_size() -> None:
    exact, wrong = ExactScoreNet("gaussian-64"), ExactScoreNet("gaussian-64", 0.2)
    levels = torch.sigmoid(torch.linspace(-8, 8, 500, dtype=torch.float64)).sqrt()
    x = torch.randn(500, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    difference = wrong(x, levels) - exact(x, levels)
    assert float(difference.square().mean().sqrt()) == pytest.approx(0.2, rel=0.02)
    again = wrong(x + 1, levels) - exact(x + 1, levels)
    torch.testing.assert_close(difference, again)  # the same at each x


def test_samples_that_are_no_affine_function_have_no_such_moments() -> None:
    x_0 = sampled("ddpm", 7, ExactScoreNet(DATA))
    generators = item_generators(0, range(ITEMS))
    assert moments_of_samples(x_0 + 0.05 * x_0.square(), generators, 7) is None


def test_too_few_samples_for_moments() -> None:
    with pytest.raises(ValueError, match="8 samples cannot tell the effect of 7 draws"):
        moments_of_samples(torch.zeros(8, 5), item_generators(0, range(8)), 7)


def test_kl_is_that_of_torch() -> None:
    data = distribution(DATA)
    mean, variance = data.mean + 0.1, data.variance * 1.7
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(data.mean, data.variance.sqrt()),
        torch.distributions.Normal(mean, variance.sqrt()),
    ).sum()
    assert gaussian_kl(data, mean, variance) == pytest.approx(float(expected), rel=1e-12)


class ClosedFormRatio(torch.nn.Module):
    """The optimum of the step loss as a schedule network, at the level of the pass."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.alpha, self.beta = start.alpha, start.beta

    def forward(self, x: Tensor) -> Tensor:
        self.alpha /= math.sqrt(1 - self.beta)
        delta = 1 - self.alpha**2
        wanted = optimal_ratio(distribution(DATA).power(self.alpha)) * delta
        bound = min(delta, self.beta)
        ratio = min(1.0, wanted / bound)
        self.beta = bound * ratio
        return torch.full((len(x),), ratio, dtype=torch.float64)


def test_bddm_schedules_come_closer_as_they_grow_but_not_to_the_data() -> None:
    """Schedules from alpha_T with smaller beta_N are longer and better, up to a limit.

    Near the data s goes to 0 and r* to .318: steps stay that coarse there, however small beta_N,
    and the variance stays too small. Linear sub-sequences have no such limit.
    """
    net, data, found = ExactScoreNet(DATA), distribution(DATA), []
    for beta in (0.8, 0.4, 0.2, 0.1):
        start = Start(float(TRAINING.alphas[-1]), beta, "ddim")
        betas = schedule_betas(
            (net, ClosedFormRatio(start)), start, torch.zeros(1, 5), None, TRAINING, 200
        )
        schedule = NoiseSchedule(tuple(reversed(betas)))
        moments = affine_moments(net, schedule, KERNELS["ddpm"], 5)
        found.append((len(schedule), gaussian_kl(data, *moments)))
        assert float((moments[0] - data.mean).abs().max()) < 0.02
    lengths, divergences = zip(*found, strict=True)
    assert lengths == (21, 33, 58, 108)
    assert list(divergences) == sorted(divergences, reverse=True)
    # At about 20 steps a linear sub-sequence is further from the data; at 1000 steps it is 10
    # times closer than any of these schedules.
    linear = {
        steps: gaussian_kl(
            data, *affine_moments(net, TRAINING.subsequence(steps), KERNELS["ddpm"], 5)
        )
        for steps in (20, 1000)
    }
    assert divergences[0] < linear[20] / 10
    assert divergences[-1] > 10 * linear[1000]
