"""The share of a device's arithmetic rate that training reaches."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bddm_ref.settings import TrainingConfig
from bddm_ref.training import BatchLoss, step_generator

SIDE = 8192  # of the square matrices whose product shows a GPU's rate
PRODUCTS = 20


def effort(
    module: nn.Module, batch_loss: BatchLoss, config: TrainingConfig, side: int = SIDE
) -> dict[str, Any]:
    """Count the arithmetic of one update, and measure the rate of a large matrix product.

    Args:
        module: the trained module; its gradients are cleared.
        batch_loss: loss of the module, not compiled.
        config: says the precision and the seed.
        side: rows and columns of the matrices.

    Returns:
        ``operations_per_update``: floating-point operations of the forward and backward products
        and convolutions. ``device_rate``: rate of a matrix product in training's precision, 1/s.
    """
    device = next(module.parameters()).device
    with FlopCounterMode(display=False) as counter:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
            loss = batch_loss(0, step_generator(config.seed, 0))
        loss.backward()
    module.zero_grad(set_to_none=True)
    rate = product_rate(device, torch.bfloat16 if config.bf16 else torch.float32, side)
    return {"operations_per_update": counter.get_total_flops(), "device_rate": rate}


def product_rate(device: torch.device, dtype: torch.dtype, side: int = SIDE) -> float:
    """Floating-point operations a second of products of two random square matrices."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator).to(device, dtype) for _ in range(2))
    out = torch.empty_like(a)
    for _ in range(3):
        torch.mm(a, b, out=out)
    _finish(device)
    began = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(a, b, out=out)
    _finish(device)
    return PRODUCTS * 2 * side**3 / (time.perf_counter() - began)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
