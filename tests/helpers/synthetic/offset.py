"""A metric of items whose values are known."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from metrics.items import ItemMetric, checked_pair


class Offset(ItemMetric):
    """Mean of preds - target; infinite for an offset of 9."""

    name, lowest, highest, higher_is_better = "offset", -math.inf, math.inf, True

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Give the mean difference."""
        scored, clean = checked_pair(preds, target, 4)
        value = float((scored - clean).mean())
        return math.inf if value == 9.0 else value
