"""The contract of per-item metrics: a score that may fail, and a torchmetrics class that keeps it.

A clip without a score is NaN with a reason. The mean leaves it out; ``n_total`` counts it, and
``n_scored`` does not. Averages alone would hide such failures.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchmetrics import Metric

Clip = NDArray[np.float64]
SILENCE = 1e-7
"""A clip with no sample of larger magnitude (full scale = 1) counts as silent: -140 dB."""


class Failure(IntEnum):
    """The reason why an item has no score, as an integer that processes can gather."""

    NONE = 0
    NOT_FINITE = 1
    TOO_SHORT = 2
    SILENT_PREDS = 3
    SILENT_TARGET = 4
    FEW_FRAMES = 5
    NO_UTTERANCE = 6
    NO_VALUE = 7
    TOO_LONG = 8
    MANY_UTTERANCES = 9
    OFF_SCALE = 10
    LIBRARY_ERROR = 11


REASONS: tuple[str | None, ...] = (
    None,
    "A sample is NaN or infinite.",
    "The clip is too short for this metric.",
    "The scored clip is silent.",
    "The reference clip is silent.",
    "Fewer than 30 frames are left after the silent frames were removed.",
    "PESQ detected no utterance.",
    "The metric gave no finite value.",
    "The clip is too long for this metric.",
    "The reference may hold more than 49 utterances, the most that PESQ takes safely.",
    "The metric gave a value outside its scale.",
    "The metric's library raised an error.",
)
"""One sentence for each `Failure`, in its order."""


class UnscoredError(Exception):
    """The item cannot be scored, for the reason ``failure``."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(REASONS[failure])
        self.failure = failure


@dataclass(frozen=True)
class ItemScore:
    """Score of one item; NaN exactly if there is a reason."""

    value: float  # in the metric's unit
    reason: str | None = None  # one sentence


@contextlib.contextmanager
def library_call(known: Mapping[type[Exception], Failure]) -> Iterator[None]:
    """Turn an error that a metric's library raises into a failure of the clip.

    Args:
        known: kinds of errors, the first that fits decides; others are ``LIBRARY_ERROR``.

    Raises:
        UnscoredError: the library raised any error but a lack of memory.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        fitting = (failure for kind, failure in known.items() if isinstance(error, kind))
        raise UnscoredError(next(fitting, Failure.LIBRARY_ERROR)) from error


def checked_pair(preds: ArrayLike, target: ArrayLike, shortest: int) -> tuple[Clip, Clip]:
    """Check two clips and convert them to float64.

    Args:
        preds: the scored clip, ``(L,)``.
        target: the reference, ``(L,)``.
        shortest: fewest samples that the metric can score.

    Raises:
        ValueError: the shapes differ or are not ``(L,)``: a mistake of the caller.
        UnscoredError: a sample is not finite, or a clip is too short or silent.
    """
    preds, target = np.asarray(preds, np.float64), np.asarray(target, np.float64)
    if preds.shape != target.shape or preds.ndim != 1:
        raise ValueError(f"expected two clips of one shape (L,): {preds.shape} and {target.shape}")
    if not (np.isfinite(preds).all() and np.isfinite(target).all()):
        raise UnscoredError(Failure.NOT_FINITE)
    if len(preds) < shortest:
        raise UnscoredError(Failure.TOO_SHORT)
    for clip, failure in ((preds, Failure.SILENT_PREDS), (target, Failure.SILENT_TARGET)):
        if np.abs(clip).max() <= SILENCE or np.ptp(clip) == 0.0:
            raise UnscoredError(failure)
    return preds, target


def checked_clip(preds: ArrayLike, shortest: int) -> Clip:
    """Check a clip that has no reference, and convert it to float64.

    Args:
        preds: the scored clip, ``(L,)``.
        shortest: fewest samples that the metric can score.

    Raises:
        ValueError: the shape is not ``(L,)``: a mistake of the caller.
        UnscoredError: a sample is not finite, or the clip is too short or silent.
    """
    preds = np.asarray(preds, np.float64)
    if preds.ndim != 1:
        raise ValueError(f"expected a clip of shape (L,): {preds.shape}")
    return checked_pair(preds, preds, shortest)[0]


class ItemMetric(Metric):
    """A torchmetrics metric of single items that keeps every item's score.

    A subclass states the attributes below and `score`. ``compute`` returns the mean over the scored
    items, NaN if there are none. Under ``torch.distributed`` it gathers the items of all processes.

    Args:
        sample_rate: sample rate of the clips, Hz.
        **kwargs: torchmetrics' own settings.
    """

    name: ClassVar[str]  # key in results; names the protocol
    title: ClassVar[str]  # head of its column in tables
    digits: ClassVar[int]  # decimals worth printing
    unit: ClassVar[str] = ""
    lowest: ClassVar[float]  # ends of the scale; a value beyond them is a failure
    highest: ClassVar[float]
    slack: ClassVar[float] = 1e-4  # beyond both ends, for rounding
    higher_is_better: bool
    is_differentiable: bool = False
    full_state_update: bool = False

    values: list[Tensor]
    failures: list[Tensor]

    def __init__(self, sample_rate: int = 16_000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sample_rate = sample_rate
        self.add_state("values", default=[], dist_reduce_fx="cat")
        self.add_state("failures", default=[], dist_reduce_fx="cat")

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Score one pair of clips, ``(L,)`` each.

        Raises:
            UnscoredError: the pair has no score.
        """
        raise NotImplementedError

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
                f"{self.name} wants (B, L) or (L,), alike for both: "
                f"{tuple(preds.shape)} and {tuple(target.shape)}"
            )
        pairs = zip(_rows(preds), _rows(target), strict=True)
        outcomes = [_attempt(type(self), *pair, self.sample_rate) for pair in pairs]
        values = [value for value, _ in outcomes]
        failures = [failure for _, failure in outcomes]
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


def _attempt(
    metric: type[ItemMetric], preds: ArrayLike, target: ArrayLike, sample_rate: int
) -> tuple[float, Failure]:
    """Score one pair: a value and ``Failure.NONE``, or NaN and the failure.

    Raises:
        ValueError: a mistake of the caller, as in `checked_pair`.
    """
    try:
        value = metric.score(preds, target, sample_rate)
    except UnscoredError as failed:
        return math.nan, failed.failure
    if not math.isfinite(value):
        return math.nan, Failure.NO_VALUE
    if not metric.lowest - metric.slack <= value <= metric.highest + metric.slack:
        return math.nan, Failure.OFF_SCALE
    return value, Failure.NONE


def score_item(
    metric: type[ItemMetric], preds: ArrayLike, target: ArrayLike, sample_rate: int
) -> ItemScore:
    """Score one pair of clips, ``(L,)`` each, without an object of the metric's class.

    A pair that cannot be scored gives NaN with a reason.

    Raises:
        ValueError: a mistake of the caller, as in `checked_pair`.
    """
    scored, clean = np.asarray(preds, np.float64), np.asarray(target, np.float64)
    value, failure = _attempt(metric, scored, clean, sample_rate)
    return ItemScore(value, REASONS[failure])


def _rows(clips: Tensor) -> Clip:
    rows: Clip = clips.detach().to("cpu", torch.float64).numpy()
    return rows if rows.ndim == 2 else rows[None]


def _joined(state: list[Tensor] | Tensor) -> Tensor:
    # torchmetrics leaves a tensor instead of a list behind once it has synchronised.
    if isinstance(state, Tensor):
        return state
    return torch.cat(state) if state else torch.empty(0, dtype=torch.float64)
