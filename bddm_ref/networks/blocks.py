"""Building blocks that several networks share."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

Layer = TypeVar("Layer", bound=nn.Module)


def normed(layer: Layer) -> Layer:
    """Parametrise a layer's weight as length times direction (Salimans & Kingma 2016, Eq. 2)."""
    weight_norm(layer)
    return layer


class LevelEmbedding(nn.Module):
    """Embed the log-SNR: sines and cosines, then two layers."""

    frequencies: Tensor

    def __init__(self, width: int, count: int = 32) -> None:
        super().__init__()
        octaves = torch.linspace(math.log(0.05), math.log(4.0), count)
        self.register_buffer("frequencies", octaves.exp())
        self.layers = nn.Sequential(
            nn.Linear(2 * count, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )

    def forward(self, log_snr: Tensor) -> Tensor:
        """Embed log-SNRs ``(B,)``, in nats, as ``(B, width)``."""
        angles = log_snr[:, None] * self.frequencies
        embedded: Tensor = self.layers(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return embedded
