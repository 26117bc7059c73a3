"""Estimates of the analytic track: exact divergences where they exist, distances of sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bddm_ref.files import sha256_of
from benchmarks.contestants import BILATERAL
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.results.comparisons import (
    Evaluation,
    Measured,
    PValues,
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
from benchmarks.tracks.repeated import (
    LEAST_FLIPS,
    LEAST_SETS,
    RowSets,
    by_repeat,
    differences_by_repeat,
    flipped,
    groups_of,
    over_seeds,
    repeats_of,
)
from metrics.points import (
    EnergySet,
    PointReference,
    energy_difference,
    energy_swap_p,
    sliced_wasserstein,
)
from metrics.repeats import mean_of_independent, welch_difference
from metrics.statistics import Estimate, two_sided_p

METRICS = {
    "kl": MetricInfo(title="KL(data ‖ sampler)", digits=5, unit="nats", higher_is_better=False),
    "energy": MetricInfo(title="Energy distance", digits=4, unit="", higher_is_better=False),
    "sw2": MetricInfo(title="Sliced W₂", digits=4, unit="", higher_is_better=False),
}


@dataclass(frozen=True)
class _Found(RowSets):
    """The samples of one row by noise seed, and the exact divergences where there are any."""

    kl: Mapping[int, float]  # by number of the seed; empty where a seed has none


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

    A row with three seeds or more has the mean distance of its seeds' sets, with Student's t over
    the sets. The vectors of fewer seeds are one set, with a bootstrap over its vectors. KL is exact
    for a schedule: it varies only where training and search are repeated.

    Args:
        experiment: the experiment, with margins, reference and seeds.
        found: samples and divergences of each row that has samples.
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
        self._sets: dict[tuple[Row, int | None, int], EnergySet] = {}

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
        convention = row.convention.name
        if found.are_many:
            sets = {seed: self._set(row, seed, found.items) for seed in found.by_seed}
            metrics = self._mean_distances(convention, sets, found.repeats)
        else:
            metrics = self._distances(convention, self._set(row, None, len(found.joined)))
        total = found.items * len(found.by_seed)
        if found.kl:
            metrics["kl"] = Interval.of(self._divergence(found.kl, found.repeats, total))
        groups = groups_of(found.by_seed, found.repeats) if found.repeats > 1 else 1
        scored = dict.fromkeys(metrics, total)
        return RowScores(metrics, scored, repeats=groups if found.are_many else 1)

    def _divergence(self, kl: Mapping[int, float], repeats: int, count: int) -> Estimate:
        """KL or a difference of KLs: exact for one schedule, else Student's t over the repeats."""
        if repeats > 1:
            return over_seeds(by_repeat(kl, repeats), count)
        return _exact(_last(kl), count)

    def _set(self, row: Row, seed: int | None, count: int) -> EnergySet:
        """The first vectors of a seed's set, or of the joined sets, prepared once."""
        if (row, seed, count) not in self._sets:
            found = self._found[row]
            points = found.joined if seed is None else found.by_seed[seed]
            self._sets[row, seed, count] = self._prepared(row.convention.name, points[:count])
        return self._sets[row, seed, count]

    def _prepared(self, convention: str, points: Tensor) -> EnergySet:
        return EnergySet.of(points, self._references.of(convention), self._experiment.seed)

    def _distances(self, convention: str, energy: EnergySet) -> dict[str, Interval]:
        sliced, equal = self._sliced(convention, energy)
        return {
            "energy": Interval.of(energy.interval),
            "sw2": Interval(value=sliced, low=None, high=None, n=equal),
        }

    def _mean_distances(
        self, convention: str, sets: Mapping[int, EnergySet], repeats: int
    ) -> dict[str, Interval]:
        """Means over the sets of a row's seeds, with Student's t over them."""
        energy = {seed: one.value for seed, one in sets.items()}
        sliced = {seed: self._sliced(convention, one) for seed, one in sets.items()}
        counts = {"energy": len(next(iter(sets.values())).points)}
        counts["sw2"] = next(equal for _, equal in sliced.values())
        values = {"energy": energy, "sw2": {seed: one for seed, (one, _) in sliced.items()}}
        return {
            name: Interval.of(over_seeds(by_repeat(by_seed, repeats), counts[name]))
            for name, by_seed in values.items()
        }

    def _sliced(self, convention: str, energy: EnergySet) -> tuple[float, int]:
        """Sliced Wasserstein distance, and the number of vectors on each side."""
        reference = self._references.of(convention).points
        equal = min(len(energy.points), len(reference))
        return sliced_wasserstein(energy.points[:equal], reference[:equal]), equal

    def _comparisons(self, row: Row, against: Row) -> Iterator[Comparison]:
        mine, theirs = self._found[row], self._found[against]
        if mine.kl and theirs.kl:
            yield self._compared_by_kl(row, against)
        many = mine.are_many or theirs.are_many
        yield (self._by_sets if many else self._by_points)(row, against)

    def _compared_by_kl(self, row: Row, against: Row) -> Comparison:
        """Compare divergences: those of one schedule exactly, those of repeats by Student's t."""
        mine, theirs = self._found[row], self._found[against]
        margin, count = self._experiment.margins["kl"], min(mine.items, theirs.items)
        repeats = max(mine.repeats, theirs.repeats)
        first, second = (
            one.kl if one.repeats > 1 or repeats == 1 else dict.fromkeys(other.kl, _last(one.kl))
            for one, other in ((mine, theirs), (theirs, mine))
        )
        shared = first.keys() & second.keys()
        if not shared:  # each has seeds that the other lacks: neither has repeats
            first, second = {0: _last(first)}, {0: _last(second)}
        apart = {seed: first[seed] - second[seed] for seed in first.keys() & second.keys()}
        difference = self._divergence(apart, repeats, count)
        tested = PValues()
        if repeats > 1:
            values = by_repeat(apart, repeats)
            tested = flipped(values, margin, False, self._experiment.seed, LEAST_FLIPS)
            if tested.p is None:  # too few for flips: Student's t tests, too
                tested = PValues(two_sided_p(difference, 0.0))
        return comparison_of(row, against, Measured("kl", difference, tested, margin, items=count))

    def _by_points(self, row: Row, against: Row) -> Comparison:
        """Compare two rows of few seeds: the vectors of all seeds are one set."""
        count = min(len(self._found[one].joined) for one in (row, against))
        a, b = (self._set(one, None, count) for one in (row, against))
        return self._judged((row, against), energy_difference(a, b), [(a, b)], PValues())

    def _by_sets(self, row: Row, against: Row) -> Comparison:
        """Compare two rows seed by seed, or else as independent rows."""
        mine, theirs = self._found[row], self._found[against]
        count = min(mine.items, theirs.items)
        a, b = (
            {seed: self._set(one, seed, count) for seed in self._found[one].by_seed}
            for one in (row, against)
        )
        repeats = max(mine.repeats, theirs.repeats)
        first, second = ({seed: one.value for seed, one in sets.items()} for sets in (a, b))
        differences = differences_by_repeat(first, second, repeats)
        tested = PValues()
        if len(differences) >= LEAST_SETS:
            difference = over_seeds(differences, count)
            margin, seed = self._experiment.margins["energy"], self._experiment.seed
            tested = flipped(differences, margin, False, seed, LEAST_FLIPS)
        else:
            difference = welch_difference(
                _mean_of_sets(a, mine.repeats), _mean_of_sets(b, theirs.repeats)
            )
        shared = sorted(a.keys() & b.keys())
        numbers = [(seed, seed) for seed in shared] or list(zip(sorted(a), sorted(b), strict=False))
        pairs = [(a[one], b[other]) for one, other in numbers]
        return self._judged((row, against), difference, pairs, tested)

    def _judged(
        self,
        rows: tuple[Row, Row],
        difference: Estimate,
        pairs: Sequence[tuple[EnergySet, EnergySet]],
        tested: PValues,
    ) -> Comparison:
        """Judge a difference; where nothing is tested yet, exchange the vectors of the pairs."""
        margin, seed = self._experiment.margins["energy"], self._experiment.seed
        if tested.p is None:
            shifts = (0.0, -margin, margin)
            tested = PValues(*(energy_swap_p(pairs, seed, shift=shift) for shift in shifts))
        found = Measured("energy", difference, tested, margin, items=difference.n)
        return comparison_of(*rows, found)


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
            repeats = repeats_of(experiment, one.row, one.by_seed)
            found[one.row] = _scored(distributions, one, (experiment.seed, repeats), records)
            advance(1)
    conventions = {one.row.convention.name: one.row.convention for one in made}
    references = {name: distributions.draws(c, "test") for name, c in conventions.items()}
    others = {name: distributions.draws(c, "floor") for name, c in conventions.items()}
    return ScoredPoints(experiment, found, references, others, records)


