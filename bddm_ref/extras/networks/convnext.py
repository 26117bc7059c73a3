"""A ConvNeXt block over time that a noise level can modulate."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNextBlock(nn.Module):
    """Depthwise convolution over time, then an MLP per frame (Liu et al. 2022), adaptive norm.

    Args:
        width: channels.
        expansion: hidden width of the MLP, in widths.
        level_width: width of the embedded noise level; 0 for a block without modulation.
    """

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

    def modulate(self, level: Tensor) -> Tensor:
        """Map embedded noise levels ``(N, level_width)`` to scales and shifts ``(N, 2 width)``."""
        assert self.level is not None
        modulation: Tensor = self.level(level)
        return modulation

    def forward(self, hidden: Tensor, modulation: Tensor | None = None) -> Tensor:
        """Update ``hidden`` ``(B, frames, width)``; ``modulation`` comes from :meth:`modulate`."""
        update = self.norm(self.depthwise(hidden.transpose(1, 2)).transpose(1, 2))
        if modulation is not None:
            scale, shift = modulation[:, None].chunk(2, dim=-1)
            update = torch.addcmul(shift, update, 1 + scale)
        updated: Tensor = hidden + self.gain * self.narrow(F.gelu(self.widen(update)))
        return updated
