"""Score networks through torch.compile: ``compile: default``, or ``reduce-overhead`` on a GPU.

Compiling takes from seconds to a minute, before the first evaluation and again when a second size
of batch shows that sizes vary; the page of speed says how long, and what it gains. The second mode
replays CUDA graphs, which spares a GPU the launches of small kernels; a CPU has none.

A network that cannot be compiled is evaluated as it is, after a warning that says why.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from bddm_ref.levels import Embedded, Levelled, embed_levels, evaluate_at

Mode = Literal["default", "reduce-overhead"]
KEPT = 2  # sizes of condition whose place is kept: those of whole batches, and of the last


class CompiledNet(Levelled, nn.Module):
    """A score network that is compiled at its first evaluation.

    Its encoder is not, nor is what it makes of noise levels alone. A condition must not change
    between two evaluations: with CUDA graphs it is read once.

    Attributes:
        network: what is compiled.
        failure: why it is evaluated as it is after all; None while compiling works.
    """

    def __init__(self, network: nn.Module, mode: Mode) -> None:
        super().__init__()
        self.network = network
        self.failure: str | None = None
        self._graphs = mode == "reduce-overhead"
        self._condition = _Place()

        def evaluate(x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
            return evaluate_at(network, x, embedded, condition)

        self._compiled = torch.compile(evaluate, mode=None if mode == "default" else mode)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """What the network makes of levels."""
        return embed_levels(self.network, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any = None) -> Tensor:
        """eps, as the network itself gives it."""
        if self.failure is None:
            try:
                return self._through_compiler(x, embedded, condition)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # also of every part of torch.compile
                eps = evaluate_at(self.network, x, embedded, condition)  # raises what is its own
                self._give_up(error)
                return eps
        return evaluate_at(self.network, x, embedded, condition)

    def encode(self, log_mel: Tensor) -> Any:
        """Speech: what the network makes of the condition, once for each utterance."""
        return self.network.encode(log_mel)  # type: ignore[operator]

    def _through_compiler(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        if not self._graphs:
            eps: Tensor = self._compiled(x, embedded, condition)
            return eps
        torch.compiler.cudagraph_mark_step_begin()  # what earlier replays gave has been copied
        with _plain_tensors(x, embedded):
            # One kind of tensor: another would be compiled for, and recorded, a second time.
            x, embedded = tree_map(_plain, (x, embedded))
            # The next replay of a CUDA graph writes over it, and solvers keep earlier estimates.
            eps = self._compiled(x, embedded, self._condition.of(condition))
            return eps.clone()

    def _give_up(self, error: RuntimeError) -> None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        self.failure = f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
        message = f"the network could not be compiled and is evaluated as it is; {self.failure}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)


class _Place:
    """Keeps a copy of the latest condition at addresses that stay.

    A CUDA graph reads its inputs where they lay when it was recorded. Tensors that are not marked
    as lying still are copied at every replay, and a condition can take a gigabyte.
    """

    def __init__(self) -> None:
        self._source: Any = None
        self._copy: Any = None
        self._copies: dict[Any, Any] = {}  # by sizes, the latest last

    def of(self, condition: Any) -> Any:
        """The copy of a condition; a condition that is the same object is not read again."""
        if condition is None:
            return None
        if condition is not self._source:
            sizes = tuple((part.shape, part.dtype, part.device) for part in tree_leaves(condition))
            copy = self._copies.pop(sizes, None)
            self._copy = tree_map(_lying_still, condition) if copy is None else copy
            self._copies[sizes] = self._copy
            while len(self._copies) > KEPT:
                del self._copies[next(iter(self._copies))]
            for mine, theirs in zip(tree_leaves(self._copy), tree_leaves(condition), strict=True):
                mine.copy_(theirs)
            self._source = condition
        return self._copy


def _lying_still(part: Tensor) -> Tensor:
    copy = torch.empty_like(part)
    torch._dynamo.mark_static_address(copy, guard=False)
    return copy


def _plain(part: Tensor) -> Tensor:
    """A tensor that was not made in inference mode."""
    return part.clone() if part.is_inference() else part


@contextlib.contextmanager
def _plain_tensors(x: Tensor, embedded: Embedded) -> Iterator[None]:
    """Neither inference mode nor gradients, unless a gradient is asked for."""
    wanted = torch.is_grad_enabled() and any(p.requires_grad for p in (x, *embedded))
    with torch.inference_mode(False), torch.set_grad_enabled(wanted):
        yield
