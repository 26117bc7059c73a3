"""Conversion between uint8 images and the networks' range."""

from __future__ import annotations

import torch
from torch import Tensor


def scaled(pixels: Tensor) -> Tensor:
    """Convert uint8 pixels to float32 in [-1, 1]."""
    return pixels.float().div(127.5).sub(1)


def pixels_of(x_0: Tensor) -> Tensor:
    """Invert :func:`scaled`; values outside [-1, 1] are clipped."""
    return x_0.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
