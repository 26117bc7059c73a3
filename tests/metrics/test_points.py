"""Distances between sets of points, against definitions and known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from metrics.points import (
    EnergySet,
    PointReference,
    energy_difference,
    energy_distance,
    energy_swap_p,
    sliced_wasserstein,
)


def normal(n: int, seed: int, mean: float = 0.0, d: int = 3) -> Tensor:
    return mean + torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def sets(reference: PointReference, *points: Tensor) -> list[EnergySet]:
    return [EnergySet.of(p, reference, seed=0) for p in points]


def by_definition(a: Tensor, b: Tensor) -> float:
    across = np.mean([math.dist(x, y) for x in a.tolist() for y in b.tolist()])
    within = [
        np.mean([math.dist(x, y) for i, x in enumerate(p) for j, y in enumerate(p) if i != j])
        for p in (a.tolist(), b.tolist())
    ]
    return float(2 * across - sum(within))


def test_energy_distance_is_its_definition() -> None:
    a, b = normal(40, 0), normal(30, 1, 0.4)
    assert energy_distance(a, PointReference.of(b)) == pytest.approx(by_definition(a, b), rel=1e-5)


def test_a_prepared_set_has_the_same_distance() -> None:
    a, reference = normal(40, 0), PointReference.of(normal(30, 1, 0.4))
    assert EnergySet.of(a, reference, 0).value == pytest.approx(energy_distance(a, reference))


def test_energy_distance_of_normals_is_that_of_their_integrals() -> None:
    """2 E|x - y| - E|x - x'| - E|y - y'|, in closed form for N(0, 1) and N(1, 1)."""
    folded = scipy.stats.foldnorm(1 / math.sqrt(2), scale=math.sqrt(2)).mean()
    truth = 2 * folded - 2 * (2 / math.sqrt(math.pi))
    values = [
        energy_distance(
            normal(2000, seed, 1.0, 1), PointReference.of(normal(2000, 100 + seed, 0.0, 1))
        )
        for seed in range(10)
    ]
    assert np.mean(values) == pytest.approx(truth, abs=4.5 * np.std(values) / math.sqrt(9))


def test_the_unbiased_estimate_is_about_zero_for_equal_distributions() -> None:
    reference = PointReference.of(normal(3000, 99))
    values = [energy_distance(normal(200, seed), reference) for seed in range(60)]
    assert abs(np.mean(values)) < 4.5 * np.std(values) / math.sqrt(59)
    assert min(values) < 0 < max(values)


def test_intervals_hold_the_estimate_and_cover_the_mean() -> None:
    reference = PointReference.of(normal(2000, 7))
    truth = np.mean([energy_distance(normal(150, 1000 + i, 0.3), reference) for i in range(300)])
    estimates = [EnergySet.of(normal(150, i, 0.3), reference, seed=i).interval for i in range(120)]
    assert all(e.low < e.value < e.high for e in estimates)
    covered = sum(e.low <= truth <= e.high for e in estimates)
    # 95 % of 120 is 114; a binomial of 0.95 is below 106 once in 1000.
    assert 104 <= covered <= 120


def test_paired_sets_are_compared_pair_by_pair() -> None:
    """Shared noise makes the difference of two samplers far clearer."""
    reference = PointReference.of(normal(1500, 3))
    a = normal(400, 0, 0.25)
    b = a - 0.05
    other = normal(400, 5, 0.2)
    paired = energy_difference(*sets(reference, a, b))
    apart = energy_difference(*sets(reference, a, other))
    assert paired.low < paired.value < paired.high
    assert paired.low > 0
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)
    assert energy_swap_p([sets(reference, a, b)], seed=0) < 0.01


def test_equal_sets_do_not_differ() -> None:
    reference = PointReference.of(normal(300, 3))
    a = normal(100, 0)
    assert energy_difference(*sets(reference, a, a)).value == 0
    assert energy_swap_p([sets(reference, a, a)], seed=0) == 1


def test_exchange_test_counts_exchanges() -> None:
    """The p-value equals that of exchanging points and computing both distances again."""
    reference = PointReference.of(normal(60, 3))
    a, b = normal(12, 0, 0.3), normal(12, 1)
    signs = torch.randint(2, (200, 12), generator=torch.Generator().manual_seed(4)).bool()
    observed = abs(energy_distance(a, reference) - energy_distance(b, reference))
    as_large = 0
    for stays in signs[:, :, None]:
        first, second = torch.where(stays, a, b), torch.where(stays, b, a)
        difference = energy_distance(first, reference) - energy_distance(second, reference)
        as_large += abs(difference) >= observed - 1e-9
    assert energy_swap_p([sets(reference, a, b)], seed=4, resamples=200) == (1 + as_large) / 201


def test_exchange_test_has_its_size() -> None:
    reference = PointReference.of(normal(500, 3))
    pairs = [(normal(80, i), normal(80, 500 + i)) for i in range(100)]
    low = sum(
        energy_swap_p([sets(reference, a, b)], seed=i) < 0.05 for i, (a, b) in enumerate(pairs)
    )
    assert low <= 13  # a binomial of 0.05 in 100 exceeds 13 once in 2000


def test_sliced_wasserstein_of_one_dimension_is_scipys() -> None:
    a, b = normal(500, 0, 0.0, 1), normal(500, 1, 0.7, 1)
    expected = np.sqrt(np.mean((np.sort(a.numpy(), 0) - np.sort(b.numpy(), 0)) ** 2))
    assert sliced_wasserstein(a, b) == pytest.approx(float(expected), rel=1e-6)


def test_sliced_wasserstein_of_a_shift() -> None:
    """The mean square of a projected shift is its square over D."""
    a = normal(400, 0, d=8)
    shift = torch.zeros(8)
    shift[2] = 2.0
    value = sliced_wasserstein(a, a + shift, projections=4000)
    assert value == pytest.approx(2 / math.sqrt(8), rel=0.05)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.zeros(1, 3), "at least 2 points"),
        (torch.zeros(4), "at least 2 points"),
        (torch.full((4, 3), math.nan), "its sampler diverged"),
        (torch.zeros(4, 2), "points of 2 and of 3 dimensions"),
    ],
)
def test_refuses_what_has_no_distance(points: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        energy_distance(points, PointReference.of(normal(10, 0)))


def test_refuses_pairs_of_other_shapes() -> None:
    reference = PointReference.of(normal(10, 0))
    pair = sets(reference, normal(5, 0), normal(6, 0))
    with pytest.raises(ValueError, match="must be of one shape"):
        energy_difference(*pair)
    with pytest.raises(ValueError, match="must be of one shape"):
        energy_swap_p([pair], seed=0)
    with pytest.raises(ValueError, match="must be of one shape"):
        sliced_wasserstein(normal(5, 0), normal(6, 0))
