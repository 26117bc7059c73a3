"""The contract of per-item metrics: a score that may fail.

A clip without a score is NaN with a reason. The mean leaves it out; ``n_total`` counts it, and
``n_scored`` does not. Averages alone would hide such failures.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


class ItemMetric:
    """A metric of single items. :class:`metrics.modular.ItemScores` is its torchmetrics class.

    A subclass states the attributes below and `score`.
    """

    name: ClassVar[str]  # key in results; names the protocol
    title: ClassVar[str]  # head of its column in tables
    digits: ClassVar[int]  # decimals worth printing
    unit: ClassVar[str] = ""
    lowest: ClassVar[float]  # ends of the scale; a value beyond them is a failure
    highest: ClassVar[float]
    slack: ClassVar[float] = 1e-4  # beyond both ends, for rounding
    higher_is_better: ClassVar[bool]

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Score one pair of clips, ``(L,)`` each.

        Raises:
            UnscoredError: the pair has no score.
        """
        raise NotImplementedError


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
