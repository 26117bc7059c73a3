"""A small schedule network: sigma_phi(x) in (0, 1), one scalar per example.

All that the optimal ratio depends on is how much of x is noise (see
:func:`bddm_ref.losses.optimal_ratio`), which the power in a handful of bands tells. So: a learned
filter bank, log mean power per filter, two layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RatioNet(nn.Module):
    """sigma_phi for signals of one dimension, of any length from ``kernel`` on.

    Args:
        filters: number of learned filters.
        kernel: their length, samples; they advance by half of it.
        hidden: width of the layer between.
    """

    def __init__(self, filters: int = 64, kernel: int = 64, hidden: int = 64) -> None:
        super().__init__()
        self.filters = nn.Conv1d(1, filters, kernel, stride=max(kernel // 2, 1), bias=False)
        nn.init.orthogonal_(self.filters.weight)
        self.layers = nn.Sequential(
            nn.Linear(filters, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.last = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L) to (B,)."""
        power = self.filters(x[:, None]).square().mean(dim=-1)
        hidden = self.layers(torch.log(power + 1e-8))
        return F.sigmoid(self.last(hidden)[:, 0])
