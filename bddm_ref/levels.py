"""Score networks that embed all noise levels of a schedule at once.

The embedding of a noise level needs no x, and the levels of a reverse process are known before it
starts. Level by level, embeddings are many small products, whose time is mostly overhead. One batch
of all levels avoids that overhead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor

Embedded = tuple[Tensor, ...]
"""A network's embedding of noise levels: one row a level in every tensor."""


class Levelled(ABC):
    """A score network in two parts; a base class to put before ``nn.Module``."""

    @abstractmethod
    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Embed noise levels ``(N,)`` float64, BDDM's alpha in (0, 1), as tensors of N rows."""

    @abstractmethod
    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """Predict the noise ``(B, ...)`` at embedded levels: a row an item, or one row for all."""

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        """Predict the noise.

        Args:
            x: x_t, ``(B, ...)``.
            alpha: noise levels, ``(B,)``, float64; BDDM's alpha, DDPM's sqrt(alpha-bar).
            condition: result of the network's ``encode``; None for a network without conditioning.

        Returns:
            eps, ``(B, ...)``.
        """
        return self.evaluate_at(x, self.embed_levels(alpha), condition)


def embed_levels(score_net: Callable[..., Tensor] | Levelled, alpha: Tensor) -> Embedded:
    """Embed levels ``(N,)``; a network that is not :class:`Levelled` keeps them as they are."""
    return score_net.embed_levels(alpha) if isinstance(score_net, Levelled) else (alpha,)


def evaluate_at(
    score_net: Callable[..., Tensor] | Levelled, x: Tensor, embedded: Embedded, condition: Any
) -> Tensor:
    """Predict the noise ``(B, ...)`` at levels from :func:`embed_levels`, of B rows or one."""
    if isinstance(score_net, Levelled):
        return score_net.evaluate_at(x, embedded, condition)
    (alpha,) = embedded
    return score_net(x, alpha.expand(len(x)), condition)


def level_of(embedded: Embedded, n: int) -> Embedded:
    """Select the row of level ``n``, counted from 0."""
    return tuple(part[n : n + 1] for part in embedded)
