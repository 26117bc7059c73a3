"""Items of the image track: images in [-1, 1] for the process, pixels for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.extras.gaussian import Distance, Spectrum, wasserstein
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.data.pixels import pixels_of, scaled
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.parts import DrawItems, Items, refuse_amplitudes, refuse_diverged


class ImageItems(Items):
    """Images of one size, without a condition.

    Args:
        experiment: the experiment, with batch size and counts.
        training: the training schedule.
        device: the device that networks run on.
        pictures: the data.
    """

    def __init__(
        self,
        experiment: Experiment,
        training: NoiseSchedule,
        device: torch.device,
        pictures: Pictures,
    ) -> None:
        self._experiment = experiment
        self._training = training
        self._device = device
        self._pictures = pictures

    def refuse_impossible(self) -> None:
        """Refuse conventions with an amplitude.

        Raises:
            ExperimentError: a convention has another amplitude than 1.
        """
        refuse_amplitudes(self._experiment, "images")

    def shape(self, convention: Convention) -> tuple[int, ...]:
        """Channels, height and width, ``(C, H, W)``."""
        return self._pictures.images.shape

    def drawn(self, convention: Convention) -> DrawItems:
        """Make draws of random training images."""
        return self._pictures.drawn(self._experiment.schedule_net.batch_size, self._device)

    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """Validation images, ``(B, C, H, W)``, as many as the judge uses for a finalist."""
        pixels = self._pictures.valid[: self._experiment.search.finalist_items]
        return scaled(pixels).to(self._device), None

    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """Give None: images have no condition."""
        return None

    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Turn images in [-1, 1] into pixels, uint8.

        Raises:
            DivergedError: an image is not finite; as pixels it would be a black one.
        """
        refuse_diverged(x_0)
        return pixels_of(x_0)

    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Variances of the principal components of validation images."""
        items = scaled(self._pictures.judge_reference).flatten(1)
        return Spectrum.of_items(items, float(self._training.deltas[0])), wasserstein
