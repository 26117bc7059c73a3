"""Reading checkpoints without executing anything in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.core.errors import UserError
from benchmarks.interop.announced import verify_if_announced
from benchmarks.interop.base import Content
from benchmarks.interop.described import described
from benchmarks.interop.folders import (
    INDEX,
    SHARD,
    config_beside,
    refuse_pipeline,
    shards_of,
    weights_in,
)
from benchmarks.interop.pickles import PICKLES, load_pickle
from benchmarks.interop.states import hyperparameters, readings

SAFETENSORS = ".safetensors"


def read_content(path: Path) -> Content:
    """Read a checkpoint: a pickle, a safetensors file, or a folder of diffusers.

    Raises:
        UserError: the file is missing, damaged, of another kind, without weights, or holds more
            than tensors and plain values.
        DamagedFileError: the file differs from the checksum beside it.
    """
    notes: tuple[str, ...] = ()
    if path.is_dir():
        place = weights_in(path)
        path, notes = place.path, place.notes
    if not path.is_file():
        raise UserError(f"{path} does not exist; give a checkpoint or a folder of diffusers")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; fetch or copy the file again")
    config = config_beside(path)
    if config:
        refuse_pipeline(path.parent)
    if INDEX.search(path.name):
        return _content(path, _sharded(path), config, notes)
    if SHARD.search(path.name):
        raise UserError(f"{path} is one of several files of a network; give their folder")
    verify_if_announced(path)
    refuse_other_endings(path)
    return _content(path, _loaded(path), config, notes)


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


def _loaded(path: Path) -> Any:
    return _safetensors(path) if path.suffix == SAFETENSORS else load_pickle(path)


def _safetensors(path: Path) -> Mapping[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged, or not a safetensors file: {error}") from error
    if not tensors:
        raise UserError(f"{path} holds no tensors")
    return tensors


def _sharded(index: Path) -> Mapping[str, Tensor]:
    """Tensors of all files that an index names.

    Raises:
        UserError: a file is missing or damaged, or lacks a tensor.
    """
    places = shards_of(index)
    loaded: dict[Path, Any] = {}
    for file in sorted({*places.values()}):
        verify_if_announced(file)
        loaded[file] = _loaded(file)
    for name, file in places.items():
        if not isinstance(loaded[file], Mapping) or name not in loaded[file]:
            raise UserError(f"{file} lacks {name!r}, which {index.name} places there; fetch both")
    return {name: loaded[file][name] for name, file in places.items()}


def _content(path: Path, loaded: Any, config: Mapping[str, Any], notes: tuple[str, ...]) -> Content:
    found = readings(loaded)
    if not found:
        raise UserError(
            f"{path} holds no state dict, that is, no mapping of names to tensors; found "
            f"{described(loaded)}"
        )
    contents = [
        Content(
            path=path,
            tensors=one.tensors,
            config={**_hyperparameters(path, loaded), **config},
            where=one.where,
            prefix=one.prefix,
            notes=(*notes, *one.notes),
        )
        for one in found
    ]
    return replace(contents[0], others=tuple(contents[1:]))


def _hyperparameters(path: Path, loaded: Any) -> dict[str, Any]:
    """Configurations in the file, joined.

    Raises:
        UserError: two of them give one name different values.
    """
    joined: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for key, values in hyperparameters(loaded):
        for name, value in values.items():
            if name in joined and repr(joined[name]) != repr(value):
                raise UserError(
                    f"{path} contradicts itself: {origin[name]!r} gives {name} as "
                    f"{described(joined[name])}, and {key!r} as {described(value)}"
                )
            joined.setdefault(name, value)
            origin.setdefault(name, key)
    return joined
