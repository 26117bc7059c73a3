"""What made a result: code, versions, machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

REPOSITORY = Path(__file__).resolve().parents[1]
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
PRODUCED = ("results", "runs")  # folders that a run itself writes


def collect(device: torch.device, threads: int) -> dict[str, Any]:
    """Commit, versions and hardware, as plain values; no host name, no path."""
    return {
        "commit": git("rev-parse", "HEAD"),
        "tree": _tree_state(),
        "python": platform.python_version(),
        "packages": dict(_versions()),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # some are extras
            yield name, importlib.metadata.version(name)


def _tree_state() -> str | None:
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


def _processor() -> str:
    """The processor's model name, with its vector extensions that matter here."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(fields.get("flags", "").split())
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(wanted)})"
