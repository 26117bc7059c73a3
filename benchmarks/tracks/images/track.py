"""The image track: unconditional generation, judged by distances between sets of features."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.data.images import ImageSet
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.base import Track, Trained, Work
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.enough import enough
from benchmarks.tracks.images.items import ImageItems
from benchmarks.tracks.images.judge import ImageJudge
from benchmarks.tracks.images.networks import NETWORKS, ImageNetworks
from benchmarks.tracks.images.scores import ImageScores


class ImageTrack(Track):
    """Images of one size."""

    known_networks = NETWORKS
    judge: ImageJudge

    def _assemble(self, progress: Progress, device: torch.device) -> None:
        experiment, training = self.experiment, self.training
        self.pictures = Pictures(experiment, progress)
        self.networks = ImageNetworks(experiment, training, device, self.pictures)
        self.items = ImageItems(experiment, training, device, self.pictures)
        self.judge = ImageJudge(experiment, device, self.pictures)
        self.scores = ImageScores(experiment, progress, self.pictures, self.judge)

    @property
    def data(self) -> ImageSet:
        """The images."""
        return self.pictures.images

    def check_data(self, trained: Trained) -> list[str]:
        """Compare counts of images with those that judge, floor and examples take."""
        return enough(self.experiment, self.pictures.images, self.judge.dimensions)

    def identity(self, work: Work) -> dict[str, Any]:
        """Mirroring of training images, and the network and images of the judge.

        Size and channels are in the checksum of the data. A sample is a function of its noise
        alone, so that sampling has no entries.
        """
        image = self.experiment.image
        if work == "train":
            return {"flips": image.flips}
        if work == "judge_net":
            return {"batch": image.classifier_batch, "size": image.size, "flips": image.flips}
        if work == "search":
            return {"judge": self.judge.sha256, "judge_reference": image.judge_reference}
        return {}
