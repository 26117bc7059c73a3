"""Points of known distributions: samples of rows, draws from the data, and the exact density."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.core.experiment import Convention
from benchmarks.core.rows import Sampled
from benchmarks.data.distributions import GaussianMixture
from benchmarks.results.example_names import ExampleName
from benchmarks.results.points import (
    DIGITS,
    Axis,
    ConventionPoints,
    Density,
    RowPoints,
    write_points,
)
from benchmarks.runtime.samples import read_samples
from benchmarks.tracks.analytic.data import Distributions

SHOWN = 2  # coordinates
MOST_POINTS = 500  # of a row, and of the data
PLACES = {1: 200, 2: 60}  # number of shown coordinates to places of the grid along each
REACH = 4.0  # standard deviations that the grid goes beyond the outermost mean


def write_convention(
    sampled: Sequence[Sampled], distributions: Distributions, convention: Convention, folder: Path
) -> None:
    """Write the points of a convention, of the first two coordinates.

    Args:
        sampled: the convention's rows that have samples.
        distributions: the data.
        convention: the convention.
        folder: the results folder.
    """
    data = distributions.of(convention)
    shown = min(SHOWN, data.dimensions)
    rows = []
    for one in sampled:
        seed, file = next(iter(one.by_seed.items()))
        rows.append(RowPoints(key=one.row.key, seed=seed, points=_points(read_samples(file))))
    points = ConventionPoints(
        convention=convention.name,
        distribution=distributions.name_of(convention),
        dimensions=data.dimensions,
        coordinates=list(range(1, shown + 1)),
        data=_points(distributions.draws(convention, "test")),
        rows=rows,
        density=_density(data, shown),
    )
    write_points(folder / ExampleName("points", convention=convention.name).file, points)


def _points(samples: Tensor) -> list[list[float]]:
    return [[_rounded(x) for x in point] for point in samples[:MOST_POINTS, :SHOWN].tolist()]


def _density(data: GaussianMixture, shown: int) -> Density:
    """The exact density of the first coordinates: components are diagonal, so they are left out."""
    marginal = GaussianMixture(
        data.weights, data.means[:, :shown], data.variances[:, :shown], min(data.mixed, shown)
    )
    axes = [_axis(marginal, coordinate) for coordinate in range(shown)]
    places = [torch.tensor(axis.values, dtype=torch.float64) for axis in axes]
    grid = torch.cartesian_prod(*places).reshape(-1, shown)
    return Density(axes=axes, values=[_rounded(p) for p in marginal.log_prob(grid).exp().tolist()])


def _axis(data: GaussianMixture, coordinate: int) -> Axis:
    means, reach = data.means[:, coordinate], REACH * data.variances[:, coordinate].sqrt()
    low, high = float((means - reach).min()), float((means + reach).max())
    return Axis(low=_rounded(low), high=_rounded(high), count=PLACES[data.dimensions])


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
