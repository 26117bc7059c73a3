"""A score network for vectors: eps_theta(x_t, alpha_t)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.levels import Embedded, Levelled
from bddm_ref.networks.blocks import LevelEmbedding


class VectorScoreNet(Levelled, nn.Module):
    """Residual layers on the whole vector, each scaled and shifted by the noise level.

    Args:
        dimensions: D.
        width: width of all layers.
        blocks: residual blocks of two layers each.
        residual: predict v (Salimans and Ho 2022), eps = sqrt(delta) x + alpha v; or else eps.
    """

    def __init__(
        self, dimensions: int, width: int = 128, blocks: int = 3, residual: bool = False
    ) -> None:
        super().__init__()
        self.residual = residual
        self.level = LevelEmbedding(width)
        self.first = nn.Linear(dimensions, width)
        self.hear = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(blocks)])
        self.blocks = nn.ModuleList([_Block(width) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, dimensions)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Compute alpha and delta, ``(N,)``, and each block's modulation, ``(N, 2 width)``."""
        alpha = alpha.to(torch.float64)
        delta = (1 - alpha) * (1 + alpha)
        level = self.level((alpha.square() / delta).log().float())
        return alpha, delta, *(layer(level) for layer in self.hear)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any = None) -> Tensor:
        """Predict the noise of x ``(B, D)``; the condition is ignored."""
        alpha, delta, *modulations = embedded
        hidden = self.first(x)
        for block, modulation in zip(self.blocks, modulations, strict=True):
            hidden = block(hidden, modulation)
        out: Tensor = self.last(F.silu(self.norm(hidden)))
        if not self.residual:
            return out
        by_x, by_v = (part.to(x.dtype)[:, None] for part in (delta.sqrt(), alpha))
        return torch.addcmul(by_x * x, by_v, out)


class _Block(nn.Module):
    """Residual block of two layers, whose input is normalised and modulated by the level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, hidden: Tensor, modulation: Tensor) -> Tensor:
        scale, shift = modulation.chunk(2, dim=-1)
        updated: Tensor = hidden + self.layers(torch.addcmul(shift, self.norm(hidden), 1 + scale))
        return updated
