"""Building blocks of several networks."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

Layer = TypeVar("Layer", bound=nn.Module)


def normed(layer: Layer) -> Layer:
    """The layer, its weight as length times direction (Salimans & Kingma 2016, Eq. 2)."""
    weight_norm(layer)
    return layer


class ConvNextBlock(nn.Module):
    """Depthwise convolution over time, then an MLP per frame (Liu et al. 2022), adaptive norm."""

    def __init__(self, width: int, expansion: int, level_width: int = 0) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=level_width == 0)
        self.level = nn.Linear(level_width, 2 * width) if level_width else None
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        self.gain = nn.Parameter(torch.full((width,), 0.1))
        if self.level is not None:
            nn.init.zeros_(self.level.weight)
            nn.init.zeros_(self.level.bias)

    def hear(self, level: Tensor) -> Tensor:
        """Embedded noise levels (N, level_width) to scales and shifts (N, 2 width)."""
        assert self.level is not None
        heard: Tensor = self.level(level)
        return heard

    def forward(self, hidden: Tensor, heard: Tensor | None = None) -> Tensor:
        """Residual update of ``hidden`` (B, frames, width); ``heard`` is from :meth:`hear`."""
        update = self.norm(self.depthwise(hidden.transpose(1, 2)).transpose(1, 2))
        if heard is not None:
            scale, shift = heard[:, None].chunk(2, dim=-1)
            update = torch.addcmul(shift, update, 1 + scale)
        updated: Tensor = hidden + self.gain * self.narrow(F.gelu(self.widen(update)))
        return updated


class LevelEmbedding(nn.Module):
    """Sines and cosines of the log signal-to-noise ratio, through two layers."""

    frequencies: Tensor

    def __init__(self, width: int, count: int = 32) -> None:
        super().__init__()
        octaves = torch.linspace(math.log(0.05), math.log(4.0), count)
        self.register_buffer("frequencies", octaves.exp())
        self.layers = nn.Sequential(
            nn.Linear(2 * count, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )

    def forward(self, log_snr: Tensor) -> Tensor:
        """(B,) in nats to (B, width)."""
        angles = log_snr[:, None] * self.frequencies
        embedded: Tensor = self.layers(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return embedded
