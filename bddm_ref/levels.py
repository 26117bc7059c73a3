"""Score networks that are told all levels of a schedule at once.

What a network makes of a noise level alone, its step embedding and what its layers make of that,
needs no x, and the levels of a reverse process are known beforehand. Level by level these are many
small products, whose time is mostly overhead; here they are done once for all levels, as a
condition is encoded once for all steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor

Embedded = tuple[Tensor, ...]
"""What a network makes of noise levels: a row for each in every tensor."""


class Levelled(ABC):
    """A score network in two parts; a base class to put before ``nn.Module``."""

    @abstractmethod
    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Noise levels ``(N,)`` float64, BDDM's alpha in (0, 1), to tensors of N rows."""

    @abstractmethod
    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        """Noise ``(B, ...)`` at levels of B rows, or of one row for all items."""

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        """Predict the noise.

        Args:
            x: x_t, ``(B, ...)``.
            alpha: noise levels, ``(B,)``, float64; BDDM's alpha, DDPM's sqrt(alpha-bar).
            condition: what the network's ``encode`` made of it, where it has one.

        Returns:
            eps, ``(B, ...)``.
        """
        return self.evaluate_at(x, self.embed_levels(alpha), condition)


def embed_levels(score_net: Callable[..., Tensor] | Levelled, alpha: Tensor) -> Embedded:
    """What the network makes of levels ``(N,)``: if it is of one part, the levels themselves."""
    return score_net.embed_levels(alpha) if isinstance(score_net, Levelled) else (alpha,)


def evaluate_at(
    score_net: Callable[..., Tensor] | Levelled, x: Tensor, embedded: Embedded, condition: Any
) -> Tensor:
    """Noise ``(B, ...)`` at levels from :func:`embed_levels`, B rows of them or one."""
    if isinstance(score_net, Levelled):
        return score_net.evaluate_at(x, embedded, condition)
    (alpha,) = embedded
    return score_net(x, alpha.expand(len(x)), condition)


def level_of(embedded: Embedded, n: int) -> Embedded:
    """The row of one level, from 0."""
    return tuple(part[n : n + 1] for part in embedded)
