"""Images as networks see them, and back."""

from __future__ import annotations

import torch
from torch import Tensor


def scaled(pixels: Tensor) -> Tensor:
    """uint8 to float32 in [-1, 1]."""
    return pixels.float().div(127.5).sub(1)


def pixels_of(x_0: Tensor) -> Tensor:
    """The inverse of :func:`scaled`; what lies outside is clipped."""
    return x_0.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
