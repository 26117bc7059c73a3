"""Reading checkpoints without executing anything in them."""

from __future__ import annotations

import argparse
import json
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bddm_ref.files import checksums_of, verify_checksum
from benchmarks.core.errors import UserError
from benchmarks.interop.base import Content

SAFETENSORS = ".safetensors"
PICKLES = (".pkl", ".pt", ".pth", ".ckpt", ".bin")
FOLDER_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
FOLDER_CONFIG = "config.json"
STATE_KEYS = ("ema", "ema_state_dict", "model_state_dict", "state_dict", "model")
"""Keys of state dicts in training states; moving averages come first, since samplers use them."""
CONFIG_KEYS = ("config", "params", "hyper_parameters", "hparams")
DAMAGED = "{} is damaged, or was not written by torch.save"
CALLS = ("REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX")  # opcodes of pickles
WRAPPER = "module."  # torch's data parallelism puts this prefix before all names


def read_content(path: Path) -> Content:
    """Read a checkpoint: a pickle, a safetensors file, or a folder of diffusers.

    Raises:
        UserError: the file is missing, damaged, of another kind, without weights, or holds more
            than tensors and plain values.
        DamagedFileError: the file differs from the checksum beside it.
    """
    if path.is_dir():
        path = _weights_in(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist; give a checkpoint or a folder of diffusers")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; fetch or copy the file again")
    verify_if_announced(path)
    config = _config_beside(path)
    refuse_other_endings(path)
    if path.suffix == SAFETENSORS:
        return Content(path, _safetensors(path), config)
    loaded = load_pickle(path)
    where, tensors = _state_in(path, loaded)
    return Content(path, tensors, {**_hyperparameters(loaded), **config}, where)


def refuse_other_endings(path: Path) -> None:
    """Refuse a file whose ending is none of a checkpoint.

    Raises:
        UserError: the ending is another.
    """
    if path.suffix not in (SAFETENSORS, *PICKLES):
        raise UserError(
            f"{path}: a checkpoint ends in {SAFETENSORS}, {', '.join(PICKLES)}; rename the file if "
            "the content is a checkpoint"
        )


def verify_if_announced(path: Path) -> None:
    """Compare a file with its SHA-256, if a checksum file beside it names the file.

    Raises:
        DamagedFileError: file and checksum disagree.
    """
    if checksums_of(path):
        verify_checksum(path)


def load_pickle(path: Path) -> Any:
    """Read a file of ``torch.save`` that holds tensors, plain values and namespaces alone.

    Raises:
        UserError: the file is damaged, or loading would execute code.
    """
    _refuse_changed_bytes(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # unreadable content raises an error below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for an unknown file
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if name := found[1] if found else _called_in(path):
            raise UserError(
                f"{path} holds {name}, and only tensors and plain values are read; nothing was "
                "executed"
            ) from error
        raise UserError(DAMAGED.format(path)) from error


def _refuse_changed_bytes(path: Path) -> None:
    """Compare the checksums inside an archive, which torch does not do."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()
    except Exception as error:  # zipfile raises many types
        raise UserError(DAMAGED.format(path)) from error
    if changed is not None:
        raise UserError(DAMAGED.format(path))


def _called_in(path: Path) -> str | None:
    """Name of the first object that a pickle would import and call; None: nothing.

    This serves pickles of protocols that torch does not read. Opcodes are listed, and none is
    executed.
    """
    strings: list[str] = []
    named = None
    try:
        for code, argument, _ in pickletools.genops(path.read_bytes()):
            if isinstance(argument, str):
                strings.append(argument)
            if code.name in ("GLOBAL", "INST"):
                named = str(argument).replace(" ", ".")
            elif code.name == "STACK_GLOBAL":
                named = ".".join(strings[-2:])
            if code.name in CALLS and named is not None:
                return named
    except Exception:  # the file ends early, or is no pickle
        return None
    return None


def _weights_in(folder: Path) -> Path:
    """The weights of a diffusers model, or of the U-Net of a whole pipeline."""
    for place in (folder, folder / "unet"):
        if (place / FOLDER_CONFIG).is_file():
            for name in FOLDER_WEIGHTS:
                if (place / name).is_file():
                    return place / name
            raise UserError(f"{place} has a {FOLDER_CONFIG}, but no {' or '.join(FOLDER_WEIGHTS)}")
    raise UserError(
        f"{folder} is a folder without {FOLDER_CONFIG}; give a file, or the folder of a diffusers "
        "model"
    )


def _config_beside(path: Path) -> Mapping[str, Any]:
    file = path.with_name(FOLDER_CONFIG)
    if path.name not in FOLDER_WEIGHTS or not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text())
    except ValueError as error:
        raise UserError(f"{file} is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise UserError(f"{file} must hold an object, not a {type(config).__name__}")
    return config


def _safetensors(path: Path) -> Mapping[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged, or not a safetensors file: {error}") from error
    if not tensors:
        raise UserError(f"{path} holds no tensors")
    return tensors


def _state_in(path: Path, loaded: Any) -> tuple[str, Mapping[str, Tensor]]:
    """The key that the state dict stands under, and the state dict."""
    if isinstance(loaded, Mapping):
        keys = [key for key in STATE_KEYS if key in loaded]
        keys += [key for key in loaded if isinstance(key, str) and key not in keys]
        states = {"": loaded} | {key: loaded[key] for key in keys}
        for key, value in states.items():
            if _is_state(value):
                return key, _unwrapped(value)
    raise UserError(f"{path} holds no state dict, that is, no mapping of names to tensors")


def _is_state(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())
    )


def _unwrapped(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if all(name.startswith(WRAPPER) for name in state):
        return {name.removeprefix(WRAPPER): value for name, value in state.items()}
    return state


def _hyperparameters(loaded: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in CONFIG_KEYS:
        value = loaded.get(key)
        if isinstance(value, argparse.Namespace):
            return vars(value)
        if isinstance(value, Mapping) and not _is_state(value):
            return value
    return {}
