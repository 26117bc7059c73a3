"""Distances between two sets of points of low dimension: energy distance, sliced Wasserstein.

Points are rows, ``(N, D)``. Neither distance needs a model of the data, and both are 0 for equal
distributions alone (Szekely and Rizzo 2013; Bonneel et al. 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metrics.resampling import bootstrap_counts, centred
from metrics.statistics import Estimate

ROWS = 2_048  # rows of a matrix of distances in memory at a time


@dataclass(frozen=True)
class PointReference:
    """Reference set of energy distances, with its own share computed once."""

    points: Tensor  # (M, D), float64
    within: float  # mean distance of the set's pairs

    @classmethod
    def of(cls, points: Tensor) -> PointReference:
        """Prepare points ``(M, D)``.

        Raises:
            ValueError: there are fewer than two points, or a value is not finite.
        """
        points = checked_points(points)
        return cls(points, _mean_of_pairs(points))


def checked_points(points: Tensor) -> Tensor:
    """Check points and convert them to float64.

    Raises:
        ValueError: not ``(N, D)`` with N at least 2, or a value is not finite.
    """
    if points.ndim != 2 or len(points) < 2:
        raise ValueError(f"a distance needs at least 2 points (N, D), not {tuple(points.shape)}")
    if not bool(points.isfinite().all()):
        raise ValueError("a point is not finite: its sampler diverged")
    return points.double()


def energy_distance(points: Tensor, reference: PointReference) -> float:
    """Estimate 2 E|x - y| - E|x - x'| - E|y - y'| over all pairs of different points, unbiased.

    Args:
        points: ``(N, D)``.
        reference: the set to compare with.

    Raises:
        ValueError: the dimensions differ, fewer than two points, or a value is not finite.
    """
    points = _alike(points, reference)
    across = float(_to_reference(points, reference).mean())
    return 2 * across - _mean_of_pairs(points) - reference.within


@dataclass(frozen=True)
class EnergySet:
    """A set of points with the sums and resamples that intervals and comparisons share.

    Attributes:
        points: ``(N, D)``, float64.
        across: mean distance of each point to the reference, ``(N,)``.
        sums: sum of each point's distances to the others, ``(N,)``.
        value: the energy distance from the reference.
        drawn: energy distances of bootstrap resamples, ``(R,)``; the reference is held fixed.
    """

    points: Tensor
    across: Tensor
    sums: Tensor
    value: float
    drawn: Tensor

    @classmethod
    def of(
        cls, points: Tensor, reference: PointReference, seed: int, resamples: int = 200
    ) -> EnergySet:
        """Prepare points ``(N, D)``; sets of one size and seed are resampled with the same draws.

        Raises:
            ValueError: the dimensions differ, fewer than two points, or a value is not finite.
        """
        points, n = _alike(points, reference), len(points)
        across, sums = _to_reference(points, reference), _sums(points, points)
        value = 2 * float(across.mean()) - float(sums.sum()) / (n * (n - 1)) - reference.within
        drawn = [
            _weighted(points, across, counts) - reference.within
            for counts in bootstrap_counts(n, seed, resamples)
        ]
        return cls(points, across, sums, value, torch.cat(drawn))

    @property
    def interval(self) -> Estimate:
        """Energy distance with its centred 95 % interval."""
        return centred(self.value, self.drawn, len(self.points))


def energy_difference(a: EnergySet, b: EnergySet) -> Estimate:
    """Estimate the energy distance of ``a`` minus that of ``b``, with its centred 95 % interval.

    Point i of both sets started from the same noise, and the same draws resampled both.

    Raises:
        ValueError: the shapes differ.
    """
    _refuse_unpaired(a, b)
    return centred(a.value - b.value, a.drawn - b.drawn, len(a.points))


def energy_swap_p(
    pairs: Sequence[tuple[EnergySet, EnergySet]],
    seed: int,
    resamples: int = 999,
    shift: float = 0.0,
) -> float:
    """Test whether two samplers' points are exchangeable; return the two-sided p-value.

    The test is `metrics.image_statistics.swap_p` for points. With w for the chosen rows of both
    sets and D for their distances, w'Dw - (1 - w)'D(1 - w) is linear in w. Each pair therefore has
    its own share in the difference, and no distance is computed again.

    Args:
        pairs: the sets of both samplers, one pair for each noise seed, all of one shape.
        seed: seed of the exchanges.
        resamples: number of exchanges.
        shift: added to the difference, in equal parts to all points; tests another value than 0.

    Raises:
        ValueError: the shapes differ.
    """
    gains = torch.cat([_gains(a, b) for a, b in pairs]) / len(pairs)
    gains += shift / len(gains)
    observed = abs(float(gains.sum()))
    generator = torch.Generator().manual_seed(seed)
    signs = 2 * torch.randint(2, (resamples, len(gains)), generator=generator).double() - 1
    slack = 1e-9 * (1 + observed)  # rounding: without slack, two equal sets would differ
    as_large = int(((signs @ gains).abs() >= observed - slack).sum())
    return (1 + as_large) / (1 + resamples)


def _gains(a: EnergySet, b: EnergySet) -> Tensor:
    """Share of each pair of points in the difference of the distances, ``(N,)``."""
    _refuse_unpaired(a, b)
    n = len(a.points)
    apart = torch.cat([torch.cdist(rows, b.points) for rows in a.points.split(ROWS)])
    sums_a, sums_b = a.sums + apart.sum(1), b.sums + apart.sum(0)
    return 2 * (a.across - b.across) / n - (sums_a - sums_b) / (n * (n - 1))


def sliced_wasserstein(a: Tensor, b: Tensor, projections: int = 128, seed: int = 0) -> float:
    """Compute the sliced Wasserstein-2 distance of two equally large sets (Bonneel et al. 2015).

    It is the root of the mean squared distance between sorted projections on random directions.

    Args:
        a: ``(N, D)``.
        b: ``(N, D)``.
        projections: number of directions.
        seed: seed of the directions.

    Raises:
        ValueError: the shapes differ, fewer than two points, or a value is not finite.
    """
    a, b = checked_points(a), checked_points(b)
    if a.shape != b.shape:
        raise ValueError(f"sets must be of one shape, not {tuple(a.shape)} and {tuple(b.shape)}")
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(a.shape[1], projections, generator=generator, dtype=torch.float64)
    directions /= directions.norm(dim=0)
    sorted_a, sorted_b = ((points @ directions).sort(dim=0).values for points in (a, b))
    return float((sorted_a - sorted_b).square().mean().sqrt())


def _alike(points: Tensor, reference: PointReference) -> Tensor:
    points = checked_points(points)
    if points.shape[1] != reference.points.shape[1]:
        raise ValueError(
            f"points of {points.shape[1]} and of {reference.points.shape[1]} dimensions have no "
            "distance"
        )
    return points


def _refuse_unpaired(a: EnergySet, b: EnergySet) -> None:
    if a.points.shape != b.points.shape or len(a.drawn) != len(b.drawn):
        raise ValueError(
            f"paired sets must be of one shape, not {tuple(a.points.shape)} and "
            f"{tuple(b.points.shape)}"
        )


def _to_reference(points: Tensor, reference: PointReference) -> Tensor:
    """Average each point's distance to the reference, ``(N,)``."""
    return torch.cat([torch.cdist(rows, reference.points).mean(1) for rows in points.split(ROWS)])


def _mean_of_pairs(points: Tensor) -> float:
    n = len(points)
    return float(_sums(points, points).sum()) / (n * (n - 1))


def _sums(points: Tensor, others: Tensor) -> Tensor:
    """Sum each point's distances to others, ``(N,)``."""
    return torch.cat([torch.cdist(rows, others).sum(1) for rows in points.split(ROWS)])


def _weighted(points: Tensor, across: Tensor, counts: Tensor) -> Tensor:
    """Compute distances, less the reference's own part, for weights ``(R, N)``: ``(R,)``."""
    n = len(points)
    within = torch.zeros(len(counts), dtype=torch.float64)
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        within += ((counts @ torch.cdist(points, points[rows])) * counts[:, rows]).sum(1)
    return 2 * (counts @ across) / n - within / (n * (n - 1))
