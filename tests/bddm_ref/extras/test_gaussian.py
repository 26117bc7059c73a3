"""Moments of schedules' outputs on Gaussians, against samples and known cases."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bddm_ref.extras.gaussian import (
    AffineStep,
    Spectrum,
    affine_chain,
    divergence,
    loudness,
    output_moments,
    wasserstein,
)
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule

VARIANCES = torch.tensor([0.01, 0.3, 1.0, 4.0], dtype=torch.float64)
MEANS = torch.tensor([0.5, 0.0, -1.0, 2.0], dtype=torch.float64)
SPECTRUM = Spectrum(VARIANCES, MEANS, torch.ones(4, dtype=torch.float64))


def exact_score(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
    alpha = alpha[:, None]
    delta = 1 - alpha**2
    return delta.sqrt() * (x - alpha * MEANS) / (alpha**2 * VARIANCES + delta)


@pytest.mark.parametrize("kernel", ["ddpm", "ddim"])
def test_moments_are_those_of_samples(kernel: str) -> None:
    schedule = NoiseSchedule.linear(1000, 1e-4, 0.02).subsequence(5)
    count = 40_000
    x_N = torch.randn(count, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # One generator for all: items need not be independent of the batch here.
    generators = [torch.Generator().manual_seed(1)] * count
    x_0 = sample(exact_score, schedule, KERNELS[kernel], x_N, None, generators)
    errors, variances = output_moments(schedule, KERNELS[kernel], SPECTRUM)
    deviation = variances.sqrt()
    assert torch.all((x_0.mean(0) - MEANS - errors).abs() < 5 * deviation / math.sqrt(count))
    assert x_0.var(0) == pytest.approx(variances, rel=0.04)


@pytest.mark.parametrize(("start_variance", "variance"), [(0.0, 0.25), (1.0, 36.25)])
def test_affine_steps_compose(start_variance: float, variance: float) -> None:
    """Steps 2 x + 1 and 3 x - 1 + z / 2 make 6 x + 2 + z / 2."""
    one = torch.ones(1, dtype=torch.float64)
    steps = [AffineStep(2 * one, one, 0.0), AffineStep(3 * one, -one, 0.5)]
    found = affine_chain(steps, start_variance)
    assert [part.item() for part in found] == [6.0, 2.0, variance]


def test_many_steps_leave_no_distance() -> None:
    schedule = NoiseSchedule.log_snr(4000, 14.0, -14.0)
    errors, variances = output_moments(schedule, KERNELS["ddpm"], SPECTRUM)
    for distance in (wasserstein, divergence, loudness):
        assert distance(SPECTRUM, errors, variances) < 1e-4
        assert distance(SPECTRUM, errors, 2 * variances) > 0.01


def test_distances_of_known_gaussians() -> None:
    one = Spectrum(*(torch.tensor([value], dtype=torch.float64) for value in (4.0, 0.0, 2.0)))
    output = torch.tensor([3.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    assert wasserstein(one, *output) == pytest.approx(2 * (1 + 9))
    assert divergence(one, *output) == pytest.approx(4 - 1 - math.log(4) + 9)
    assert loudness(one, *output) == pytest.approx(2 * (math.sqrt(2) - 1) ** 2)


def test_principal_components() -> None:
    generator = torch.Generator().manual_seed(0)
    items = torch.randn(5000, 2, generator=generator, dtype=torch.float64) * torch.tensor([3.0, 0])
    found = Spectrum.of_items(items @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]]).double(), 1e-3)
    assert found.variances.tolist() == pytest.approx([1e-3, float(items[:, 0].var())])


def test_a_distribution_of_variances_keeps_its_mean_log() -> None:
    variances = torch.logspace(-4, 2, 997, dtype=torch.float64)
    found = Spectrum.of_variances(variances, 60, 1e-5)
    mean = float((found.weights * found.variances.log10()).sum())
    assert mean == pytest.approx(-1.0, abs=0.05)
    assert float(found.weights.sum()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("variances", "said"), [([1.0, 0.0], "above 0"), ([1.0, 1.0, 1.0], "one variance")]
)
def test_what_is_no_spectrum_is_refused(variances: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Spectrum(torch.tensor(variances), torch.zeros(2), torch.ones(2))
