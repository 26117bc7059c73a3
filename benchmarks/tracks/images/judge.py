"""The judge part of the image track: features of a classifier or of Inception."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from bddm_ref.checkpoint import load_weights
from bddm_ref.files import sha256_of
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Convention, Experiment, SearchConfig
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.images.batch_judge import BatchJudge
from benchmarks.tracks.images.classifier import classifier_loss, untrained_classifier
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.enough import enough
from benchmarks.tracks.parts import Judge, JudgeNet
from metrics.extractors import (
    ClassifierExtractor,
    Extractor,
    ImageClassifier,
    InceptionExtractor,
    extract,
)
from metrics.image import GaussianFit

AS_GOOD = 0.05  # share of the judge's distance

PUBLISHED = {  # SHA-256 of weights to the name that published results give their distance
    "fdc1d767b1e08be1100b0ba8f9687b99145218d8d7bb1f6b18a1caf78f91e11c": "fmnist",
}
SHOWN = 8  # digits of a checksum in a name


class ImageJudge(Judge):
    """The network whose features are compared, in searches and in scores.

    Args:
        experiment: the experiment, which names the network.
        device: the device that networks run on.
        pictures: the data.
    """

    def __init__(self, experiment: Experiment, device: torch.device, pictures: Pictures) -> None:
        self._experiment = experiment
        self._device = device
        self._pictures = pictures

    @property
    def _is_inception(self) -> bool:
        return self._experiment.image.extractor == "inception"

    @property
    def dimensions(self) -> int:
        """Number of feature dimensions, which a set of images must reach."""
        kind = InceptionExtractor if self._is_inception else ClassifierExtractor
        return kind.dimensions

    def refuse_impossible(self) -> None:
        """Refuse a missing Inception file, and sets of images that are too small.

        Raises:
            ExperimentError: the file is missing, or a set has fewer images than feature dimensions.
        """
        if self._is_inception:
            _ = self.extractor  # its message says which file is missing
        enough(self._experiment, self._pictures.images, self.dimensions)

    @property
    def net(self) -> JudgeNet | None:
        """The classifier whose features are compared; None with Inception."""
        if self._is_inception:
            return None
        image = self._experiment.image
        return JudgeNet(
            name="image classifier",
            weights=image.extractor_weights,
            build=self._untrained,
            batch_loss=lambda net: classifier_loss(net, self._pictures, image, self._device),
            training=image.classifier_training,
        )

    def _untrained(self) -> ImageClassifier:
        seed = self._experiment.image.classifier_training.seed
        return untrained_classifier(self._pictures.images.shape[0], seed)

    @cached_property
    def extractor(self) -> Extractor:
        """The network whose features are compared, with its weights, on the device.

        Raises:
            ExperimentError: Inception's package or file is missing, or the file is another one.
        """
        if self._is_inception:
            try:
                weights = self._experiment.image.extractor_weights
                return InceptionExtractor(weights).to(self._device)
            except ValueError as error:
                raise ExperimentError(str(error)) from error
        assert self.weights is not None
        classifier = self._untrained()
        load_weights(classifier, self.weights)
        name = PUBLISHED.get(self.sha256, f"classifier-{self.sha256[:SHOWN]}")
        return ClassifierExtractor(name, classifier).to(self._device).eval()

    @cached_property
    def sha256(self) -> str:
        """Checksum of the extractor's weights."""
        return sha256_of(self.weights or Path(self._experiment.image.extractor_weights or ""))

    def problem(
        self,
        score_net: nn.Module,
        evaluated: EvaluatedNet,
        convention: Convention,
        config: SearchConfig,
    ) -> SearchProblem:
        """Judge by the Fréchet distance of small batches of samples from validation images."""
        shape = self._pictures.images.shape
        features = extract(self.extractor, self._pictures.judge_reference)
        reference = GaussianFit.of(features)
        batch = self._experiment.batch_items
        judge = BatchJudge(evaluated, self.extractor, reference, shape, config, batch)
        title = f"minus {self.extractor.distance_title}"
        return SearchProblem(judge, shape, None, (title,), judge.failures, share_of)


def share_of(quality: float) -> float:
    """The part of a distance that still counts as good, from minus the distance."""
    return AS_GOOD * abs(quality)
