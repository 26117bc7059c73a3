"""Choice of bfloat16 or float32: emulated bfloat16 is several times slower than float32."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from benchmarks.core.errors import UserError

CPU_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")  # keys of torch.cpu.get_capabilities; the last: ARM
if TYPE_CHECKING:
    from _typeshed import DataclassInstance
Part = TypeVar("Part", bound="DataclassInstance")


def multiplies_bf16(device: torch.device) -> bool:
    """Tell whether the device has instructions for products of bfloat16 numbers.

    Raises:
        UserError: torch sees no CUDA device.
    """
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError(f"device: {device} is missing: torch sees no CUDA device; use cpu")
        with torch.cuda.device(device):  # torch asks the current device
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(flag)) for flag in CPU_FLAGS)


def in_float32(part: Part) -> Part:
    """An experiment, or a part of one, with every field ``bf16`` set to False."""
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
    """The experiment for a device: in float32 if the device would emulate bfloat16."""
    return experiment if multiplies_bf16(device) else in_float32(experiment)
