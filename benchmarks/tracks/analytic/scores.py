"""Scores of the analytic track: exact divergences where they exist, distances between sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bddm_ref.files import sha256_of
from benchmarks.contestants import BILATERAL
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.results.comparisons import (
    Evaluation,
    Measured,
    RowScores,
    compared_rows,
    comparison_of,
)
from benchmarks.results.schema import Comparison
from benchmarks.results.verdicts import Interval, MetricInfo
from benchmarks.runtime.noise import item_generators
from benchmarks.runtime.samples import read_samples
from benchmarks.tracks.analytic.exact_score import gaussian_kl, moments_of_samples
from benchmarks.tracks.base import Scored
from metrics.points import (
    EnergySet,
    PointReference,
    energy_difference,
    energy_swap_p,
    sliced_wasserstein,
)
from metrics.statistics import Estimate

if TYPE_CHECKING:
    from benchmarks.tracks.analytic.track import AnalyticTrack

METRICS = {
    "kl": MetricInfo(title="KL(data ‖ sampler)", digits=5, unit="nats", higher_is_better=False),
    "energy": MetricInfo(title="Energy distance", digits=4, unit="", higher_is_better=False),
    "sw2": MetricInfo(title="Sliced W₂", digits=4, unit="", higher_is_better=False),
}


@dataclass(frozen=True)
class _Found:
    """What one row's samples are."""

    points: Tensor  # (N, D), all seeds
    kl: float | None  # exact


@dataclass
class _References:
    """Draws from the data of each convention, made once."""

    draws: Mapping[str, Tensor]
    prepared: dict[str, PointReference] = field(default_factory=dict)

    def of(self, convention: str) -> PointReference:
        if convention not in self.prepared:
            self.prepared[convention] = PointReference.of(self.draws[convention])
        return self.prepared[convention]


class AnalyticScores(Scored):
    """Samples of every row, with draws from the data.

    ``records`` are ``{row, seed, points, kl, mean_gap, variance_gap, samples_sha256}``: gaps are
    the largest over coordinates, in the data's own standard deviations and as a share of its
    variance, and null where the output is no affine function of its noise.

    Args:
        experiment: margins, reference and seeds.
        found: of each row that has samples.
        references: draws from the data that samples are compared with, by convention.
        others: as many more, in the samples' place, for the floor.
        records: one for each file of samples.
    """

    def __init__(
        self,
        experiment: Experiment,
        found: Mapping[Row, _Found],
        references: Mapping[str, Tensor],
        others: Mapping[str, Tensor],
        records: list[dict[str, Any]],
    ) -> None:
        self.records = records
        self._experiment = experiment
        self._found = found
        self._references = _References(references)
        self._others = others
        self._sets: dict[tuple[Row, int], EnergySet] = {}

    def evaluate(self) -> Evaluation:
        """Distances with intervals; comparisons by energy, and by KL where both have one."""
        return Evaluation(
            metrics=METRICS,
            rows={row.key: self._row(row, found) for row, found in self._found.items()},
            comparisons=[
                comparison
                for row, against in compared_rows(
                    list(self._found), self._experiment.reference, BILATERAL
                )
                for comparison in self._comparisons(row, against)
            ],
            test_items=[],
            floors={
                f"{convention}/{len(points)}": self._distances(
                    convention, self._prepared(convention, points)
                )
                for convention, points in self._others.items()
            },
        )

    def _row(self, row: Row, found: _Found) -> RowScores:
        energy = self._set(row, len(found.points))
        metrics = self._distances(row.convention.name, energy)
        if found.kl is not None:
            metrics["kl"] = Interval.of(_exact(found.kl, len(found.points)))
        return RowScores(metrics, {name: len(found.points) for name in metrics})

    def _set(self, row: Row, count: int) -> EnergySet:
        if (row, count) not in self._sets:
            points = self._found[row].points[:count]
            self._sets[row, count] = self._prepared(row.convention.name, points)
        return self._sets[row, count]

    def _prepared(self, convention: str, points: Tensor) -> EnergySet:
        return EnergySet.of(points, self._references.of(convention), self._experiment.seed)

    def _distances(self, convention: str, energy: EnergySet) -> dict[str, Interval]:
        reference, count = self._references.of(convention), len(energy.points)
        equal = min(count, len(reference.points))
        sliced = sliced_wasserstein(energy.points[:equal], reference.points[:equal])
        return {
            "energy": Interval.of(energy.interval),
            "sw2": Interval(value=sliced, low=None, high=None, n=equal),
        }

    def _comparisons(self, row: Row, against: Row) -> Iterator[Comparison]:
        mine, theirs = self._found[row], self._found[against]
        count = min(len(mine.points), len(theirs.points))
        margins = self._experiment.margins
        if mine.kl is not None and theirs.kl is not None:
            apart = _exact(mine.kl - theirs.kl, count)
            measured = Measured("kl", apart, None, margins["kl"], items=count)
            yield comparison_of(row, against, measured)
        a, b = self._set(row, count), self._set(against, count)
        p = energy_swap_p(a, b, self._experiment.seed)
        apart = energy_difference(a, b)
        measured = Measured("energy", apart, p, margins["energy"], items=count)
        yield comparison_of(row, against, measured)


def score_points(track: AnalyticTrack, sampled: Sequence[Sampled]) -> AnalyticScores:
    """Scores of every file of samples."""
    made = [one for one in sampled if one.files]
    found: dict[Row, _Found] = {}
    records: list[dict[str, Any]] = []
    with track.progress.task("score vectors", len(made)) as advance:
        for one in made:
            found[one.row] = _scored(track, one, records)
            advance(1)
    conventions = {one.row.convention.name: one.row.convention for one in made}
    references = {name: track.draws(c, "test") for name, c in conventions.items()}
    others = {name: track.draws(c, "floor") for name, c in conventions.items()}
    return AnalyticScores(track.experiment, found, references, others, records)


def _scored(track: AnalyticTrack, one: Sampled, records: list[dict[str, Any]]) -> _Found:
    parts, kl = [], None
    for index, file in enumerate(one.files):
        points, seed = read_samples(file), track.experiment.seed + index
        exact = _exact_scores(track, one, points, seed)
        about = {"row": one.row.key, "seed": seed, "points": len(points)}
        records.append(about | exact | {"samples_sha256": sha256_of(file)})
        parts.append(points)
        kl = exact["kl"]  # of the sampler, whatever the seed
    return _Found(torch.cat(parts), kl)


def _exact_scores(
    track: AnalyticTrack, one: Sampled, points: Tensor, seed: int
) -> dict[str, float | None]:
    moments = None
    if track.outputs_are_gaussian(one.row.convention):
        generators = item_generators(seed, range(len(points)))
        moments = moments_of_samples(points, generators, one.nfe)
    if moments is None:
        return {"kl": None, "mean_gap": None, "variance_gap": None}
    data = track.distribution(one.row.convention)
    mean, variance = moments
    gap = (mean - data.mean).abs() / data.variance.sqrt()
    return {
        "kl": gaussian_kl(data, mean, variance),
        "mean_gap": float(gap.max()),
        "variance_gap": float((variance / data.variance - 1).abs().max()),
    }


def _exact(value: float, count: int) -> Estimate:
    return Estimate(value, value, value, count)
