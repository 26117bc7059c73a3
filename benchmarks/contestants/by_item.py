"""Reverse steps of a batch in which each item has its own level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bddm_ref.process import Coefficients

IDLE = Coefficients(1.0, 0.0, 0.0)  # leaves an item as it is


def levels(alphas: Sequence[float], x: Tensor) -> Tensor:
    """Make the tensor of levels for a score network, float64 on the device of ``x``."""
    return torch.tensor(alphas, dtype=torch.float64, device=x.device)


def fresh_noise(x: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Draw each item's next noise from the item's own generator."""
    z = torch.empty(x.shape, dtype=x.dtype)
    for item, generator in zip(z, generators, strict=True):
        item.normal_(generator=generator)
    return z.to(x.device)


def applied(x: Tensor, eps: Tensor, z: Tensor, steps: Sequence[Coefficients]) -> Tensor:
    """Take one reverse step, each item with its own coefficients."""
    shape = (-1, *[1] * (x.ndim - 1))
    signal, by_eps, noise = (
        torch.tensor(values, dtype=x.dtype, device=x.device).reshape(shape)
        for values in zip(*steps, strict=True)
    )
    return signal * x + by_eps * eps + noise * z
