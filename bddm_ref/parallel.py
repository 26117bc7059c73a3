"""Exchange between the processes of one training run; a single process exchanges nothing."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import nn


def rank() -> int:
    """Return the index of this process, 0 for the first."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def processes() -> int:
    """Count the processes of this run."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def average_gradients(module: nn.Module) -> None:
    """Replace every gradient by its mean over the processes."""
    if processes() == 1:
        return
    for parameter in module.parameters():
        if parameter.grad is not None:
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad.div_(processes())


def as_first(value: float) -> float:
    """Return the first process' value in every process."""
    if processes() == 1:
        return value
    sent = [value]
    torch.distributed.broadcast_object_list(sent, src=0)
    return sent[0]


def from_first(state: dict[str, Any]) -> dict[str, Any]:
    """Return the first process' state in every process, through bytes: devices may differ."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    sent = [buffer.getvalue()]
    torch.distributed.broadcast_object_list(sent, src=0)
    received: dict[str, Any] = torch.load(
        io.BytesIO(sent[0]), map_location="cpu", weights_only=True
    )
    return received