def _scored(
    distributions: Distributions,
    one: Sampled,
    seeds: tuple[int, int],
    records: list[dict[str, Any]],
) -> _Found:
    """Read a row's samples of all seeds, and add a record for each file.

    Args:
        distributions: the data.
        one: the row with its files.
        seeds: the first noise seed, and the number of repeats of `repeats_of`.
        records: the list that the records are added to.
    """
    first, repeats = seeds
    found, kl = dict[int, Tensor](), dict[int, float]()
    for number, file in one.by_seed.items():
        points = read_samples(file)
        exact = _exact_scores(distributions, one, points, first + number)
        about = {"row": one.row.key, "seed": first + number, "points": len(points)}
        records.append(about | exact | {"samples_sha256": sha256_of(file)})
        found[number] = points
        if exact["kl"] is not None:
            kl[number] = exact["kl"]
    return _Found(found, repeats, kl if len(kl) == len(found) else {})


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


def _mean_of_sets(sets: Mapping[int, EnergySet], repeats: int) -> Estimate:
    """Mean energy distance of a row's sets; few sets vary as resampled vectors do."""
    items = len(next(iter(sets.values())).points)
    if groups_of(sets, repeats) >= LEAST_SETS:
        values = {seed: one.value for seed, one in sets.items()}
        return over_seeds(by_repeat(values, repeats), items)
    return mean_of_independent([one.interval for one in sets.values()])


def _last(kl: Mapping[int, float]) -> float:
    """Divergence of the last seed; all seeds of one schedule have the same."""
    return kl[max(kl)]


def _exact(value: float, count: int) -> Estimate:
    return Estimate(value, value, value, count)
