"""The rules that make a comparison fair: noise by item, and how a network is evaluated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at


def item_generators(seed: int, indices: Sequence[int]) -> list[torch.Generator]:
    """One CPU generator for each item, a function of (seed, item index) alone.

    Batch size, order, device and interruption cannot change an item's noise.
    """
    return [torch.Generator().manual_seed(seed * 1_000_003 + index) for index in indices]


def start_noise(generators: Sequence[torch.Generator], shape: Sequence[int], device: Any) -> Tensor:
    """x_N, ``(items, *shape)``: the first numbers each item's generator gives."""
    return torch.stack([torch.randn(*shape, generator=g) for g in generators]).to(device)


def training_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of the shape of a batch, on its device.

    On a GPU it is drawn there, from a seed that the CPU's generator gives: a CPU would take longer
    for a large batch than the network's update.
    """
    if like.device.type == "cpu":
        return torch.randn(like.shape, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    there = torch.Generator(like.device).manual_seed(seed)
    return torch.randn(like.shape, generator=there, device=like.device)


def part_of(count: int, part: tuple[float, float], least: int = 1) -> range:
    """Those of some items from one share of them to another, so many at least.

    Parts that follow each other have no item in common, if need be by items beyond ``count``.
    """
    first = max(round(part[0] * count), least if part[0] else 0)
    return range(first, max(round(part[1] * count), first + least))


def taken(condition: Any, rows: Tensor) -> Any:
    """Some rows of a condition: a tensor, tensors in tuples or named tuples, or None."""
    if isinstance(condition, Tensor):
        return condition[rows.to(condition.device)]
    if isinstance(condition, tuple):
        parts = [taken(part, rows) for part in condition]
        return type(condition)(*parts) if hasattr(condition, "_fields") else tuple(parts)
    return condition


class EvaluatedNet(Levelled):
    """A score network as the harness evaluates it: in its precision, counting evaluations.

    Args:
        score_net: the network, or its adapter to a convention.
        bf16: autocast to bfloat16.
        observe: told the evaluations of each call, one for each item; None while timing.
    """

    def __init__(
        self, score_net: nn.Module, bf16: bool, observe: Callable[[int], None] | None = None
    ) -> None:
        self._score_net = score_net
        self._bf16 = bf16
        self._observe = observe
        self.evaluations = 0  # NFE: one for each item

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        """eps, in the precision of x."""
        return self.forward(x, alpha, condition)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """What the network makes of levels ``(N,)``, in its precision."""
        with self.precision(alpha.device):
            return embed_levels(self._score_net, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """eps, at levels of B rows or of one."""
        self.evaluations += len(x)
        with self.precision(x.device):
            eps = evaluate_at(self._score_net, x, embedded, condition)
        if self._observe is not None:
            self._observe(len(x))
        return eps

    def precision(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """The autocast context that the network runs in."""
        if self._bf16:
            return torch.autocast(device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()
