"""Several processes under ``torchrun``: all train, and the first does everything else."""

from __future__ import annotations

import os

import torch


def join(device: str) -> None:
    """Join the process group, if ``torchrun`` started this process."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")


def is_first() -> bool:
    """Tell whether this is the only process, or the first of several."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def count() -> int:
    """Number of processes of this run."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def wait_for_all() -> None:
    """Wait until every process has called this function."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def own_device(device: str) -> torch.device:
    """Device of this process; among several processes ``cuda`` means the GPU of the local rank."""
    local = os.environ.get("LOCAL_RANK")
    return torch.device(f"cuda:{local}" if device == "cuda" and local is not None else device)
