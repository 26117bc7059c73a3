"""Distances between sets of images, computed on an extractor's features.

The functions take features ``(N, D)``, one row an image, of any extractor. A Fréchet distance is an
*FID* only on the features of the published Inception network. On other features the distance
carries the name of their network (see :mod:`metrics.extractors`).

=====================  ==================================================  ==============
distance               domain                                              scale
=====================  ==================================================  ==============
Fréchet distance       at least as many images as dimensions, on each side 0 or more
kernel distance        at least 2 images on each side                      any, unbiased
precision and recall   more than 3 images on each side                     0 to 1
=====================  ==================================================  ==============

Images are uint8, and features are finite. Everything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

KERNEL_ROWS = 2_048  # rows of a matrix of pairs in memory at a time
NEIGHBOURS = 3  # k of the improved precision and recall
NEAR = 1e-3  # share of the largest norm below which distances come from differences of rows
NEAR_PAIRS = 4_096  # near pairs in memory at a time


class TooFewImagesError(ValueError):
    """There are fewer images than feature dimensions, so that no Fréchet distance exists."""


@dataclass(frozen=True)
class GaussianFit:
    """Mean and covariance of a set of features, float64."""

    mean: Tensor  # (D,)
    covariance: Tensor  # (D, D), unbiased

    @classmethod
    def of(cls, features: Tensor) -> GaussianFit:
        """Fit features ``(N, D)``.

        Raises:
            TooFewImagesError: there are fewer images than dimensions, or than two.
            ValueError: a value is not finite, or the shape is not ``(N, D)``.
        """
        features = checked_features(features)
        refuse_too_few(*features.shape)
        mean = features.mean(0)
        centred = features - mean
        return cls(mean, centred.T @ centred / (len(features) - 1))


def checked_features(features: Tensor) -> Tensor:
    """Check features and convert them to float64.

    Raises:
        ValueError: not ``(N, D)``, or a value is not finite.
    """
    if features.ndim != 2:
        raise ValueError(f"features must be (images, dimensions), not {tuple(features.shape)}")
    if not bool(features.isfinite().all()):
        raise ValueError("a feature is not finite: an image, or the extractor, is damaged")
    return features.double()


def refuse_too_few(images: int, dimensions: int) -> None:
    """Refuse fewer images than feature dimensions.

    Raises:
        TooFewImagesError: there are fewer.
    """
    needed = max(2, dimensions)
    if images < needed:
        raise TooFewImagesError(
            f"{images} images are too few for {dimensions} feature dimensions: a Fréchet distance "
            f"needs at least {needed}; make more images or use a smaller extractor"
        )


def frechet_distance(a: GaussianFit, b: GaussianFit) -> float:
    """Compute the squared Wasserstein-2 distance of two Gaussians (Dowson and Landau 1982).

    The distance is |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^1/2) (Heusel et al. 2017). The
    symmetric C_a^1/2 C_b C_a^1/2 has the eigenvalues of C_a C_b, and needs no complex arithmetic.

    Raises:
        ValueError: the dimensions differ.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"features of {len(a.mean)} and of {len(b.mean)} dimensions have no distance"
        )
    distances = distances_from(b, a.mean[None], a.covariance[None])
    return float(distances[0])


