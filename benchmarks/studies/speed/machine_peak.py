"""The machine's limit: operations of a call at the rate of a large matrix product."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

SIDE = 2048  # rows and columns of the matrices


def matrix_product(device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """Make a call: a product of square matrices, large enough to run at the machine's rate."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(SIDE, SIDE, generator=generator).to(device, dtype) for _ in range(2))
    out = torch.empty_like(a)
    return lambda: torch.mm(a, b, out=out)


def seconds_at_peak(operations: int, product_seconds: float) -> float:
    """Seconds of so many operations at the rate of :func:`matrix_product`."""
    return operations / (2 * SIDE**3) * product_seconds


@torch.no_grad()
def operations_of(call: Callable[[], object]) -> int:
    """Count floating-point operations of a call's matrix products and convolutions."""
    counter = FlopCounterMode(display=False)
    with counter:
        call()
    return int(counter.get_total_flops())
