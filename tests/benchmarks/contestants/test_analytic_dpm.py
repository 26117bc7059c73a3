"""The optimal variance makes each reverse step of Gaussian data exact."""

from __future__ import annotations

import pytest

from bddm_ref.process import KERNELS
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.analytic_dpm import optimal_variance
from benchmarks.contestants.base import ContestantInputs, SkipContestantError

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)


def variance_at_the_first_level(kernel_name: str, optimal: bool, c: float) -> float:
    """Of samples of N(0, c^2) before the last step, 5 steps from the exact marginal on."""
    schedule = TRAINING.subsequence(5)

    def power(alpha: float) -> float:
        delta = 1 - alpha**2
        return delta / (alpha**2 * c**2 + delta)

    kernel = KERNELS[kernel_name]
    step = optimal_variance(kernel, power) if optimal else kernel
    alphas = schedule.alphas.tolist()
    variance = alphas[-1] ** 2 * c**2 + 1 - alphas[-1] ** 2
    for n in range(4, 0, -1):
        delta = 1 - alphas[n] ** 2
        slope = delta**0.5 / (alphas[n] ** 2 * c**2 + delta)  # eps* = slope x
        a, b, noise = step(alphas[n], schedule.betas[n])
        variance = (a + b * slope) ** 2 * variance + noise**2
    return variance


@pytest.mark.parametrize("kernel", ["ddpm", "ddim"])
@pytest.mark.parametrize("c", [0.3, 1.0, 2.0])
def test_marginals_are_exact_at_any_number_of_steps(kernel: str, c: float) -> None:
    alpha = float(TRAINING.subsequence(5).alphas[0])
    exact = alpha**2 * c**2 + 1 - alpha**2
    assert variance_at_the_first_level(kernel, True, c) == pytest.approx(exact, rel=1e-9)
    assert variance_at_the_first_level(kernel, False, c) < 0.99 * exact


def test_without_anything_to_measure_it_is_skipped() -> None:
    with pytest.raises(SkipContestantError, match="nothing to measure"):
        CONTESTANTS["analytic-dpm"].prepare(3, ContestantInputs(TRAINING, {}))
    with pytest.raises(SkipContestantError, match="only 1000 steps"):
        CONTESTANTS["analytic-dpm"].prepare(1001, ContestantInputs(TRAINING, {}))
