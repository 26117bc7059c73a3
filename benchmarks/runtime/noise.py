"""Rules of a fair comparison: noise by item, and evaluation of networks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at


def item_generators(seed: int, indices: Sequence[int]) -> list[torch.Generator]:
    """Make one CPU generator for each item from (seed, item index) alone.

    Batch size, order, device and interruption cannot change an item's noise.
    """
    return [torch.Generator().manual_seed(seed * 1_000_003 + index) for index in indices]


def start_noise(generators: Sequence[torch.Generator], shape: Sequence[int], device: Any) -> Tensor:
    """Draw x_N, ``(items, *shape)``, as the first numbers of each item's generator."""
    return torch.stack([torch.randn(*shape, generator=g) for g in generators]).to(device)


def training_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal noise of a batch's shape, on the batch's device.

    A GPU draws its noise from a seed of the CPU generator: a CPU would take longer for a large
    batch than the network's update.
    """
    if like.device.type == "cpu":
        return torch.randn(like.shape, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    there = torch.Generator(like.device).manual_seed(seed)
    return torch.randn(like.shape, generator=there, device=like.device)


def part_of(count: int, part: tuple[float, float], least: int = 1) -> range:
    """Indices between two fractions of ``count`` items, at least ``least`` of them.

    Consecutive parts have no item in common; to this end indices may exceed ``count``.
    """
    first = max(round(part[0] * count), least if part[0] else 0)
    return range(first, max(round(part[1] * count), first + least))


def taken(condition: Any, rows: Tensor) -> Any:
    """Take some rows of a condition: a tensor, tensors in tuples or named tuples, or None."""
    if isinstance(condition, Tensor):
        return condition[rows.to(condition.device)]
    if isinstance(condition, tuple):
        parts = [taken(part, rows) for part in condition]
        return type(condition)(*parts) if hasattr(condition, "_fields") else tuple(parts)
    return condition


class EvaluatedNet(Levelled):
    """A score network in the precision of the run, with a count of evaluations.

    Args:
        score_net: the network, or its adapter to a convention.
        bf16: autocast to bfloat16.
        observe: called with the evaluations of each call, one for each item; None while timing.

    Attributes:
        evaluations: NFE so far, one for each item.
    """

    def __init__(
        self, score_net: nn.Module, bf16: bool, observe: Callable[[int], None] | None = None
    ) -> None:
        self._score_net = score_net
        self._bf16 = bf16
        self._observe = observe
        self.evaluations = 0

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        """Predict eps at levels ``(B,)``, in the precision of x."""
        return self.forward(x, alpha, condition)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Embed levels ``(N,)`` in the network's precision."""
        with self.precision(alpha.device):
            return embed_levels(self._score_net, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """Predict eps from embedded levels of B rows or of one row."""
        self.evaluations += len(x)
        with self.precision(x.device):
            eps = evaluate_at(self._score_net, x, embedded, condition)
        if self._observe is not None:
            self._observe(len(x))
        return eps

    def precision(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """Autocast context of the network."""
        if self._bf16:
            return torch.autocast(device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()
