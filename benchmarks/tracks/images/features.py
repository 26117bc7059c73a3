"""Features of images, computed once and kept in the workspace."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bddm_ref.files import sha256_of, write_atomically
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import Row, Sampled
from benchmarks.runtime.code.closure import Code, code_of
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.samples import read_samples
from benchmarks.runtime.workspace import StageFolder, Workspace
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.scored import FeatureSets, ScoredImages, class_counts
from metrics.extractors import ClassifierExtractor, Extractor, extract

FEATURES = "features.safetensors"
ORDER_SEED = 0  # seed of the draw of images for the floor


@dataclass(frozen=True)
class Features:
    """Features of samples and of splits of the data.

    Attributes:
        workspace: the folder where features are kept.
        extractor: the network that computes features.
        judge: checksum of the extractor's weights.
        pictures: the data.
    """

    workspace: Workspace
    extractor: Extractor
    judge: str
    pictures: Pictures

    def folder_of_samples(self, file: Path) -> StageFolder:
        """Find the folder for the features of a file of samples."""
        return self._folder({"samples": sha256_of(file)})

    def of_split(self, split: str, count: int | None) -> dict[str, Tensor]:
        """Load the features of a split, or compute them now.

        Args:
            split: ``train`` or ``test``.
            count: number of images to draw at random; None: all.

        Returns:
            ``features`` ``(N, D)``, and with a classifier ``classes`` ``(N,)``.
        """
        inputs = {"data": self.pictures.images.digest(split), "split": split, "count": count}
        folder = self._folder(inputs)
        if not folder.is_finished():
            pixels = self.pictures.scored(split).pixels
            if count is not None:
                order = torch.Generator().manual_seed(ORDER_SEED)
                pixels = pixels[torch.randperm(len(pixels), generator=order)[:count]]
            self.keep(folder, pixels)
        return load_file(folder.path / FEATURES)

    def keep(self, folder: StageFolder, pixels: Tensor) -> None:
        """Compute the features of images, uint8 ``(N, C, H, W)``, and write them to a folder."""
        began = time.monotonic()
        tensors = {"features": extract(self.extractor, pixels).contiguous()}
        if isinstance(self.extractor, ClassifierExtractor):
            tensors["classes"] = self.extractor.classes(pixels).contiguous()
        file = folder.path / FEATURES
        write_atomically(file, lambda path: save_file(tensors, path))
        folder.finish([file], time.monotonic() - began)

    def _folder(self, inputs: dict[str, Any]) -> StageFolder:
        return self.workspace.stage("score", {"judge": self.judge} | inputs, self._code)

    @cached_property
    def _code(self) -> Code:
        return code_of(extract, type(self.extractor), self.pictures.scored)


def score_images(
    experiment: Experiment, features: Features, progress: Progress, sampled: Sequence[Sampled]
) -> ScoredImages:
    """Compute the features of every file of samples, or find them in the workspace.

    Args:
        experiment: the experiment, with reference, margins and seeds.
        features: computes and keeps features.
        progress: the display of the scoring.
        sampled: the rows.
    """
    jobs = [(one, seed, file) for one in sampled for seed, file in one.by_seed.items()]
    folders = [features.folder_of_samples(file) for _, _, file in jobs]
    with progress.task("score images", len(jobs) + 1) as advance:
        for folder, (_, _, file) in zip(folders, jobs, strict=True):
            if not folder.is_finished():
                features.keep(folder, read_samples(file))
            advance(1)
        largest = max(one.row.items * one.row.seeds for one in sampled)
        sets = _feature_sets(features, experiment.image.reference, largest)
        advance(1)
    records, by_row = [], dict[Row, dict[int, Tensor]]()
    for folder, (one, seed, file) in zip(folders, jobs, strict=True):
        found = load_file(folder.path / FEATURES)
        by_row.setdefault(one.row, {})[seed] = found["features"]
        records.append(
            {
                "row": one.row.key,
                "seed": experiment.seed + seed,
                "images": len(found["features"]),
                "classes": class_counts(found["classes"]) if "classes" in found else None,
                "samples_sha256": sha256_of(file),
                "features_sha256": sha256_of(folder.path / FEATURES),
            }
        )
    return ScoredImages(experiment, features.extractor, by_row, sets, records)


def _feature_sets(features: Features, reference: str, largest: int) -> FeatureSets:
    """Features of the reference split, and of ``largest`` images of the other for the floor."""
    other = "train" if reference == "test" else "test"
    found = {
        reference: features.of_split(reference, None),
        other: features.of_split(other, largest),
    }
    sets = FeatureSets(found[reference]["features"], found[other]["features"])
    labels = features.pictures.scored("test").labels
    classes = found["test"].get("classes") if reference == "test" else None
    if classes is None or labels is None:
        return sets
    accuracy = float((classes == labels).double().mean())
    return dataclasses.replace(sets, test_classes=classes, accuracy=accuracy)
