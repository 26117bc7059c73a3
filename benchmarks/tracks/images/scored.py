"""Estimates of the image track: distances between sets of features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from benchmarks.contestants import BILATERAL
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row
from benchmarks.results.comparisons import (
    Evaluation,
    Measured,
    RowScores,
    compared_rows,
    comparison_of,
)
from benchmarks.results.schema import Comparison, Judge
from benchmarks.results.verdicts import Interval, MetricInfo
from benchmarks.tracks.images.data import CLASSES
from benchmarks.tracks.parts import Scored
from metrics.extractors import Extractor
from metrics.image import GaussianFit, covered, frechet_distance
from metrics.image_statistics import (
    KernelReference,
    frechet_difference,
    frechet_interval,
    kernel_interval,
    swap_p,
)
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

    Args:
        experiment: the experiment, with margins, reference and seeds.
        extractor: the network that the features are from.
        features: features of each row that has samples, ``(N, D)``.
        sets: the features that rows are compared with.
        records: one record for each file of samples.
    """

    def __init__(
        self,
        experiment: Experiment,
        extractor: Extractor,
        features: dict[Row, Tensor],
        sets: FeatureSets,
        records: list[dict[str, Any]],
    ) -> None:
        self.records = records
        self._experiment = experiment
        self._extractor = extractor
        self._features = features
        self._sets = sets

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
    def _shared(self) -> tuple[int, int]:
        """The number of noise seeds, and of images per seed, that all rows have."""
        return min(row.seeds for row in self._features), min(row.items for row in self._features)

    @cached_property
    def _common(self) -> int:
        """The number of images that all rows have."""
        return math.prod(self._shared)

    @cached_property
    def _covered(self) -> int:
        """The number of images on each side that precision and recall use."""
        return min(self._common, len(self._sets.reference))

    def _images(self, row: Row, seeds: int, items: int) -> Tensor:
        """Features of a row's first images of its first seeds.

        Those places in other rows have images from the same noise.
        """
        every: Tensor = self._features[row].unflatten(0, (row.seeds, row.items))
        return every[:seeds, :items].flatten(0, 1)

    def evaluate(self) -> Evaluation:
        """Estimate distances with intervals, and compare equal numbers of paired images."""
        if not self._features:
            return Evaluation({}, {}, [], [], judge=self._judge())
        other, margin = self._sets.other, self._experiment.margins["fd"]
        counts = sorted({min(len(found), len(other)) for found in self._features.values()})
        return Evaluation(
            metrics=self._metric_infos(),
            rows={row.key: self._row(row) for row in self._features},
            comparisons=[
                self._comparison(row, against, margin)
                for row, against in compared_rows(
                    list(self._features), self._experiment.reference, BILATERAL
                )
            ],
            test_items=[],
            floors={
                str(count): self._metrics(other[:count], other[: self._common]) for count in counts
            },
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
        features = self._features[row]
        metrics = self._metrics(features, self._images(row, *self._shared))
        mine = [r["classes"] for r in self.records if r["row"] == row.key]
        known = None not in mine
        classes = [sum(counts) for counts in zip(*mine, strict=True)] if known else None
        return RowScores(metrics, {name: len(features) for name in metrics}, classes)

    def _metrics(self, features: Tensor, common: Tensor) -> dict[str, Interval]:
        """All metrics of a set of images against the reference.

        Args:
            features: features of all images of the set, ``(N, D)``.
            common: features of the number of images that all rows have.
        """
        seed, resamples = self._experiment.seed, self._experiment.image.resamples
        near = common[: self._covered]
        reference = self._sets.reference[: self._covered]
        whole = frechet_interval(features, self._reference, seed, resamples)
        at_common = (
            whole
            if len(common) == len(features)
            else frechet_interval(common, self._reference, seed, resamples)
        )
        kernel = kernel_interval(
            features[:KERNEL_IMAGES], self._kernel_reference, seed, KERNEL_RESAMPLES
        )
        estimates = {
            "fd": whole,
            "fd_common": at_common,
            "kd": _times(kernel, self._scale),
            "precision": mean_interval(covered(near, reference).double().numpy(), seed, resamples),
            "recall": mean_interval(covered(reference, near).double().numpy(), seed, resamples),
        }
        return {name: Interval.of(estimate) for name, estimate in estimates.items()}

    def _comparison(self, row: Row, against: Row, relative: float) -> Comparison:
        seed, resamples = self._experiment.seed, self._experiment.image.resamples
        seeds, items = min(row.seeds, against.seeds), min(row.items, against.items)
        a, b = (self._images(r, seeds, items) for r in (row, against))
        difference = frechet_difference(a, b, self._reference, seed, resamples)
        p = swap_p(a, b, self._reference, seed, resamples)
        theirs = frechet_distance(GaussianFit.of(b), self._reference)
        margin = relative * theirs
        found = Measured("fd", difference, p, margin, items=len(a))
        return comparison_of(row, against, found)

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
    return Estimate(
        estimate.value * factor, estimate.low * factor, estimate.high * factor, estimate.n
    )
