"""Checkpoints: weights (safetensors) and training states (torch), each with a checksum file.

Neither format detects a flipped bit by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bddm_ref.files import DamagedFileError, verify_checksum, write_with_checksum


def save_weights(module: nn.Module, path: Path, matrix_dtype: torch.dtype | None = None) -> None:
    """Write a module's state as safetensors, with a checksum file beside it.

    Args:
        module: the network.
        path: the file to write.
        matrix_dtype: dtype of stored matrices, None for their own. Under bfloat16 autocast a
            network rounds matrices anyway, and loses nothing by bfloat16. Factors of a normalised
            weight keep their dtype: rounding factors would not round their product.
    """
    parameters = {name for name, _ in roundable_parameters(module)}
    tensors = {
        name: value.detach().to("cpu", matrix_dtype if name in parameters else None).contiguous()
        for name, value in module.state_dict().items()
    }
    write_with_checksum(path, lambda temporary: save_file(tensors, temporary))


def roundable_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """List the matrices that bfloat16 autocast rounds: all but factors of normalised weights."""
    for name, parameter in module.named_parameters():
        if parameter.ndim >= 2 and ".parametrizations." not in f".{name}":
            yield name, parameter


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill ``module`` from a safetensors file after verifying its checksum.

    Raises:
        DamagedFileError: the file is missing, damaged, not safetensors, or of another network.
    """
    verify_checksum(path)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise DamagedFileError(f"{path} is not a safetensors file: {error}") from error
    expected = {name: value.shape for name, value in module.state_dict().items()}
    found = {name: value.shape for name, value in tensors.items()}
    if expected != found:
        differing = sorted(n for n in expected | found if expected.get(n) != found.get(n))
        raise DamagedFileError(
            f"{path} holds the weights of another network: {len(differing)} tensors differ, the "
            f"first is {differing[0]!r} ({found.get(differing[0])} in the file, "
            f"{expected.get(differing[0])} in the network)"
        )
    module.load_state_dict(tensors)


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write a training state (tensors, numbers, strings, containers) and its checksum file."""
    write_with_checksum(path, lambda temporary: torch.save(state, temporary))


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state without executing anything in it.

    Raises:
        DamagedFileError: the file is missing, damaged, or not a training state.
    """
    verify_checksum(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for a foreign file
        raise DamagedFileError(f"{path} is not a training state: {error}") from error
    if not isinstance(state, dict):
        raise DamagedFileError(f"{path} is not a training state but a {type(state).__name__}")
    return state