def distances_from(reference: GaussianFit, means: Tensor, covariances: Tensor) -> Tensor:
    """Compute Fréchet distances of many Gaussians from one reference.

    Args:
        reference: the Gaussian that all distances start from.
        means: ``(R, D)``.
        covariances: ``(R, D, D)``.

    Returns:
        ``(R,)``.
    """
    values, vectors = torch.linalg.eigh(reference.covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    product = root @ covariances @ root
    eigenvalues = torch.linalg.eigvalsh((product + product.mT) / 2)
    cross = eigenvalues.clamp_min(0).sqrt().sum(1)
    apart = (means - reference.mean).square().sum(1)
    traces = covariances.diagonal(dim1=1, dim2=2).sum(1) + reference.covariance.trace()
    distances: Tensor = apart + traces - 2 * cross
    return distances


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """Compute the kernel distance, called KID on Inception's features (Binkowski et al. 2018).

    It is the unbiased estimate of the squared maximum mean discrepancy with the cubic kernel
    (x.y / D + 1)^3, over all pairs.

    Args:
        a: features ``(N, D)``, N at least 2.
        b: features ``(M, D)``, M at least 2.

    Raises:
        ValueError: a set has fewer than two rows, the dimensions differ, or a value is not finite.
    """
    a, b = checked_features(a), checked_features(b)
    refuse_unlike(a, b)
    across = float(kernel_rows(a, b).mean())
    return mean_of_pairs(a) + mean_of_pairs(b) - 2 * across


def refuse_unlike(a: Tensor, b: Tensor) -> None:
    """Refuse two sets of features ``(N, D)``, ``(M, D)`` that have no kernel distance.

    Raises:
        ValueError: a set has fewer than two rows, or the dimensions differ.
    """
    if min(len(a), len(b)) < 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"a kernel distance needs two sets of at least 2 images and one dimension, not "
            f"{tuple(a.shape)} and {tuple(b.shape)}"
        )


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """Compute (x.y / D + 1)^3 for all rows x of ``a`` and y of ``b``: ``(N, M)``."""
    return torch.addmm(a.new_ones(()), a, b.T, alpha=1 / a.shape[1]).pow_(3)


def kernel_rows(a: Tensor, b: Tensor) -> Tensor:
    """Average the kernel over ``b`` for each row of ``a``: ``(N,)``."""
    return torch.cat([kernel(rows, b).mean(1) for rows in a.split(KERNEL_ROWS)])


def mean_of_pairs(a: Tensor) -> float:
    """Average the kernel over all pairs of two different rows."""
    alone = (a.square().sum(1) / a.shape[1] + 1).pow(3).sum()
    n = len(a)
    return float((kernel_rows(a, a).sum() * n - alone) / (n * (n - 1)))


def covered(points: Tensor, manifold: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """Tell which points lie on a manifold (Kynkaanniemi et al. 2019).

    The reach of an image is the distance to its k-th nearest neighbour. A point is covered if it
    lies within the reach of some image of the manifold. The mean of ``covered(samples, reference)``
    is the improved precision, the mean of ``covered(reference, samples)`` the improved recall.

    Args:
        points: features ``(N, D)``.
        manifold: features ``(M, D)``.
        k: rank of the neighbour that gives the reach.

    Returns:
        bool ``(N,)``.

    Raises:
        ValueError: the manifold has no k-th neighbour, or the dimensions differ.
    """
    points, manifold = checked_features(points), checked_features(manifold)
    if len(manifold) <= k or points.shape[1] != manifold.shape[1]:
        raise ValueError(
            f"{k} neighbours need more than {k} images of the same dimension, not "
            f"{tuple(manifold.shape)} for points {tuple(points.shape)}"
        )
    centre = manifold.mean(0)  # centring keeps distances, and shrinks norms to the spread
    points, manifold = points - centre, manifold - centre
    # An image's nearest neighbour in its own set is itself.
    reach = torch.cat(
        [
            _distances(rows, manifold).kthvalue(k + 1, dim=1).values
            for rows in manifold.split(KERNEL_ROWS)
        ]
    )
    inside = [(_distances(rows, manifold) <= reach).any(1) for rows in points.split(KERNEL_ROWS)]
    return torch.cat(inside)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Compute all distances between rows, ``(N, M)``."""
    distances = torch.cdist(a, b)
    # The matrix product that makes cdist fast loses the digits of a small difference. An image
    # would be at some distance from itself, and its copy might be out of its reach.
    near = distances < NEAR * (a.norm(dim=1).max() + b.norm(dim=1).max())
    for pairs in near.nonzero().split(NEAR_PAIRS):
        rows, columns = pairs.T
        distances[rows, columns] = (a[rows] - b[columns]).norm(dim=1)
    return distances
