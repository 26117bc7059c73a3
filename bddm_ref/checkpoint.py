"""Files that can be trusted: written whole or not at all, and verified when read.

A weights file (safetensors) and a training state (torch) each have a SHA-256 beside them in
``<file>.sha256``; neither format would notice a flipped bit by itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class DamagedFileError(ValueError):
    """A file that is missing, truncated, altered or of another kind; the message says which."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file, then move it over ``path`` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_with_checksum(path: Path, write: Callable[[Path], object]) -> None:
    """As :func:`write_atomically`, with the SHA-256 beside it in ``<path>.sha256``.

    Two files cannot be replaced in one step. So the checksum file first lists the new content and
    the old, and whatever is interrupted leaves a file that one of them matches.
    """
    sidecar, line = checksum_file(path), ""

    def write_and_announce(temporary: Path) -> None:
        nonlocal line
        write(temporary)
        line = f"{sha256_of(temporary)}  {path.name}\n"
        before = sidecar.read_text() if sidecar.is_file() and path.is_file() else ""
        write_atomically(sidecar, lambda file: file.write_text(line + before))

    write_atomically(path, write_and_announce)
    write_atomically(sidecar, lambda file: file.write_text(line))


def verify_checksum(path: Path) -> None:
    """Compare a file with the SHA-256 beside it.

    Raises:
        DamagedFileError: the file or its checksum is missing, or they disagree.
    """
    if not path.is_file():
        raise DamagedFileError(f"{path} does not exist; give the path of an existing file")
    if not checksum_file(path).is_file():
        raise DamagedFileError(
            f"{path} has no checksum beside it; put what 'sha256sum {path.name}' prints into "
            f"{checksum_file(path).name}"
        )
    listed = [
        line.split(" ")[0] for line in checksum_file(path).read_text(errors="replace").splitlines()
    ]
    if sha256_of(path) not in listed:
        raise DamagedFileError(
            f"{path} does not match its checksum in {checksum_file(path).name}; restore or remake "
            "it"
        )


def save_weights(module: nn.Module, path: Path, matrix_dtype: torch.dtype | None = None) -> None:
    """Write a module's state as safetensors, with its checksum.

    Args:
        module: what to save.
        path: where to.
        matrix_dtype: dtype to store parameters of two and more dimensions in. A network that runs
            under bfloat16 autocast loses nothing by bfloat16: its products round them anyway.
            Factors of a normalised weight are kept: rounding them would not round their product.
    """
    parameters = {name for name, _ in roundable_parameters(module)}
    tensors = {
        name: value.detach().to("cpu", matrix_dtype if name in parameters else None).contiguous()
        for name, value in module.state_dict().items()
    }
    write_with_checksum(path, lambda temporary: save_file(tensors, temporary))


def roundable_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters that bfloat16 autocast rounds as they are: matrices that are no factors."""
    for name, parameter in module.named_parameters():
        if parameter.ndim >= 2 and ".parametrizations." not in f".{name}":
            yield name, parameter


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill ``module`` from a safetensors file, once its checksum has been verified.

    Raises:
        DamagedFileError: missing, damaged, not safetensors, or of another network.
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
    """Write a training state (tensors, numbers, strings, containers), with its checksum."""
    write_with_checksum(path, lambda temporary: torch.save(state, temporary))


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state without executing anything in it.

    Raises:
        DamagedFileError: missing, damaged, or not a training state.
    """
    verify_checksum(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for a foreign file
        raise DamagedFileError(f"{path} is not a training state: {error}") from error
    if not isinstance(state, dict):
        raise DamagedFileError(f"{path} is not a training state but a {type(state).__name__}")
    return state


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum_file(path: Path) -> Path:
    """Where the SHA-256 of a file is."""
    return path.with_name(path.name + ".sha256")
