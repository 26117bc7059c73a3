"""The contract of per-item metrics, on a metric whose values are known."""

import math

import numpy as np
import pytest

from metrics.items import (
    REASONS,
    Failure,
    UnscoredError,
    checked_pair,
    score_item,
)
from synthetic.offset import Offset


@pytest.mark.parametrize("target", [np.ones(7), np.ones((1, 8)), np.ones((2, 2, 2))])
def test_shapes_that_differ_are_the_callers_mistake(target: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one shape"):
        checked_pair(np.arange(8.0), target, 1)


@pytest.mark.parametrize(
    ("clip", "failure"),
    [
        (np.zeros(0), Failure.TOO_SHORT),
        (np.arange(3.0), Failure.TOO_SHORT),
        (np.full(8, 0.5), Failure.SILENT_PREDS),  # a constant is inaudible
        (np.linspace(-1e-7, 1e-7, 8), Failure.SILENT_PREDS),
        (np.array([0, 1, -math.inf, 0]), Failure.NOT_FINITE),
    ],
)
def test_what_cannot_be_scored(clip: np.ndarray, failure: Failure) -> None:
    with pytest.raises(UnscoredError) as error:
        checked_pair(clip, np.arange(1.0, len(clip) + 1), 4)
    assert error.value.failure == failure
    assert score_item(Offset, clip, np.arange(1.0, len(clip) + 1), 1).reason == REASONS[failure]


def test_every_failure_has_a_sentence() -> None:
    assert len(REASONS) == len(Failure)
    assert all(reason.endswith(".") for reason in REASONS[1:] if reason)
