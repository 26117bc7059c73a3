"""One score network for data of another amplitude.

A variance-preserving process on s x is the process on x with its signal-to-noise ratio multiplied
by s^2: x_t / sqrt(delta) = (alpha / sqrt(delta)) x + eps determines eps in both processes. A
network trained on ``factor`` times the data therefore serves a process on the data. Not from the
papers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at


class RescaledScoreNet(Levelled, nn.Module):
    """eps_theta of a process on x, from a network trained on processes on ``factor`` x.

    Args:
        score_net: ``score_net(x, alpha, condition) -> eps``.
        factor: amplitude of the network's data over that of the process' data, positive.

    Raises:
        ValueError: the factor is not positive.
    """

    def __init__(self, score_net: nn.Module, factor: float) -> None:
        super().__init__()
        if not factor > 0:
            raise ValueError(f"an amplitude factor must be positive, not {factor}")
        self.score_net = score_net
        self.factor = factor

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Compute the scale of x for the network, and embed the network's own levels."""
        alpha = alpha.to(torch.float64)
        delta = (1 - alpha) * (1 + alpha)
        # Equal SNR: alpha'^2 / delta' = alpha^2 / (factor^2 delta), with alpha'^2 + delta' = 1.
        delta_net = 1 / (1 + alpha.square() / (self.factor**2 * delta))
        scale = torch.sqrt(delta_net / delta)
        return scale, *embed_levels(self.score_net, torch.sqrt(1 - delta_net))

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """Predict the noise ``(B, ...)`` of the unscaled process."""
        scale, *inner = embedded
        scaled = x * scale.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        return evaluate_at(self.score_net, scaled, tuple(inner), condition)
