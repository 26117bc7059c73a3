"""What made a result: code, versions, machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "torch",
    "torchaudio",
    "torchmetrics",
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
PACKED = "origin.json"  # in a bundle's code, in the place of git
PRODUCED = ("results", "runs")  # folders that a run itself writes


def collect(device: torch.device, threads: int) -> dict[str, Any]:
    """Commit, versions and hardware, as plain values; no host name, no path."""
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
    """What made the work of a stage: commit, machine and precision, as plain values."""
    return {
        "commit": commit(),
        "tree": tree_state(),
        "device": device_name(device),
        "processor": processor(),
        "torch": torch.__version__,
        "bf16": bf16,
    }


@cache
def packed() -> dict[str, Any]:
    """What a bundle says of the checkout that it was made from; empty in a checkout."""
    file = REPOSITORY / PACKED
    content: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return content


def device_name(device: torch.device) -> str:
    """Model of a GPU, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # some are extras
            yield name, importlib.metadata.version(name)


def commit() -> str | None:
    """Commit of the code, or None where it is not known."""
    found: str | None = packed().get("commit")
    return found or git("rev-parse", "HEAD")


def tree_state() -> str | None:
    """``clean``, or ``changed`` against the commit; None where it is not known."""
    if packed():  # it may lie inside the checkout of something else
        state: str | None = packed().get("tree")
        return state
    changes = git("status", "--porcelain", "--", ".", *(f":!{name}" for name in PRODUCED))
    return None if changes is None else ("changed" if changes else "clean")


def git(*arguments: str) -> str | None:
    """What git answers, or None where this is no checkout or git is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def processor() -> str:
    """The processor's model name, with its vector extensions that matter here."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(fields.get("flags", "").split())
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(wanted)})"
