"""A judge of schedules by the Fréchet distance of a batch of images from validation images."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import SearchConfig
from benchmarks.data.pixels import pixels_of
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise
from metrics.extractors import Extractor, extract
from metrics.image import GaussianFit, frechet_distance

DIVERGED = "a sample is not finite"


class BatchJudge:
    """Score a schedule by a batch of images that it makes with the DDPM kernel.

    The score is minus the Fréchet distance of a small batch of samples from the validation images.
    The distance of a small batch is biased upward, for all schedules about alike. So the score
    ranks schedules, but is no figure to publish.

    Args:
        evaluated: the score network as the process evaluates it.
        extractor: the network whose features are compared.
        reference: fit of the validation images' features.
        shape: shape of an image, ``(C, H, W)``.
        config: the search, with the numbers of images and the seed.
        batch: images made at once.

    Attributes:
        failures: the reason of judgements that failed, with their number. A schedule whose samples
            are not finite scores NaN, and ranks below all others.
    """

    def __init__(
        self,
        evaluated: EvaluatedNet,
        extractor: Extractor,
        reference: GaussianFit,
        shape: tuple[int, ...],
        config: SearchConfig,
        batch: int,
    ) -> None:
        self.failures = Counter[str]()
        self._evaluated = evaluated
        self._extractor = extractor
        self._reference = reference
        self._shape = shape
        self._config = config
        self._batch = batch
        self._device = next(extractor.parameters()).device

    def __call__(
        self, schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        """Judge a schedule; returns (minus the distance,).

        Trials 1 and 2 are larger batches, and each trial has other noise.
        """
        config = self._config
        count = config.finalist_items if trial in (1, 2) else config.judge_items
        items = part_of(count, part, config.judge_items)  # a distance needs at least so many
        parts = []
        for first in range(0, len(items), self._batch):
            indices = items[first : first + self._batch]
            x_0 = self._samples(schedule, config.seed + trial, indices)
            if not bool(x_0.isfinite().all()):
                self.failures[DIVERGED] += 1
                return (float("nan"),)
            parts.append(pixels_of(x_0))
        features = extract(self._extractor, torch.cat(parts))
        return (-frechet_distance(GaussianFit.of(features), self._reference),)

    def _samples(self, schedule: NoiseSchedule, seed: int, indices: range) -> Tensor:
        generators = item_generators(seed, indices)
        x_N = start_noise(generators, self._shape, self._device)
        return sample(self._evaluated, schedule, KERNELS["ddpm"], x_N, None, generators)
