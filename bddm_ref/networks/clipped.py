"""A score network whose clean estimate is clipped to the range of the data.

Ho et al.'s code clips the estimate of x_0 at every reverse step. Clipping it inside the score
network does the same for every kernel and schedule alike: eps is what leads from x to the clipped
estimate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ClippedScoreNet(nn.Module):
    """eps_theta with x_0 = (x - sqrt(delta) eps) / alpha clipped to [-bound, bound].

    Args:
        score_net: ``score_net(x, alpha, condition) -> eps``.
        bound: largest magnitude of the data.
    """

    def __init__(self, score_net: nn.Module, bound: float = 1.0) -> None:
        super().__init__()
        self.score_net = score_net
        self.bound = bound

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        """X ``(B, ...)``, alpha ``(B,)``; returns eps ``(B, ...)``."""
        eps = self.score_net(x, alpha, condition).to(x.dtype)
        alpha = alpha.to(torch.float64).reshape(-1, *[1] * (x.ndim - 1))
        deviation = torch.sqrt((1 - alpha) * (1 + alpha)).to(x.dtype)
        signal = alpha.to(x.dtype)
        # The part of alpha x_0 that lies outside, moved to the noise: exact where nothing does.
        clean = x - deviation * eps
        limit = self.bound * signal
        outside = clean - torch.minimum(torch.maximum(clean, -limit), limit)
        clipped: Tensor = eps + outside / deviation
        return clipped
