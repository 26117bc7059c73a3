"""bfloat16 where a device multiplies in it: emulated, it is several times slower than float32."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from benchmarks.core.errors import UserError

CPU_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")  # of torch.cpu.get_capabilities; the last: ARM's
if TYPE_CHECKING:
    from _typeshed import DataclassInstance
Part = TypeVar("Part", bound="DataclassInstance")


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bfloat16 numbers.

    Raises:
        UserError: a CUDA device where there is none.
    """
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError(f"device: {device} is not there: torch sees no CUDA device; use cpu")
        with torch.cuda.device(device):  # it asks the current one
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(flag)) for flag in CPU_FLAGS)


def in_float32(part: Part) -> Part:
    """An experiment, or a part of one, with every field ``bf16`` false; itself if all are."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if field.name == "bf16" and value:
            changes[field.name] = False
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            changes[field.name] = in_float32(value)
    changed = {name: new for name, new in changes.items() if new is not getattr(part, name)}
    return dataclasses.replace(part, **changed) if changed else part


def suited(experiment: Part, device: torch.device) -> Part:
    """An experiment as a device should run it: in float32 where bfloat16 would be emulated."""
    return experiment if multiplies_bf16(device) else in_float32(experiment)
