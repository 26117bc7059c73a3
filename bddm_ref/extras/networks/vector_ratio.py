"""A schedule network for vectors: sigma_phi(x) in (0, 1), one scalar per example."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VectorRatioNet(nn.Module):
    """Two layers on the vector and the log of its power, which shows the noise level.

    Args:
        dimensions: D.
        hidden: width of both layers.
    """

    def __init__(self, dimensions: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dimensions + 1, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.last = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors ``(B, D)`` to ratios ``(B,)`` in (0, 1)."""
        power = torch.log(x.square().mean(dim=1, keepdim=True) + 1e-8)
        hidden = self.layers(torch.cat([x, power], dim=1))
        return torch.sigmoid(self.last(hidden)[:, 0])
