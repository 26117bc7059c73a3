"""Observation of a sampler: the clean estimate of every network evaluation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bddm_ref.levels import Embedded, Levelled


class WatchedNet(Levelled):
    """A score network that keeps the clean estimate of each evaluation.

    The estimate solves x_t = alpha x_0 + sqrt(delta) eps for x_0, with the predicted eps.

    Args:
        score_net: the score network as the sampler evaluates it.

    Attributes:
        estimates: x_0 of each evaluation, ``(B, ...)``, in the order of the evaluations.
    """

    def __init__(self, score_net: Levelled) -> None:
        self._score_net = score_net
        self.estimates: list[Tensor] = []

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        """Predict eps at levels ``(B,)``."""
        return self.forward(x, alpha, condition)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Embed levels ``(N,)``, and keep them for the estimates."""
        return alpha, *self._score_net.embed_levels(alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """Predict eps, and keep the clean estimate."""
        alpha, *inner = embedded
        eps = self._score_net.evaluate_at(x, tuple(inner), condition)
        level = alpha.to(x.device, torch.float64).reshape(-1, *[1] * (x.ndim - 1))
        noise = torch.sqrt((1 - level) * (1 + level)) * eps
        self.estimates.append(((x - noise) / level).to(x.dtype))
        return eps
