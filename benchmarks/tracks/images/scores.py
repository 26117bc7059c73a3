"""Scores of the image track: features of every sample, then distances between sets of them."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bddm_ref.files import sha256_of, write_atomically
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
from benchmarks.results.schema import Comparison, Judge
from benchmarks.results.verdicts import Interval, MetricInfo
from benchmarks.runtime.samples import read_samples
from benchmarks.runtime.workspace import StageFolder, Workspace
from benchmarks.tracks.base import Scored
from metrics.extractors import ClassifierExtractor, Extractor, extract
from metrics.image import GaussianFit, covered, frechet_distance
from metrics.image_statistics import (
    KernelReference,
    frechet_difference,
    frechet_interval,
    kernel_interval,
    swap_p,
)
from metrics.statistics import Estimate, mean_interval

if TYPE_CHECKING:
    from benchmarks.tracks.images.track import ImageTrack

VERSION = 1  # raised when a change here changes the scores that come out
FEATURES = "features.safetensors"
KID_SCALE = 1_000  # KID is printed in thousandths, as is the custom
KERNEL_RESAMPLES = 200
KERNEL_IMAGES = 10_000  # at most, of samples and reference: pairs grow with the square
CLASSES = 10  # of both data sets with labels
ORDER_SEED = 0  # of the draw of images for the floor


@dataclass(frozen=True)
class FeatureSets:
    """What rows are compared with."""

    reference: Tensor  # (M, D)
    other: Tensor  # (M', D), of images of the other split, for the floor
    test_classes: Tensor | None = None  # how the classifier sees the test images
    accuracy: float | None = None  # share of them that it sees right


class ImageScores(Scored):
    """Features of every row.

    ``records`` are ``{row, seed, images, classes, samples_sha256, features_sha256}``: the features
    themselves stay in the workspace.

    Args:
        experiment: margins, reference and seeds.
        extractor: whose features they are.
        features: of each row that has samples, ``(N, D)``.
        sets: what they are compared with.
        records: one for each file of samples.
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
        """Noise seeds, and images of each, that all rows have."""
        return min(row.seeds for row in self._features), min(row.items for row in self._features)

    @cached_property
    def _common(self) -> int:
        """The number of images that all rows have."""
        return math.prod(self._shared)

    @cached_property
    def _covered(self) -> int:
        """The number of images of each side that precision and recall are of."""
        return min(self._common, len(self._sets.reference))

    def _images(self, row: Row, seeds: int, items: int) -> Tensor:
        """Features of a row's first images of its first seeds: other rows' from the same noise."""
        every: Tensor = self._features[row].unflatten(0, (row.seeds, row.items))
        return every[:seeds, :items].flatten(0, 1)

    def evaluate(self) -> Evaluation:
        """Distances with bootstrap intervals, and paired comparisons at equal numbers of images."""
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
        """All metrics of a set of images, and of so many as all have, against the reference."""
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
            test_classes=None if classes is None else _counts(classes),
        )


def score_images(
    track: ImageTrack, workspace: Workspace, sampled: Sequence[Sampled]
) -> ImageScores:
    """Features of every file of samples; computed now or found in the workspace."""
    jobs = [(one, seed, file) for one in sampled for seed, file in enumerate(one.files)]
    extractor, judge = track.extractor, track.judge_sha256
    folders = [_folder(workspace, judge, {"samples": sha256_of(file)}) for _, _, file in jobs]
    with track.progress.task("score images", len(jobs) + 1) as advance:
        for folder, (_, _, file) in zip(folders, jobs, strict=True):
            if not folder.is_finished():
                _keep(folder, extractor, read_samples(file))
            advance(1)
        largest = max(one.row.items * one.row.seeds for one in sampled)
        sets = _feature_sets(track, workspace, largest)
        advance(1)
    records, parts = [], dict[Row, list[Tensor]]()
    for folder, (one, seed, file) in zip(folders, jobs, strict=True):
        found = load_file(folder.path / FEATURES)
        parts.setdefault(one.row, []).append(found["features"])
        records.append(
            {
                "row": one.row.key,
                "seed": track.experiment.seed + seed,
                "images": len(found["features"]),
                "classes": _counts(found["classes"]) if "classes" in found else None,
                "samples_sha256": sha256_of(file),
                "features_sha256": sha256_of(folder.path / FEATURES),
            }
        )
    features = {row: torch.cat(found) for row, found in parts.items()}
    return ImageScores(track.experiment, extractor, features, sets, records)


def _feature_sets(track: ImageTrack, workspace: Workspace, largest: int) -> FeatureSets:
    """Features of the images that samples are compared with, and of ``largest`` for the floor."""
    reference = track.experiment.image.reference
    other = "train" if reference == "test" else "test"
    found = {
        reference: _split(track, workspace, reference, None),
        other: _split(track, workspace, other, largest),
    }
    sets = FeatureSets(found[reference]["features"], found[other]["features"])
    labels = track.data.split("test", "score", track.progress).labels
    classes = found["test"].get("classes") if reference == "test" else None
    if classes is None or labels is None:
        return sets
    accuracy = float((classes == labels).double().mean())
    return dataclasses.replace(sets, test_classes=classes, accuracy=accuracy)


def _split(
    track: ImageTrack, workspace: Workspace, split: str, count: int | None
) -> dict[str, Tensor]:
    """Features of a split of the data, or of so many of its images, drawn at random."""
    inputs = {"data": track.data.sha256, "split": split, "count": count}
    folder = _folder(workspace, track.judge_sha256, inputs)
    if not folder.is_finished():
        pixels = track.data.split(split, "score", track.progress).pixels
        if count is not None:
            order = torch.Generator().manual_seed(ORDER_SEED)
            pixels = pixels[torch.randperm(len(pixels), generator=order)[:count]]
        _keep(folder, track.extractor, pixels)
    return load_file(folder.path / FEATURES)


def _folder(workspace: Workspace, judge: str, inputs: dict[str, Any]) -> StageFolder:
    return workspace.stage("score", {"version": VERSION, "judge": judge} | inputs)


def _keep(folder: StageFolder, extractor: Extractor, pixels: Tensor) -> None:
    began = time.monotonic()
    tensors = {"features": extract(extractor, pixels).contiguous()}
    if isinstance(extractor, ClassifierExtractor):
        tensors["classes"] = extractor.classes(pixels).contiguous()
    file = folder.path / FEATURES
    write_atomically(file, lambda path: save_file(tensors, path))
    folder.finish([file], time.monotonic() - began)


def _counts(classes: Tensor) -> list[int]:
    counts: list[int] = torch.bincount(classes, minlength=CLASSES).tolist()
    return counts


def _times(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(
        estimate.value * factor, estimate.low * factor, estimate.high * factor, estimate.n
    )
