"""Estimates of the analytic track: exact divergences where they exist, distances of sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.samples import read_samples
from benchmarks.tracks.analytic.data import Distributions
from benchmarks.tracks.analytic.exact_score import gaussian_kl, moments_of_samples
from benchmarks.tracks.parts import Scored
from metrics.points import (
    EnergySet,
    PointReference,
    energy_difference,
    energy_swap_p,
    sliced_wasserstein,
)
from metrics.statistics import Estimate

METRICS = {
    "kl": MetricInfo(title="KL(data ‖ sampler)", digits=5, unit="nats", higher_is_better=False),
    "energy": MetricInfo(title="Energy distance", digits=4, unit="", higher_is_better=False),
    "sw2": MetricInfo(title="Sliced W₂", digits=4, unit="", higher_is_better=False),
}


@dataclass(frozen=True)
class _Found:
    """The samples of one row, and the exact divergence of their sampler if there is one."""

    points: Tensor  # (N, D), all seeds
    kl: float | None


@dataclass
class _References:
    """Draws from the data of each convention, prepared once for comparisons."""

    draws: Mapping[str, Tensor]
    prepared: dict[str, PointReference] = field(default_factory=dict)

    def of(self, convention: str) -> PointReference:
        if convention not in self.prepared:
            self.prepared[convention] = PointReference.of(self.draws[convention])
        return self.prepared[convention]


class ScoredPoints(Scored):
    """Scores of the samples of every row, compared with draws from the data.

    A record is ``{row, seed, points, kl, mean_gap, variance_gap, samples_sha256}``. Gaps are the
    largest over coordinates: of the mean in the data's standard deviations, of the variance as a
    share of the data's. They are null where the output is no affine function of its noise.

    Args:
        experiment: the experiment, with margins, reference and seeds.
        found: samples and divergence of each row that has samples.
        references: draws from the data that samples are compared with, by convention.
        others: more draws, in the samples' place, for the floor, by convention.
        records: one record for each file of samples.
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
        """Estimate distances; compare by energy distance, and by KL where both rows have one."""
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


def score_points(
    experiment: Experiment,
    distributions: Distributions,
    progress: Progress,
    sampled: Sequence[Sampled],
) -> ScoredPoints:
    """Score every file of samples.

    Args:
        experiment: the experiment, with margins, reference and seeds.
        distributions: the data.
        progress: the display of the scoring.
        sampled: the rows.
    """
    made = [one for one in sampled if one.files]
    found: dict[Row, _Found] = {}
    records: list[dict[str, Any]] = []
    with progress.task("score vectors", len(made)) as advance:
        for one in made:
            found[one.row] = _scored(distributions, one, experiment.seed, records)
            advance(1)
    conventions = {one.row.convention.name: one.row.convention for one in made}
    references = {name: distributions.draws(c, "test") for name, c in conventions.items()}
    others = {name: distributions.draws(c, "floor") for name, c in conventions.items()}
    return ScoredPoints(experiment, found, references, others, records)


def _scored(
    distributions: Distributions, one: Sampled, first_seed: int, records: list[dict[str, Any]]
) -> _Found:
    """Join a row's samples of all seeds, and add a record for each file."""
    parts, kl = [], None
    for seed, file in enumerate(one.files, first_seed):
        points = read_samples(file)
        exact = _exact_scores(distributions, one, points, seed)
        about = {"row": one.row.key, "seed": seed, "points": len(points)}
        records.append(about | exact | {"samples_sha256": sha256_of(file)})
        parts.append(points)
        kl = exact["kl"]  # the sampler's, whatever the seed
    return _Found(torch.cat(parts), kl)


def _exact_scores(
    distributions: Distributions, one: Sampled, points: Tensor, seed: int
) -> dict[str, float | None]:
    """Divergence and gaps of moments; null where the output is no affine map of its noise."""
    moments = None
    if distributions.outputs_are_gaussian(one.row.convention):
        generators = item_generators(seed, range(len(points)))
        moments = moments_of_samples(points, generators, one.nfe)
    if moments is None:
        return {"kl": None, "mean_gap": None, "variance_gap": None}
    data = distributions.of(one.row.convention)
    mean, variance = moments
    gap = (mean - data.mean).abs() / data.variance.sqrt()
    return {
        "kl": gaussian_kl(data, mean, variance),
        "mean_gap": float(gap.max()),
        "variance_gap": float((variance / data.variance - 1).abs().max()),
    }


def _exact(value: float, count: int) -> Estimate:
    return Estimate(value, value, value, count)
