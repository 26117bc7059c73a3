"""Intervals and tests for distances between sets of images, by resampling their features.

All intervals are centred (see :mod:`metrics.resampling`). They tell how much the distance of so
many images varies from draw to draw; the reference is held fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from metrics.image import (
    KERNEL_ROWS,
    GaussianFit,
    checked_features,
    distances_from,
    frechet_distance,
    kernel,
    kernel_rows,
    mean_of_pairs,
    refuse_unlike,
)
from metrics.resampling import CHUNK, bootstrap_counts, centred
from metrics.statistics import Estimate

MOMENT_BYTES = 2**29  # covariances of a chunk; a handful of that size exist at a time
PRODUCTS_UP_TO = 128  # dimensions up to which second moments of a chunk are matrix products


def frechet_interval(
    samples: Tensor, reference: GaussianFit, seed: int, resamples: int = 1_000
) -> Estimate:
    """Estimate the Fréchet distance of samples ``(N, D)``, with its centred 95 % interval.

    Raises:
        TooFewImagesError: fewer images than dimensions.
    """
    value = frechet_distance(GaussianFit.of(samples), reference)
    moments = _Moments(checked_features(samples))
    drawn = [
        distances_from(reference, *moments.weighted(weights))
        for weights in bootstrap_counts(len(samples), seed, resamples, moments.at_once)
    ]
    return centred(value, torch.cat(drawn), len(samples))


def frechet_difference(
    a: Tensor, b: Tensor, reference: GaussianFit, seed: int, resamples: int = 1_000
) -> Estimate:
    """Estimate the distance of ``a`` minus the distance of ``b``, with its centred 95 % interval.

    Row i of both sets started from the same noise. The same draws therefore resample both.

    Raises:
        ValueError: the shapes differ.
        TooFewImagesError: fewer images than dimensions.
    """
    value = _difference(a, b, reference)
    both = [_Moments(checked_features(features)) for features in (a, b)]
    drawn = []
    for weights in bootstrap_counts(len(a), seed, resamples, both[0].at_once):
        first, second = (distances_from(reference, *m.weighted(weights)) for m in both)
        drawn.append(first - second)
    return centred(value, torch.cat(drawn), len(a))


def swap_p(
    a: Tensor, b: Tensor, reference: GaussianFit, seed: int, resamples: int = 1_000
) -> float:
    """Test whether two samplers' images are exchangeable; return the two-sided p-value.

    It is the counterpart of the sign-flip test for distances of sets. Each resample exchanges the
    two images of each pair with probability 1/2, and takes the difference of the distances again.
    With several sets the statistic is the mean of their differences.

    Args:
        a: features of one set, ``(N, D)``, or of a set for each noise seed, ``(S, N, D)``.
        b: features of the other sampler's images, of the same shape.
        reference: the Gaussian that distances are taken from.
        seed: seed of the exchanges.
        resamples: number of exchanges.

    Returns:
        (1 + number of differences at least as large as the observed) / (1 + resamples).

    Raises:
        ValueError: the shapes differ.
        TooFewImagesError: fewer images than dimensions.
    """
    if a.shape != b.shape:
        raise ValueError(f"paired sets must be of one shape, not {[*a.shape]} and {[*b.shape]}")
    sets = [(a, b)] if a.ndim == 2 else list(zip(a, b, strict=True))
    observed = abs(sum(_difference(x, y, reference) for x, y in sets)) / len(sets)
    moments = [_Moments(checked_features(torch.cat(pair))) for pair in sets]
    generator, n = torch.Generator().manual_seed(seed), a.shape[-2]
    as_large = 0
    for first in range(0, resamples, moments[0].at_once):
        count = min(moments[0].at_once, resamples - first)
        differences = torch.zeros(count, dtype=torch.float64)
        for one in moments:
            stays = torch.randint(2, (count, n), generator=generator).double()
            weights = torch.cat([stays, 1 - stays], dim=1)
            differences += distances_from(reference, *one.weighted(weights))
            differences -= distances_from(reference, *one.weighted(1 - weights))
        differences /= len(sets)
        # The slack covers rounding: without it, two equal sets would differ.
        as_large += int((differences.abs() >= observed - 1e-9 * (1 + observed)).sum())
    return (1 + as_large) / (1 + resamples)


@dataclass(frozen=True)
class KernelReference:
    """Reference set of kernel distances, with its own share computed once."""

    features: Tensor  # (M, D), float64
    pairs: float  # mean of the kernel over its own pairs

    @classmethod
    def of(cls, features: Tensor) -> KernelReference:
        """Prepare features ``(M, D)``."""
        features = checked_features(features)
        return cls(features, mean_of_pairs(features))

    def distance(self, samples: Tensor) -> float:
        """Kernel distance of samples ``(N, D)``, as `metrics.image.kernel_distance` has it.

        Raises:
            ValueError: fewer than two rows, another dimension, or a value that is not finite.
        """
        samples = checked_features(samples)
        refuse_unlike(samples, self.features)
        across = float(kernel_rows(samples, self.features).mean())
        return mean_of_pairs(samples) + self.pairs - 2 * across


def kernel_interval(
    samples: Tensor, reference: KernelReference, seed: int, resamples: int = 200
) -> Estimate:
    """Estimate the kernel distance of samples ``(N, D)``, with its centred 95 % interval.

    Raises:
        ValueError: a set has fewer than two rows, the dimensions differ, or a value is not finite.
    """
    samples, n = checked_features(samples), len(samples)
    refuse_unlike(samples, reference.features)
    across = kernel_rows(samples, reference.features)
    alone = (samples.square().sum(1) / samples.shape[1] + 1).pow(3)
    weights = torch.cat([torch.ones(1, n).double(), *bootstrap_counts(n, seed, resamples)])
    within = torch.zeros(len(weights), dtype=torch.float64)
    for start in range(0, n, KERNEL_ROWS):
        rows = slice(start, start + KERNEL_ROWS)
        within += ((weights @ kernel(samples, samples[rows])) * weights[:, rows]).sum(1)
    distances = (within - weights @ alone) / (n * (n - 1)) - 2 * (weights @ across) / n
    distances += reference.pairs
    return centred(float(distances[0]), distances[1:], n)


class _Moments:
    """Means and covariances of a set whose rows have integer weights."""

    def __init__(self, features: Tensor) -> None:
        self._shift = features.mean(0)
        self._features = features - self._shift  # moments about the mean lose no digits
        self._upper = torch.triu_indices(features.shape[1], features.shape[1])

    @property
    def at_once(self) -> int:
        """Number of resamples whose covariances fit into MOMENT_BYTES."""
        dimensions = self._features.shape[1]
        return max(1, min(CHUNK, MOMENT_BYTES // (8 * dimensions**2)))

    def weighted(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Compute means ``(R, D)`` and covariances ``(R, D, D)`` for weights ``(R, N)``."""
        total = weights.sum(1)[:, None]
        means = weights @ self._features / total
        second = self._second(weights)
        outer = means[:, :, None] * means[:, None, :]
        covariances = (second - total[..., None] * outer) / (total[..., None] - 1)
        return means + self._shift, covariances

    def _second(self, weights: Tensor) -> Tensor:
        features = self._features
        if features.shape[1] > PRODUCTS_UP_TO:
            return torch.stack([(features * w[:, None]).T @ features for w in weights])
        rows, columns = self._upper
        sums = features.new_zeros(len(weights), len(rows))
        # Products of all images at once would be a gigabyte for 15 000 of 128 dimensions.
        for part, counts in zip(
            features.T.split(KERNEL_ROWS, dim=1), weights.split(KERNEL_ROWS, dim=1), strict=True
        ):
            lines = part.contiguous()  # picking rows is far faster than picking columns
            sums.addmm_(counts, lines[rows].mul_(lines[columns]).T)
        second = features.new_empty(len(weights), features.shape[1], features.shape[1])
        second[:, rows, columns] = sums
        second[:, columns, rows] = sums
        return second


def _difference(a: Tensor, b: Tensor, reference: GaussianFit) -> float:
    if a.shape != b.shape:
        raise ValueError(
            f"paired sets must be of one shape, not {tuple(a.shape)} and {tuple(b.shape)}"
        )
    first, second = (frechet_distance(GaussianFit.of(f), reference) for f in (a, b))
    return first - second
