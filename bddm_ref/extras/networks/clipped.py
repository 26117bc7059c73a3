"""A score network whose clean estimate is clipped to the range of the data.

The code of Ho et al. 2020 clips the estimate of x_0 at every reverse step. Clipping inside the
score network has this effect for every kernel and schedule: the network returns the eps that leads
from x to the clipped estimate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at


class ClippedScoreNet(Levelled, nn.Module):
    """eps_theta with x_0 = (x - sqrt(delta) eps) / alpha clipped to [-bound, bound].

    Args:
        score_net: ``score_net(x, alpha, condition) -> eps``.
        bound: largest magnitude of the data.
    """

    def __init__(self, score_net: nn.Module, bound: float = 1.0) -> None:
        super().__init__()
        self.score_net = score_net
        self.bound = bound

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Embed the levels, and keep them for the clipping."""
        return alpha, *embed_levels(self.score_net, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """Predict the noise that leads to the clipped estimate ``(B, ...)``."""
        alpha, *inner = embedded
        eps = evaluate_at(self.score_net, x, tuple(inner), condition).to(x.dtype)
        alpha = alpha.to(torch.float64).reshape(-1, *[1] * (x.ndim - 1))
        deviation = torch.sqrt((1 - alpha) * (1 + alpha)).to(x.dtype)
        signal = alpha.to(x.dtype)
        # Move the part of alpha x_0 outside the bound to the noise. Inside, eps stays unchanged.
        clean = x - deviation * eps
        limit = self.bound * signal
        outside = clean - torch.minimum(torch.maximum(clean, -limit), limit)
        clipped: Tensor = eps + outside / deviation
        return clipped
