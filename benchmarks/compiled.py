"""Score networks through torch.compile: ``compile: default``, or ``reduce-overhead`` on a GPU.

Compiling takes from seconds to a minute, before the first evaluation and again when a second size
of batch shows that sizes vary; the page of speed says how long, and what it gains. The second mode
replays CUDA graphs, which spares a GPU the launches of small kernels; a CPU has none.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at

Mode = Literal["default", "reduce-overhead"]


class CompiledNet(Levelled, nn.Module):
    """A score network that is compiled at its first evaluation.

    Its encoder is not, nor is what it makes of noise levels alone.
    """

    def __init__(self, network: nn.Module, mode: Mode) -> None:
        super().__init__()
        self.network = network
        self._graphs = mode == "reduce-overhead"

        def evaluate(x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
            return evaluate_at(network, x, embedded, condition)

        self._compiled = torch.compile(evaluate, mode=None if mode == "default" else mode)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """What the network makes of levels."""
        return embed_levels(self.network, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any = None) -> Tensor:
        """eps, as the network itself gives it."""
        eps: Tensor = self._compiled(x, embedded, condition)
        # The next replay of a CUDA graph writes over it, and solvers keep earlier estimates.
        return eps.clone() if self._graphs else eps

    def encode(self, log_mel: Tensor) -> Any:
        """Speech: what the network makes of the condition, once for each utterance."""
        return self.network.encode(log_mel)  # type: ignore[operator]
