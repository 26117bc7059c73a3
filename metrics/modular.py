"""The metrics as torchmetrics classes, which collect items and merge over processes.

Importing torchmetrics takes seconds, so that no other module of this package does it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from metrics.extractors import Extractor, checked_images
from metrics.image import (
    GaussianFit,
    checked_features,
    frechet_distance,
    kernel_distance,
    refuse_too_few,
)
from metrics.items import REASONS, Failure, ItemMetric, ItemScore, score_item


class ItemScores(Metric):
    """The score of every item by one metric.

    ``compute`` returns the mean over the scored items, NaN if there are none. Under
    ``torch.distributed`` it gathers the items of all processes.

    Args:
        metric: one of ``SPEECH_METRICS`` or ``MOS_METRICS``, or another subclass of `ItemMetric`.
        sample_rate: sample rate of the clips, Hz.
        **kwargs: torchmetrics' own settings.
    """

    is_differentiable = False
    full_state_update = False

    values: list[Tensor]
    failures: list[Tensor]

    def __init__(self, metric: type[ItemMetric], sample_rate: int = 16_000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metric = metric
        self.sample_rate = sample_rate
        self.add_state("values", default=[], dist_reduce_fx="cat")
        self.add_state("failures", default=[], dist_reduce_fx="cat")

    @property
    def higher_is_better(self) -> bool:  # type: ignore[override]
        """Whether a larger mean is better."""
        return self.metric.higher_is_better

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Score a batch, item by item.

        Args:
            preds: scored clips, ``(B, L)`` or ``(L,)``.
            target: references, same shape.

        Raises:
            ValueError: the shapes differ, or the metric is not defined at this sample rate.
        """
        if preds.shape != target.shape or preds.ndim not in (1, 2):
            raise ValueError(
                f"{self.metric.name} wants (B, L) or (L,), alike for both: "
                f"{tuple(preds.shape)} and {tuple(target.shape)}"
            )
        pairs = zip(_rows(preds), _rows(target), strict=True)
        scores = [score_item(self.metric, *pair, self.sample_rate) for pair in pairs]
        values = [score.value for score in scores]
        failures = [REASONS.index(score.reason) for score in scores]
        self.values.append(torch.tensor(values, dtype=torch.float64, device=self.device))
        self.failures.append(torch.tensor(failures, dtype=torch.int64, device=self.device))

    def compute(self) -> Tensor:
        """Mean over the scored items, float64; NaN if there are none."""
        return _joined(self.values).nanmean()

    def item_scores(self) -> list[ItemScore]:
        """List this process' item scores, in the order of the updates."""
        values, failures = _joined(self.values).tolist(), _joined(self.failures).tolist()
        return [
            ItemScore(value, REASONS[int(failure)])
            for value, failure in zip(values, failures, strict=True)
        ]

    @property
    def n_total(self) -> int:
        """Number of items that this process has seen."""
        return len(_joined(self.values))

    @property
    def n_scored(self) -> int:
        """Number of items that this process has seen and scored."""
        return int((_joined(self.failures) == Failure.NONE).sum())


class FrechetDistance(Metric):
    """The Fréchet distance, in constant memory, merged over processes.

    Args:
        extractor: extracts features; None if ``update`` takes features.
        dimensions: D; needed without an extractor.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False

    def __init__(
        self, extractor: Extractor | None = None, dimensions: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        size = extractor.dimensions if extractor is not None else dimensions
        if size is None:
            raise ValueError("give an extractor, or the number of dimensions of the features")
        self.extractor = extractor
        self.size = size
        for side in ("real", "made"):
            for name, shape in (("count", ()), ("sum", (size,)), ("products", (size, size))):
                zero = torch.zeros(shape, dtype=torch.float64)
                self.add_state(f"{side}_{name}", default=zero, dist_reduce_fx="sum")

    def update(self, images: Tensor, real: bool) -> None:
        """Add images, uint8 ``(N, C, H, W)``, or features ``(N, D)`` without an extractor.

        Raises:
            ValueError: the images are not uint8, the features have another dimension, or a value is
                not finite.
        """
        features = _features_of(images, self.extractor)
        _refuse_other(features, self.size)
        side = "real" if real else "made"
        for name, value in (
            ("count", torch.tensor(float(len(features)), dtype=torch.float64)),
            ("sum", features.sum(0)),
            ("products", features.T @ features),
        ):
            state = getattr(self, f"{side}_{name}")
            setattr(self, f"{side}_{name}", state + value.to(state.device))

    def compute(self) -> Tensor:
        """Compute the distance, float64.

        Raises:
            TooFewImagesError: fewer images than dimensions on either side.
        """
        return torch.tensor(
            frechet_distance(self._fit("made"), self._fit("real")), dtype=torch.float64
        )

    def _fit(self, side: str) -> GaussianFit:
        count, total, products = (
            getattr(self, f"{side}_{name}") for name in ("count", "sum", "products")
        )
        refuse_too_few(int(count), len(total))
        mean = total / count
        return GaussianFit(mean, (products - count * torch.outer(mean, mean)) / (count - 1))


class KernelDistance(Metric):
    """The kernel distance, which keeps all features.

    Args:
        extractor: extracts features; None if ``update`` takes features.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False

    real: list[Tensor]
    made: list[Tensor]

    def __init__(self, extractor: Extractor | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extractor = extractor
        self.add_state("real", default=[], dist_reduce_fx="cat")
        self.add_state("made", default=[], dist_reduce_fx="cat")

    def update(self, images: Tensor, real: bool) -> None:
        """Add images, uint8 ``(N, C, H, W)``, or features ``(N, D)`` without an extractor.

        Raises:
            ValueError: the images are not uint8, the dimension changes between updates, or a value
                is not finite.
        """
        features = _features_of(images, self.extractor)
        for before in (self.real[:1], self.made[:1]):
            if before:
                _refuse_other(features, before[0].shape[1])
        (self.real if real else self.made).append(features)

    def compute(self) -> Tensor:
        """Compute the distance, float64; NaN where a side has fewer than two images."""
        sides = [_joined(side) for side in (self.made, self.real)]
        enough = min(len(side) for side in sides) >= 2
        value = kernel_distance(*sides) if enough else math.nan
        return torch.tensor(value, dtype=torch.float64)


def _features_of(images: Tensor, extractor: Extractor | None) -> Tensor:
    found = images if extractor is None else extractor.features(checked_images(images))
    return checked_features(found)


def _refuse_other(features: Tensor, dimensions: int) -> None:
    # Features of one dimension would otherwise broadcast to all.
    if features.shape[1] != dimensions:
        raise ValueError(
            f"features of {features.shape[1]} dimensions do not fit a distance of {dimensions}"
        )


def _rows(clips: Tensor) -> NDArray[np.float64]:
    rows: NDArray[np.float64] = clips.detach().to("cpu", torch.float64).numpy()
    return rows if rows.ndim == 2 else rows[None]


def _joined(state: list[Tensor] | Tensor) -> Tensor:
    # After synchronisation torchmetrics keeps a tensor instead of a list.
    if isinstance(state, Tensor):
        return state
    return torch.cat(state) if state else torch.empty(0, dtype=torch.float64)
