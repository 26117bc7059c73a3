"""Folders of diffusers: which weights, which configuration, and what else lies there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.interop.described import described
from benchmarks.interop.loaded import read_json

CONFIG = "config.json"
PIPELINE = "model_index.json"
PLAIN = "unet"  # folder of a pipeline's network
SCHEDULER = "scheduler"
STEM = "diffusion_pytorch_model"
AVERAGE = re.compile(
    r"(?:(?:unet|model)[._-])?(?:ema|averaged?|swa)(?:[._-](?:unet|model|weights))?$", re.IGNORECASE
)
INDEX = re.compile(r"\.index(\.\w+)?\.json$")
SHARD = re.compile(r"-\d{5}-of-\d{5}\.(safetensors|bin)$")
WEIGHTS = re.compile(rf"{STEM}(\.\w+)?\.(safetensors|bin)(\.index(\.\w+)?\.json)?$")


@dataclass(frozen=True)
class Place:
    """The weights of one network.

    Attributes:
        path: the file of the weights, or the index of several.
        notes: sentences on what else lies in the folder.
    """

    path: Path
    notes: tuple[str, ...] = ()


def weights_in(folder: Path) -> Place:
    """Choose the weights of a folder: a network of diffusers, or a pipeline with a network.

    A moving average comes first: in a folder such as ``unet_ema``, or in a file of that variant.

    Raises:
        UserError: there is no network, there are several, or the network belongs to a pipeline that
            this project cannot run.
    """
    networks = sorted(file.parent for file in folder.glob(f"*/{CONFIG}"))
    averages = [one for one in networks if AVERAGE.match(one.name)]
    if len(averages) > 1:
        raise UserError(f"{folder} has several moving averages, {_names(averages)}; give one")
    if averages:
        plain = (folder / PLAIN) if (folder / PLAIN) in networks else folder
        note = (
            f"{averages[0].name}/ is a moving average and is taken; for the plain weights import "
            f"{plain}"
        )
        return _in_network(averages[0], (note,))
    if (folder / CONFIG).is_file():
        return _in_network(folder, ())
    if folder / PLAIN in networks:
        others = [one for one in networks if one.name != PLAIN]
        notes = (f"{PLAIN}/ is taken; not read: {_names(others)}",) if others else ()
        return _in_network(folder / PLAIN, notes)
    if len(networks) == 1:
        return _in_network(networks[0], ())
    if networks:
        raise UserError(
            f"{folder} has several networks, {_names(networks)}; give the folder of one"
        )
    inside = sorted(file.name for file in folder.iterdir())[:3]
    raise UserError(
        f"{folder} is a folder without {CONFIG}; give a file, or the folder of a diffusers model, "
        f"not one of {', '.join(inside) or 'nothing'}"
    )


def refuse_pipeline(place: Path) -> None:
    """Refuse the network of a pipeline whose other parts decide what it computes.

    Raises:
        UserError: ``model_index.json`` names an encoder, a decoder or another network.
    """
    file = place.parent / PIPELINE
    if not file.is_file():
        return
    parts = read_object(file)
    others = [
        name
        for name, value in parts.items()
        if not name.startswith("_")
        and name not in (place.name, PLAIN, SCHEDULER)
        and not AVERAGE.match(name)
        and isinstance(value, list)
        and value not in ([None, None], [])
    ]
    if others:
        raise UserError(
            f"{file} names {', '.join(others)} beside the network: it works on what they compute, "
            "and not on images alone, and cannot be imported"
        )


def shards_of(index: Path) -> dict[str, Path]:
    """File of each tensor that an index lists.

    Raises:
        UserError: the index is damaged, or a file that it names is missing.
    """
    listed = read_object(index).get("weight_map")
    if not isinstance(listed, Mapping) or not listed:
        raise UserError(f"{index} has no weight_map, but {described(listed)}; fetch it again")
    for name in sorted({*map(str, listed.values())}):
        if Path(name).name != name or not index.with_name(name).is_file():
            raise UserError(
                f"{index} names {name!r}, which does not lie beside it; fetch all files of the "
                "folder"
            )
    return {str(name): index.with_name(file) for name, file in listed.items()}


def config_beside(path: Path) -> Mapping[str, Any]:
    """Configuration beside weights of diffusers; {} for other files."""
    file = path.with_name(CONFIG)
    if not WEIGHTS.match(path.name) or not file.is_file():
        return {}
    return read_object(file)


def read_object(file: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: the file holds something else, or gives a key twice.
    """
    content = read_json(file)
    if not isinstance(content, dict):
        raise UserError(f"{file} must hold an object, not a {type(content).__name__}")
    return content


def _in_network(place: Path, notes: tuple[str, ...]) -> Place:
    found = {one.name: one for one in sorted(place.iterdir()) if WEIGHTS.match(one.name)}
    if not found:
        shards = [one.name for one in place.iterdir() if SHARD.search(one.name)]
        hint = f"; of {shards[0]} and its like the index is missing" if shards else ""
        raise UserError(f"{place} has a {CONFIG}, but no {STEM}.safetensors or {STEM}.bin{hint}")
    chosen = min(found, key=_order)
    left = [name for name in found if name != chosen]
    if left:
        notes = (*notes, f"{chosen} is taken; not read: {', '.join(left)}")
    beside = [
        one.parent.name
        for one in sorted(place.parent.glob(f"*/{CONFIG}"))
        if AVERAGE.match(one.parent.name) and one.parent != place
    ]
    if beside and not AVERAGE.match(place.name):
        notes = (*notes, f"{', '.join(beside)} beside it is a moving average; import it instead")
    return Place(found[chosen], notes)


def _order(name: str) -> tuple[bool, bool, bool, str]:
    """Averages first, then full precision, then safetensors."""
    variants = [*name.removeprefix(STEM).split(".")]
    average = "ema" in variants
    rest = {*variants} - {"", "safetensors", "bin", "index", "json", "ema"}
    return not average, bool(rest), "bin" in variants, name


def _names(folders: list[Path]) -> str:
    return ", ".join(folder.name for folder in folders)
