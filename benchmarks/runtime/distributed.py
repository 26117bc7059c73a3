"""Several processes under ``torchrun``: all train, and the first does everything else."""

from __future__ import annotations

import os

import torch

from benchmarks.core.errors import UserError


def refuse_missing(device: str) -> None:
    """Refuse a device that torch does not have on this machine.

    Raises:
        UserError: the text names no device, or the machine lacks it.
    """
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"device: {device!r} is no device; give cpu, cuda, or cuda:1") from error
    if wanted.type not in ("cpu", "cuda"):
        raise UserError(f"device: {device} is not used here; give cpu, cuda, or cuda:1")
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        seen = f"the CUDA devices 0 to {count - 1}" if count else "no CUDA device"
        raise UserError(f"device: {device} is missing: torch sees {seen}; use another, or cpu")


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
