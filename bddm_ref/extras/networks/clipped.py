"""A score network whose clean estimate is clipped to the range of the data.

Ho et al.'s code clips the estimate of x_0 at every reverse step. Clipping it inside the score
network does the same for every kernel and schedule alike: eps is what leads from x to the clipped
estimate.
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
        """The levels, and what the network makes of them."""
        return alpha, *embed_levels(self.score_net, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """See :class:`bddm_ref.levels.Levelled`."""
        alpha, *inner = embedded
        eps = evaluate_at(self.score_net, x, tuple(inner), condition).to(x.dtype)
        alpha = alpha.to(torch.float64).reshape(-1, *[1] * (x.ndim - 1))
        deviation = torch.sqrt((1 - alpha) * (1 + alpha)).to(x.dtype)
        signal = alpha.to(x.dtype)
        # The part of alpha x_0 that lies outside, moved to the noise: exact where nothing does.
        clean = x - deviation * eps
        limit = self.bound * signal
        outside = clean - torch.minimum(torch.maximum(clean, -limit), limit)
        clipped: Tensor = eps + outside / deviation
        return clipped
