"""Reduction of the step loss over the dimensions of an item."""

from __future__ import annotations

from torch import Tensor

from benchmarks.core.experiment import Reduction


def reduced(loss: Tensor, items: Tensor, reduction: Reduction) -> Tensor:
    """Turn a loss that is a mean over dimensions into the reduction that an experiment asks for.

    The released code of arXiv 2203.13508 sums over the samples of a waveform
    (``bddm/trainer/loss.py``). Both losses have the same minimum. Under the sum the clip of the
    gradient's norm, at 5 in the released recipe, acts on almost every update.

    Args:
        loss: the mean over batch and dimensions, a scalar, nats per dimension.
        items: the batch, ``(B, ...)``.
        reduction: ``mean``, or ``sum`` for nats per item.

    Returns:
        The mean over the batch, a scalar.
    """
    return loss * items[0].numel() if reduction == "sum" else loss
