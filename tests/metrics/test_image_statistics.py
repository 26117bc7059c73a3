"""Intervals and tests over features: reproducible, centred, paired, of the right size."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from metrics.image import GaussianFit, TooFewImagesError, frechet_distance, kernel_distance
from metrics.image_statistics import (
    KernelReference,
    _Moments,
    frechet_difference,
    frechet_interval,
    kernel_interval,
    swap_p,
)

D = 4


def normal(n: int, seed: int, mean: float = 0.0) -> Tensor:
    return mean + torch.randn(n, D, generator=torch.Generator().manual_seed(seed))


REFERENCE = GaussianFit.of(normal(4000, 1000))


@pytest.mark.parametrize("d", [D, 130])
def test_weights_are_repeated_rows(d: int) -> None:
    features = torch.randn(12, d, generator=torch.Generator().manual_seed(0)).double() + 7
    weights = torch.tensor([[2, 0, 1, 3, 0, 1, 1, 0, 2, 1, 0, 1]]).double()
    repeated = features.repeat_interleave(weights[0].long(), dim=0)
    mean, covariance = _Moments(features).weighted(weights)
    torch.testing.assert_close(mean[0], repeated.mean(0))
    torch.testing.assert_close(covariance[0], torch.cov(repeated.T))


def test_the_interval_is_reproducible_and_holds_the_estimate() -> None:
    samples = normal(300, 0, 0.2)
    first = frechet_interval(samples, REFERENCE, seed=5)
    assert first == frechet_interval(samples, REFERENCE, seed=5)
    assert first != frechet_interval(samples, REFERENCE, seed=6)
    assert first.value == frechet_distance(GaussianFit.of(samples), REFERENCE)
    assert first.low < first.value < first.high
    assert first.n == 300


def test_more_images_give_a_narrower_interval() -> None:
    few, many = (frechet_interval(normal(n, 0, 0.3), REFERENCE, seed=1) for n in (400, 6400))
    ratio = (few.high - few.low) / (many.high - many.low)
    assert ratio == pytest.approx(4.0, rel=0.35)


def test_intervals_cover_the_mean_distance_of_so_many_images() -> None:
    truth = sum(
        frechet_distance(GaussianFit.of(normal(200, 5000 + i, 0.3)), REFERENCE) for i in range(400)
    )
    truth /= 400
    covering = 0
    for i in range(150):
        interval = frechet_interval(normal(200, i, 0.3), REFERENCE, seed=i, resamples=300)
        covering += interval.low <= truth <= interval.high
    # 95 % of 150 is 142.5 with a standard deviation of 2.7.
    assert 133 <= covering <= 150


def test_pairing_makes_a_difference_sharper() -> None:
    a = normal(500, 0, 0.3)
    b = a + 0.05 * normal(500, 1)
    other = normal(500, 2, 0.3)
    paired = frechet_difference(a, b, REFERENCE, seed=0)
    apart = frechet_difference(a, other, REFERENCE, seed=0)
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)
    assert frechet_difference(a, a, REFERENCE, seed=0).value == 0


def test_swaps_tell_equal_from_different_samplers() -> None:
    a = normal(300, 0)
    assert swap_p(a, a, REFERENCE, seed=0, resamples=99) == 1.0
    assert swap_p(a, a + 0.5, REFERENCE, seed=0, resamples=99) == 0.01
    assert swap_p(a + 0.5, a, REFERENCE, seed=0, resamples=99) == 0.01


def test_swaps_are_uniform_where_the_samplers_do_not_differ() -> None:
    values = [
        swap_p(normal(60, 2 * i), normal(60, 2 * i + 1), REFERENCE, seed=i, resamples=99)
        for i in range(200)
    ]
    share = sum(p <= 0.1 for p in values) / len(values)
    # 10 % with a standard deviation of 2.1 %.
    assert 0.03 <= share <= 0.17


def test_the_kernel_interval() -> None:
    samples, reference = normal(300, 0, 0.3), normal(500, 1)
    prepared = KernelReference.of(reference)
    interval = kernel_interval(samples, prepared, seed=2)
    assert interval.value == pytest.approx(kernel_distance(samples, reference), rel=1e-9)
    assert interval.low < interval.value < interval.high
    assert interval == kernel_interval(samples, prepared, seed=2)
    drawn = [kernel_distance(normal(300, 10 + i, 0.3), reference) for i in range(200)]
    spread = torch.tensor(drawn).std() * 2 * 1.96
    assert interval.high - interval.low == pytest.approx(float(spread), rel=0.5)


def test_mistakes_get_one_sentence() -> None:
    with pytest.raises(TooFewImagesError, match="3 images are too few"):
        frechet_interval(normal(3, 0), REFERENCE, seed=0)
    with pytest.raises(ValueError, match="of one shape"):
        frechet_difference(normal(9, 0), normal(8, 0), REFERENCE, seed=0)
    with pytest.raises(ValueError, match="of one shape"):
        swap_p(normal(9, 0), normal(8, 0), REFERENCE, seed=0)
    with pytest.raises(ValueError, match="at least 2 images"):
        kernel_interval(normal(1, 0), KernelReference.of(normal(9, 0)), seed=0)
    with pytest.raises(ValueError, match="not finite"):
        kernel_interval(torch.full((9, D), math.inf), KernelReference.of(normal(9, 0)), seed=0)
