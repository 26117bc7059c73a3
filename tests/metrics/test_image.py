"""Distances between sets: closed forms, SciPy's sqrtm, orientation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from metrics.image import (
    GaussianFit,
    TooFewImagesError,
    covered,
    frechet_distance,
    kernel_distance,
)


def normal(n: int, d: int, seed: int, mean: float = 0.0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(d, d, generator=torch.Generator().manual_seed(99)) / math.sqrt(d)
    return mean + scale * torch.randn(n, d, generator=generator) @ mixing


def test_closed_form_of_diagonal_gaussians() -> None:
    mean_a, mean_b = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.0, 1.0, 0.5])
    var_a, var_b = torch.tensor([1.0, 4.0, 0.0]), torch.tensor([9.0, 0.25, 2.0])
    a, b = (
        GaussianFit(m.double(), torch.diag(v).double())
        for m, v in ((mean_a, var_a), (mean_b, var_b))
    )
    expected = (mean_a - mean_b).square().sum() + (var_a.sqrt() - var_b.sqrt()).square().sum()
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("d", [1, 5, 64])
def test_scipy_sqrtm(d: int) -> None:
    a, b = GaussianFit.of(normal(500, d, 0)), GaussianFit.of(normal(400, d, 1, 0.3, 1.4))
    root = scipy.linalg.sqrtm((a.covariance @ b.covariance).numpy())
    expected = float((a.mean - b.mean).square().sum()) + float(
        np.trace(a.covariance.numpy() + b.covariance.numpy() - 2 * np.real(root))
    )
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_by_hand() -> None:
    a, b = normal(7, 3, 0), normal(5, 3, 1, 0.5)

    def k(x: Tensor, y: Tensor) -> float:
        return (float(x.double() @ y.double()) / 3 + 1) ** 3

    within = [
        sum(k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j)
        / (len(s) * (len(s) - 1))
        for s in (a, b)
    ]
    across = sum(k(x, y) for x in a for y in b) / (len(a) * len(b))
    assert kernel_distance(a, b) == pytest.approx(sum(within) - 2 * across, rel=1e-10)


DISTANCES: list[Callable[[Tensor, Tensor], float]] = [
    lambda a, b: frechet_distance(GaussianFit.of(a), GaussianFit.of(b)),
    kernel_distance,
]


@pytest.mark.parametrize("distance", DISTANCES)
def test_properties(distance: Callable[[Tensor, Tensor], float]) -> None:
    a, b = normal(300, 8, 0), normal(250, 8, 1, 0.4)
    value = distance(a, b)
    assert value == pytest.approx(distance(b, a), rel=1e-9)
    assert value == pytest.approx(distance(a.flip(0), b), rel=1e-9)
    assert distance(a, normal(250, 8, 2, 1.0)) > value > distance(a, normal(250, 8, 3)) - 1e-3
    assert frechet_distance(GaussianFit.of(a), GaussianFit.of(a)) == pytest.approx(0, abs=1e-9)


def test_the_kernel_distance_is_unbiased() -> None:
    values = [kernel_distance(normal(40, 4, 2 * i), normal(40, 4, 2 * i + 1)) for i in range(200)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert min(values) < 0


def test_precision_and_recall_are_not_exchanged() -> None:
    left, right = normal(200, 2, 0, -20.0), normal(200, 2, 1, 20.0)
    reference, samples = torch.cat([left, right]), normal(300, 2, 2, -20.0)
    assert covered(samples, reference).double().mean() > 0.9  # precision
    assert covered(reference, samples).double().mean() == pytest.approx(0.5, abs=0.05)  # recall
    assert covered(reference, reference).all()


def test_covered_by_brute_force() -> None:
    points, manifold = normal(30, 3, 0, 0.5), normal(25, 3, 1)
    far = torch.cdist(manifold.double(), manifold.double())
    reach = far.sort(dim=1).values[:, 3]
    expected = (torch.cdist(points.double(), manifold.double()) <= reach).any(1)
    assert torch.equal(covered(points, manifold), expected)
    assert 0 < int(expected.sum()) < 30


def test_copies_and_near_copies_are_covered_exactly() -> None:
    """Neighbours far from the origin stay apart where cdist uses a matrix product.

    Five copies, exact and near ones in float32: the third neighbour of each is among them.
    """
    base = normal(300, 64, 0, 1000.0)
    jitter = [1e-4 * normal(300, 64, seed) for seed in range(1, 5)]
    manifold = torch.cat([base, base, *(base + j for j in jitter)])
    points = torch.cat([base, base + 1e-4 * normal(300, 64, 7)])

    def distances(a: Tensor, b: Tensor) -> Tensor:
        exact = "donot_use_mm_for_euclid_dist"
        return torch.cdist(a.double(), b.double(), compute_mode=exact)

    reach = distances(manifold, manifold).sort(dim=1).values[:, 3]
    expected = (distances(points, manifold) <= reach).any(1)
    assert torch.equal(covered(points, manifold), expected)
    assert expected[:300].all()
    assert 0 < int(expected[300:].sum()) < 300


def test_mistakes_get_one_sentence() -> None:
    with pytest.raises(TooFewImagesError, match="5 images are too few for 8 feature dimensions"):
        GaussianFit.of(normal(5, 8, 0))
    with pytest.raises(ValueError, match="not finite"):
        GaussianFit.of(torch.full((9, 2), math.nan))
    with pytest.raises(ValueError, match=r"\(images, dimensions\)"):
        GaussianFit.of(torch.zeros(9))
    with pytest.raises(ValueError, match="2 and of 3 dimensions"):
        frechet_distance(GaussianFit.of(normal(9, 2, 0)), GaussianFit.of(normal(9, 3, 0)))
    with pytest.raises(ValueError, match="at least 2 images"):
        kernel_distance(normal(1, 2, 0), normal(9, 2, 0))
    with pytest.raises(ValueError, match="more than 3 images"):
        covered(normal(9, 2, 0), normal(3, 2, 0))
