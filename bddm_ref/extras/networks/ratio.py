"""A small schedule network: sigma_phi(x) in (0, 1), one scalar per example.

The optimal ratio depends only on the share of noise in x (:func:`bddm_ref.losses.optimal_ratio`),
which the power in a few bands shows. The network is therefore a learned filter bank, the log mean
power of each filter, and two layers. Not from the papers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RatioNet(nn.Module):
    """Schedule network sigma_phi for one-dimensional signals of at least ``kernel`` samples.

    Args:
        filters: number of learned filters.
        kernel: length of a filter, samples; filters advance by half of it.
        hidden: width of the layers behind the filters.
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
        """Map signals ``(B, L)`` to ratios ``(B,)`` in (0, 1)."""
        power = self.filters(x[:, None]).square().mean(dim=-1)
        hidden = self.layers(torch.log(power + 1e-8))
        return F.sigmoid(self.last(hidden)[:, 0])
