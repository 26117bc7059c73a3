"""Origin of a result: code, versions, machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.runtime.checkout import commit, tree_state

PACKAGES = (
    "torch",
    "torchaudio",
    "torch-fidelity",
    "scipy",
    "numpy",
    "pesq",
    "pystoi",
    "distillmos",
    "speechmos",
    "onnxruntime",
    "soundfile",
    "pillow",
)


def collect(device: torch.device, threads: int) -> dict[str, Any]:
    """Collect commit, versions and hardware as plain values, without host name or path."""
    return {
        "commit": commit(),
        "tree": tree_state(),
        "python": platform.python_version(),
        "packages": dict(_versions()),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": device_name(device),
    }


def origin(device: torch.device, bf16: bool) -> dict[str, Any]:
    """Origin of a stage's work: commit, machine and precision, as plain values."""
    return {
        "commit": commit(),
        "tree": tree_state(),
        "device": device_name(device),
        "processor": processor(),
        "torch": torch.__version__,
        "bf16": bf16,
    }


def device_name(device: torch.device) -> str:
    """Model of a GPU, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # some are extras
            yield name, importlib.metadata.version(name)


def processor() -> str:
    """Model name of the processor, with the vector extensions that matter here."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(fields.get("flags", "").split())
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(wanted)})"
