"""The contract of per-item metrics, on a metric whose values are known."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from metrics.items import (
    REASONS,
    Failure,
    ItemMetric,
    ItemScore,
    UnscoredError,
    checked_pair,
    score_item,
)


class Offset(ItemMetric):
    """Mean of preds - target; infinite for an offset of 9."""

    name, lowest, highest, higher_is_better = "offset", -math.inf, math.inf, True

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        scored, clean = checked_pair(preds, target, 4)
        value = float((scored - clean).mean())
        return math.inf if value == 9.0 else value


RAMP = torch.arange(8.0)
SILENT = torch.zeros(8)
BROKEN = torch.full((8,), math.nan)


def as_pairs(scores: list[ItemScore]) -> list[tuple[float | None, str | None]]:
    """Replace NaN, which is not equal to itself, by None."""
    return [(None if math.isnan(s.value) else s.value, s.reason) for s in scores]


def scored_batch(*offsets: float) -> Offset:
    metric = Offset()
    metric.update(torch.stack([RAMP + offset for offset in offsets]), RAMP.repeat(len(offsets), 1))
    return metric


def test_compute_is_the_mean_of_the_items() -> None:
    metric = scored_batch(1.0, 4.0)
    metric.update(RAMP + 4.0, RAMP)  # (L,) is one item
    assert metric.compute() == 3.0
    assert metric.item_scores() == [ItemScore(1.0), ItemScore(4.0), ItemScore(4.0)]


def test_failed_items_have_reasons_and_stay_out_of_the_mean() -> None:
    metric = Offset()
    preds = torch.stack([RAMP + 2.0, SILENT, BROKEN, RAMP, RAMP + 9.0, RAMP + 4.0])
    target = torch.stack([RAMP, RAMP, RAMP, SILENT, RAMP, RAMP])
    metric.update(preds, target)
    failures = [0, Failure.SILENT_PREDS, Failure.NOT_FINITE, Failure.SILENT_TARGET]
    failures += [Failure.NO_VALUE, 0]
    assert metric.compute() == 3.0
    assert (metric.n_scored, metric.n_total) == (2, 6)
    assert [score.reason for score in metric.item_scores()] == [REASONS[code] for code in failures]
    assert [math.isnan(score.value) for score in metric.item_scores()] == list(map(bool, failures))


def test_no_scored_item_gives_nan() -> None:
    metric = Offset()
    metric.update(SILENT, RAMP)
    assert math.isnan(metric.compute())
    assert (metric.n_scored, metric.n_total) == (0, 1)


def test_an_unused_metric_is_nan_and_torchmetrics_says_so() -> None:
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert math.isnan(Offset().compute())
    assert Offset().item_scores() == []


def test_two_processes_merge_to_one() -> None:
    first, second, both = scored_batch(1.0, 2.0), scored_batch(9.0, 6.0), scored_batch(1, 2, 9, 6)
    second.merge_state(first)  # torchmetrics puts the incoming items first
    assert second.compute() == both.compute()
    assert as_pairs(second.item_scores()) == as_pairs(both.item_scores())


def test_gathered_states_are_tensors_and_still_readable() -> None:
    metric, both = scored_batch(1.0, 9.0), scored_batch(1.0, 9.0, 1.0, 9.0)

    def gather(state: Tensor, group: object) -> list[Tensor]:
        return [state, state]

    metric.sync(dist_sync_fn=gather, distributed_available=lambda: True)
    assert isinstance(metric.values, Tensor)
    assert as_pairs(metric.item_scores()) == as_pairs(both.item_scores())
    assert (metric.n_scored, metric.n_total) == (2, 4)


def test_forward_returns_the_batch_and_accumulates() -> None:
    metric = Offset()
    assert metric(RAMP + 1.0, RAMP) == 1.0
    assert metric(RAMP + 3.0, RAMP) == 3.0
    assert metric.compute() == 2.0
    metric.reset()
    assert metric.n_total == 0


def test_inputs_are_left_alone_in_any_dtype() -> None:
    preds, target = (RAMP + 1.0).bfloat16(), RAMP.bfloat16()
    before = preds.clone()
    metric = Offset()
    metric.update(preds, target)
    assert torch.equal(preds, before)
    assert metric.compute() == 1.0


@pytest.mark.parametrize("target", [torch.ones(7), torch.ones(1, 8), torch.ones(2, 2, 2)])
def test_shapes_that_differ_are_the_callers_mistake(target: Tensor) -> None:
    with pytest.raises(ValueError, match=r"\(B, L\) or \(L,\)|one shape"):
        Offset().update(RAMP, target)
    with pytest.raises(ValueError, match="one shape"):
        checked_pair(RAMP, target, 1)


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
