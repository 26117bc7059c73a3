"""Score networks through torch.compile: ``compile: default``, or ``reduce-overhead`` on a GPU.

Compiling takes from seconds to a minute: before the first evaluation, and again at the second batch
size. The page of speed has the times. ``reduce-overhead`` replays CUDA graphs, which spares a GPU
the launches of small kernels.

A network that cannot be compiled runs uncompiled, after a warning with the reason.
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
KEPT = 2  # sizes of condition whose copies are kept: whole batches, and the last batch


class CompiledNet(Levelled, nn.Module):
    """A score network that is compiled at its first evaluation.

    The encoder and the embedding of noise levels stay uncompiled. A condition must not change
    between two evaluations: CUDA graphs read a condition once.

    Attributes:
        network: the network.
        failure: why the network runs uncompiled; None while compiling works.
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
        """Embed levels by the network, uncompiled."""
        return embed_levels(self.network, alpha)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: Any = None) -> Tensor:
        """Predict eps; a network that cannot be compiled does so uncompiled."""
        if self.failure is None:
            try:
                return self._through_compiler(x, embedded, condition)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # the base of all errors of torch.compile
                eps = evaluate_at(self.network, x, embedded, condition)  # network errors rise again
                self._give_up(error)
                return eps
        return evaluate_at(self.network, x, embedded, condition)

    def encode(self, log_mel: Tensor) -> Any:
        """Encode the condition of speech, once for each utterance."""
        return self.network.encode(log_mel)  # type: ignore[operator]

    def _through_compiler(self, x: Tensor, embedded: Embedded, condition: Any) -> Tensor:
        if not self._graphs:
            eps: Tensor = self._compiled(x, embedded, condition)
            return eps
        torch.compiler.cudagraph_mark_step_begin()  # outputs of earlier replays have been copied
        with _plain_tensors(x, embedded):
            # One kind of tensor alone: another kind would be compiled and recorded again.
            x, embedded = tree_map(_plain, (x, embedded))
            # The next replay overwrites the output, and solvers keep earlier estimates.
            eps = self._compiled(x, embedded, self._condition.of(condition))
            return eps.clone()

    def _give_up(self, error: RuntimeError) -> None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        self.failure = f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
        message = f"the network could not be compiled and runs uncompiled; {self.failure}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)


class _Place:
    """Copy of the latest condition at fixed addresses.

    A CUDA graph reads inputs at the addresses of its recording. Tensors without the mark of a
    static address are copied at every replay, and a condition can take a gigabyte.
    """

    def __init__(self) -> None:
        self._source: Any = None
        self._copy: Any = None
        self._copies: dict[Any, Any] = {}  # sizes to copy, the latest last

    def of(self, condition: Any) -> Any:
        """Copy of a condition; the same object is not read again."""
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
    """Replace an inference tensor by a normal copy."""
    return part.clone() if part.is_inference() else part


@contextlib.contextmanager
def _plain_tensors(x: Tensor, embedded: Embedded) -> Iterator[None]:
    """Leave inference mode, and switch gradients off unless a tensor asks for gradients."""
    wanted = torch.is_grad_enabled() and any(p.requires_grad for p in (x, *embedded))
    with torch.inference_mode(False), torch.set_grad_enabled(wanted):
        yield
