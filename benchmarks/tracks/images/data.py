"""The images of the image track, and random batches of training images."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from benchmarks.core.experiment import Experiment
from benchmarks.data.images import Images, ImageSet, open_images
from benchmarks.data.pixels import scaled
from benchmarks.runtime.progress import Progress
from benchmarks.tracks.parts import DrawItems

CLASSES = 10  # of both data sets with labels


class Pictures:
    """The images of an experiment, located when they are first asked for.

    Args:
        experiment: names the data, and gives size, channels and counts.
        progress: the display of the loading.
    """

    def __init__(self, experiment: Experiment, progress: Progress) -> None:
        self._experiment = experiment
        self._progress = progress

    @cached_property
    def images(self) -> ImageSet:
        """The whole set, located and verified."""
        image = self._experiment.image
        return open_images(self._experiment.data, image.size, image.channels, self._progress)

    @cached_property
    def train(self) -> Images:
        """The training images."""
        return self.images.split("train", "train", self._progress)

    @property
    def valid(self) -> Tensor:
        """Validation images, uint8 ``(N, C, H, W)``."""
        return self.images.split("valid", "search", self._progress).pixels

    @property
    def judge_reference(self) -> Tensor:
        """The validation images that the judge compares with, uint8 ``(N, C, H, W)``."""
        return self.valid[: self._experiment.image.judge_reference]

    def scored(self, split: str) -> Images:
        """Load a split for the scores: only they may see test images."""
        return self.images.split(split, "score", self._progress)

    def batch(self, count: int, generator: torch.Generator) -> Tensor:
        """Random training images, ``(count, C, H, W)`` in [-1, 1]; mirrored if flips are on."""
        pixels = self.train.pixels
        x_0 = scaled(pixels[torch.randint(len(pixels), (count,), generator=generator)])
        if self._experiment.image.flips:
            flipped = torch.rand(count, generator=generator) < 0.5
            x_0 = torch.where(flipped[:, None, None, None], x_0.flip(-1), x_0)
        return x_0

    def drawn(self, count: int, device: torch.device) -> DrawItems:
        """Make draws of ``count`` random training images on a device."""
        return lambda generator: self.batch(count, generator).to(device)
