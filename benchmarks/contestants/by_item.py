"""Reverse steps of a batch whose items are at levels of their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bddm_ref.process import Coefficients

IDLE = Coefficients(1.0, 0.0, 0.0)  # of an item that has nothing to do


def levels(alphas: Sequence[float], x: Tensor) -> Tensor:
    """Alphas as the score network takes them."""
    return torch.tensor(alphas, dtype=torch.float64, device=x.device)


def fresh_noise(x: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Each item's next noise, from its own generator."""
    z = torch.empty(x.shape, dtype=x.dtype)
    for item, generator in zip(z, generators, strict=True):
        item.normal_(generator=generator)
    return z.to(x.device)


def applied(x: Tensor, eps: Tensor, z: Tensor, steps: Sequence[Coefficients]) -> Tensor:
    """One reverse step, each item with its own coefficients."""
    shape = (-1, *[1] * (x.ndim - 1))
    signal, by_eps, noise = (
        torch.tensor(values, dtype=x.dtype, device=x.device).reshape(shape)
        for values in zip(*steps, strict=True)
    )
    return signal * x + by_eps * eps + noise * z
