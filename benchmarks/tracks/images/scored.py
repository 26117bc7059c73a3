"""Estimates of the image track: distances between sets of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.contestants import BILATERAL
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row
from benchmarks.results.comparisons import (
    Evaluation,
    Measured,
    PValues,
    RowScores,
    compared_rows,
    comparison_of,
)
from benchmarks.results.schema import Comparison, Judge
from benchmarks.results.verdicts import Interval, MetricInfo
from benchmarks.tracks.images.data import CLASSES
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
from metrics.extractors import Extractor
from metrics.image import GaussianFit, covered, frechet_distance
from metrics.image_statistics import (
    KernelReference,
    frechet_difference,
    frechet_interval,
    kernel_interval,
    swap_p,
)
from metrics.repeats import mean_of_independent, welch_difference
from metrics.statistics import Estimate, mean_interval

KID_SCALE = 1_000  # KID is printed in thousandths, as is the custom
KERNEL_RESAMPLES = 200
KERNEL_IMAGES = 10_000  # at most, of samples and reference: pairs grow with the square


@dataclass(frozen=True)
class FeatureSets:
    """Features of the images that rows are compared with.

    Attributes:
        reference: features of the reference split, ``(M, D)``.
        other: features of the other split's images, for the floor, ``(M', D)``.
        test_classes: the classifier's classes of the test images, ``(M,)``; None: unknown.
        accuracy: share of the test images that the classifier sees right; None: unknown.
    """

    reference: Tensor
    other: Tensor
    test_classes: Tensor | None = None
    accuracy: float | None = None


class ScoredImages(Scored):
    """Scores of sets of images, from their features.

    A record is ``{row, seed, images, classes, samples_sha256, features_sha256}``. The features
    themselves stay in the workspace.

    A row with three seeds or more has the mean distance of its seeds' sets, with Student's t over
    the sets. The images of fewer seeds are one set, with a bootstrap over its images.

    Args:
        experiment: the experiment, with margins, reference, seeds and repeats.
        extractor: the network that the features are from.
        features: features ``(items, D)`` of each row that has samples, by number of the seed.
        sets: the features that rows are compared with.
        records: one record for each file of samples.
    """

    def __init__(
        self,
        experiment: Experiment,
        extractor: Extractor,
        features: Mapping[Row, Mapping[int, Tensor]],
        sets: FeatureSets,
        records: list[dict[str, Any]],
    ) -> None:
        self.records = records
        self._experiment = experiment
        self._extractor = extractor
        self._rows = {
            row: RowSets(by_seed, repeats_of(experiment, row, by_seed))
            for row, by_seed in features.items()
        }
        self._sets = sets
        self._distances: dict[tuple[Row, int], dict[int, float]] = {}
        self._floor_halves: dict[int, float] = {}

    @cached_property
    def _reference(self) -> GaussianFit:
        return GaussianFit.of(self._sets.reference)

    @cached_property
    def _kernel_reference(self) -> KernelReference:
        return KernelReference.of(self._sets.reference[:KERNEL_IMAGES])

    @property
    def _scale(self) -> int:
        return KID_SCALE if self._extractor.kernel_title == "KID" else 1

    @cached_property
    def _common(self) -> int:
        """The number of images that the sets of all rows have."""
        return min(sets.size for sets in self._rows.values())

    @cached_property
    def _covered(self) -> int:
        """The number of images on each side that precision and recall use."""
        return min(self._common, len(self._sets.reference))

    def evaluate(self) -> Evaluation:
        """Estimate distances with intervals, and compare equal numbers of paired images."""
        if not self._rows:
            return Evaluation({}, {}, [], [], judge=self._judge())
        other = self._sets.other
        counts = sorted({min(sets.size, len(other)) for sets in self._rows.values()})
        return Evaluation(
            metrics=self._metric_infos(),
            rows={row.key: self._row(row) for row in self._rows},
            comparisons=[
                self._comparison(row, against)
                for row, against in compared_rows(
                    list(self._rows), self._experiment.reference, BILATERAL
                )
            ],
            test_items=[],
            floors={str(count): self._of_one_set(other[:count]) for count in counts},
            judge=self._judge(),
        )

    def _metric_infos(self) -> dict[str, MetricInfo]:
        distance, kernel = self._extractor.distance_title, self._extractor.kernel_title
        infos = {
            "fd": (distance, 2, False),
            "fd_common": (f"{distance} of {self._common}", 2, False),
            "kd": (kernel if self._scale == 1 else f"{kernel} × {self._scale}", 2, False),
            "precision": (f"Precision of {self._covered}", 3, True),
            "recall": (f"Recall of {self._covered}", 3, True),
        }
        return {
            name: MetricInfo(title=title, digits=digits, unit="", higher_is_better=up)
            for name, (title, digits, up) in infos.items()
        }

    def _row(self, row: Row) -> RowScores:
        sets = self._rows[row]
        metrics = self._of_many_sets(sets) if sets.are_many else self._of_one_set(sets.joined)
        mine = [r["classes"] for r in self.records if r["row"] == row.key]
        known = None not in mine
        classes = [sum(counts) for counts in zip(*mine, strict=True)] if known else None
        scored = dict.fromkeys(metrics, sets.items * len(sets.by_seed))
        groups = groups_of(sets.by_seed, sets.repeats) if sets.repeats > 1 else 1
        return RowScores(metrics, scored, classes, repeats=groups if sets.are_many else 1)

    def _of_many_sets(self, sets: RowSets) -> dict[str, Interval]:
        """All metrics of a row: means over its sets, with Student's t over them."""
        by_seed = {seed: self._values(features) for seed, features in sets.by_seed.items()}
        found = {}
        for name in next(iter(by_seed.values())):
            values = {seed: one[name] for seed, one in by_seed.items()}
            items = {"fd": sets.items, "kd": min(sets.items, KERNEL_IMAGES)}
            items |= {"fd_common": self._common}
            estimate = over_seeds(by_repeat(values, sets.repeats), items.get(name, self._covered))
            found[name] = Interval.of(estimate)
        return found

    def _values(self, features: Tensor) -> dict[str, float]:
        """All metrics of one set ``(N, D)``, without intervals."""
        common = features[: self._common]
        near, reference = common[: self._covered], self._sets.reference[: self._covered]
        fd, at_common = (
            frechet_distance(GaussianFit.of(part), self._reference) for part in (features, common)
        )
        return {
            "fd": fd,
            "fd_common": at_common,
            "kd": self._scale * self._kernel_reference.distance(features[:KERNEL_IMAGES]),
            "precision": float(covered(near, reference).double().mean()),
            "recall": float(covered(reference, near).double().mean()),
        }

    def _of_one_set(self, features: Tensor) -> dict[str, Interval]:
        """All metrics of one set ``(N, D)``, with bootstraps over its images."""
        seed, common = self._experiment.seed, features[: self._common]
        near, reference = common[: self._covered], self._sets.reference[: self._covered]
        whole = self._bootstrapped(features)
        kernel = kernel_interval(
            features[:KERNEL_IMAGES], self._kernel_reference, seed, KERNEL_RESAMPLES
        )
        estimates = {
            "fd": whole,
            "fd_common": whole if len(common) == len(features) else self._bootstrapped(common),
            "kd": _times(kernel, self._scale),
            "precision": mean_interval(covered(near, reference).double().numpy()),
            "recall": mean_interval(covered(reference, near).double().numpy()),
        }
        return {name: Interval.of(estimate) for name, estimate in estimates.items()}

    def _bootstrapped(self, features: Tensor) -> Estimate:
        seed, resamples = self._experiment.seed, self._experiment.image.resamples
        return frechet_interval(features, self._reference, seed, resamples)

    def _comparison(self, row: Row, against: Row) -> Comparison:
        many = self._rows[row].are_many or self._rows[against].are_many
        return (self._by_sets if many else self._by_images)(row, against)

    def _by_images(self, row: Row, against: Row) -> Comparison:
        """Compare two rows of few seeds: the images of the seeds that both have are one set."""
        a, b = (torch.cat(found) for found in self._paired_sets(row, against))
        seed, resamples = self._experiment.seed, self._experiment.image.resamples
        difference = frechet_difference(a, b, self._reference, seed, resamples)
        tested = PValues(swap_p(a, b, self._reference, seed, resamples))
        theirs = frechet_distance(GaussianFit.of(b), self._reference)
        return self._judged((row, against), difference, tested, theirs)

    def _by_sets(self, row: Row, against: Row) -> Comparison:
        """Compare two rows seed by seed, or else as independent rows."""
        mine, other = self._rows[row], self._rows[against]
        items = min(mine.items, other.items)
        a, b = (self._by_seed(one, items) for one in (row, against))
        differences = differences_by_repeat(a, b, max(mine.repeats, other.repeats))
        if len(differences) >= LEAST_SETS:
            difference = over_seeds(differences, items)
            theirs = float(np.mean([b[seed] for seed in a.keys() & b.keys()]))
        else:
            first, second = (self._of_sets(one, items) for one in (row, against))
            difference, theirs = welch_difference(first, second), second.value
            differences = np.empty(0)
        margin, _ = self._margin(theirs, items)
        seed, resamples = self._experiment.seed, self._experiment.image.resamples
        tested = flipped(differences, margin, False, seed, LEAST_FLIPS)
        if tested.p is None:
            one, two = (torch.stack(found) for found in self._paired_sets(row, against))
            tested = PValues(swap_p(one, two, self._reference, seed, resamples))
        return self._judged((row, against), difference, tested, theirs)

    def _paired_sets(self, row: Row, against: Row) -> tuple[list[Tensor], list[Tensor]]:
        """Sets of both rows from the same noise; from any noise where no seed is in both.

        Sets are cut to the same number of images: image i of both started from the same noise.
        """
        a, b = (self._rows[one].by_seed for one in (row, against))
        items = min(self._rows[row].items, self._rows[against].items)
        shared = sorted(a.keys() & b.keys())
        pairs = [(seed, seed) for seed in shared] or list(zip(sorted(a), sorted(b), strict=False))
        return [a[one][:items] for one, _ in pairs], [b[one][:items] for _, one in pairs]

    def _by_seed(self, row: Row, items: int) -> dict[int, float]:
        """Distance of the first images of each seed's set."""
        if (row, items) not in self._distances:
            self._distances[row, items] = {
                seed: frechet_distance(GaussianFit.of(features[:items]), self._reference)
                for seed, features in self._rows[row].by_seed.items()
            }
        return self._distances[row, items]

    def _of_sets(self, row: Row, items: int) -> Estimate:
        """Mean distance of a row's sets; few sets vary as resampled images do."""
        sets = self._rows[row]
        if sets.are_many:
            return over_seeds(by_repeat(self._by_seed(row, items), sets.repeats), items)
        found = [self._bootstrapped(features[:items]) for features in sets.by_seed.values()]
        return mean_of_independent(found)

    def _margin(self, theirs: float, count: int) -> tuple[float, Literal["floor"] | None]:
        """A share of the distance compared with, or what so many images can resolve if larger."""
        count = min(count, len(self._sets.other))
        if count not in self._floor_halves:
            floor = self._bootstrapped(self._sets.other[:count])
            self._floor_halves[count] = (floor.high - floor.low) / 2
        share, half = self._experiment.margins["fd"] * theirs, self._floor_halves[count]
        return (share, None) if share >= half else (half, "floor")

    def _judged(
        self, rows: tuple[Row, Row], difference: Estimate, tested: PValues, theirs: float
    ) -> Comparison:
        margin, margin_from = self._margin(theirs, difference.n)
        found = Measured(
            "fd", difference, tested, margin, items=difference.n, margin_from=margin_from
        )
        return comparison_of(*rows, found)

    def _judge(self) -> Judge:
        classes = self._sets.test_classes
        return Judge(
            name=self._extractor.name,
            distance=self._extractor.distance_title,
            dimensions=self._extractor.dimensions,
            reference=self._experiment.image.reference,
            reference_images=len(self._sets.reference),
            test_accuracy=None if classes is None else self._sets.accuracy,
            test_classes=None if classes is None else class_counts(classes),
        )


def class_counts(classes: Tensor) -> list[int]:
    """Count the images of each class, from their classes ``(N,)``."""
    counts: list[int] = torch.bincount(classes, minlength=CLASSES).tolist()
    return counts


def _times(estimate: Estimate, factor: float) -> Estimate:
    ends = {name: getattr(estimate, name) * factor for name in ("value", "low", "high")}
    se = None if estimate.se is None else estimate.se * factor
    return replace(estimate, **ends, se=se)
