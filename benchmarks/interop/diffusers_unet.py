"""Folders of diffusers' ``UNet2DModel``, as ``google/ddpm-cifar10-32``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.core.registry import nearest
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.described import described
from benchmarks.interop.diffusers_schedule import is_configuration, linear_training
from benchmarks.interop.fitting import state_from
from benchmarks.interop.folders import read_object
from benchmarks.tracks.images.diffusers_unet import DiffusersUNet, known_arguments

SCHEDULER = "scheduler_config.json"
NETWORK = "UNet2DModel"
OF_AVERAGES = (  # fields that diffusers' EMAModel adds to config.json
    "decay",
    "inv_gamma",
    "min_decay",
    "optimization_step",
    "power",
    "update_after_step",
    "use_ema_warmup",
)
OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class DiffusersUNetLayout:
    """A U-Net that predicts the noise in images, with its schedule beside it."""

    title = "layout of diffusers' UNet2DModel"

    def recognises(self, content: Content) -> bool:
        """Tell whether ``config.json`` names the class."""
        return content.config.get("_class_name") == NETWORK

    def names(self) -> frozenset[str]:
        """Names of tensors in a small network; none without diffusers."""
        size = {"block_out_channels": (32, 32), "layers_per_block": 1}
        size |= {"down_block_types": ("DownBlock2D", "AttnDownBlock2D")}
        size |= {"up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
        try:
            with torch.device("meta"):
                state = _network(Path(), size).state_dict()
        except UserError:
            return frozenset()
        return frozenset(name.removeprefix("unet.") for name in state)

    def convert(self, content: Content) -> Imported:
        """Convert the file to the library's own network, under our contract.

        Raises:
            UserError: a tensor is missing or misshaped, the image track cannot use the network or
                its schedule, or diffusers is not installed.
        """
        training, notes = _training(content)
        size = _size(content)
        tensors = {_new_name(name): value for name, value in content.tensors.items()}
        state = state_from(
            replace(content, tensors=tensors),
            lambda: _network(content.path, size),
            lambda name: name.removeprefix("unet."),
        )
        return Imported(
            layout=self.title,
            track="images",
            role="score_net",
            network="diffusers_unet",
            size=size,
            state=state,
            training=training,
            told=("T", "start", "end") if training else (),
            notes=(*_notes(content.config, training), *notes),
        )


LAYOUT = DiffusersUNetLayout()


def _new_name(name: str) -> str:
    """Translate the names that weights of 2022 and early 2023 give to attention projections."""
    return re.sub(
        r"(?<=\.)(query|key|value|proj_attn)(?=\.(weight|bias)$)",
        lambda found: OLD_NAMES[found[1]],
        name,
    )


def _size(content: Content) -> dict[str, Any]:
    config = content.config
    channels = config.get("in_channels", 3)
    if config.get("out_channels", 3) != channels:
        raise UserError(
            f"{content.path}: the network has {channels} input and "
            f"{config.get('out_channels', 3)} output channels; the image track needs a network "
            "that predicts the noise alone"
        )
    _refuse_unknown(content)
    left_out = {"in_channels", "out_channels", "sample_size", *OF_AVERAGES}
    kept = {k: v for k, v in config.items() if k not in left_out and not k.startswith("_")}
    return {"image_channels": channels} | kept


def _network(path: Path, size: dict[str, Any]) -> DiffusersUNet:
    try:
        return DiffusersUNet(size, NoiseSchedule((0.5,)))  # no tensor depends on the schedule
    except Exception as error:  # diffusers raises many types
        raise UserError(
            f"{path}: no network can be built from config.json: {type(error).__name__}: {error}"
        ) from error


def _refuse_unknown(content: Content) -> None:
    """Refuse fields that the installed class does not have: each may change the network."""
    try:
        known = {*known_arguments(), *OF_AVERAGES}
    except ValueError as error:
        raise UserError(f"{content.path}: {error}") from error
    for name, value in content.config.items():
        if name not in known and not name.startswith("_"):
            raise UserError(
                f"{content.path.with_name('config.json')}: the installed {NETWORK} has no field "
                f"{name!r} ({described(value)}){nearest(name, known)}; install the version of "
                "diffusers that wrote the file, or remove a field that changes nothing in a copy"
            )


def _training(content: Content) -> tuple[LinearSchedule | None, tuple[str, ...]]:
    """The training schedule in the folder, and notes on it; None: there is none.

    Raises:
        UserError: there is no usable schedule, or there are two different ones.
    """
    folder = content.path.parent
    places = (folder / SCHEDULER, folder.parent / "scheduler" / SCHEDULER)
    found = [(file, *_schedule_in(file)) for file in places if file.is_file()]
    if not found:
        return None, ()
    (first, training, notes), *rest = found
    if rest and rest[0][1] != training:
        raise UserError(f"{first} and {rest[0][0]} give different schedules; remove the wrong one")
    return training, notes


def _schedule_in(file: Path) -> tuple[LinearSchedule, tuple[str, ...]]:
    config = read_object(file)
    if not is_configuration(config):
        raise UserError(f"{file} has no training schedule, but {described(config)}")
    training, found = linear_training(str(file), config)
    return training, found.notes


def _notes(config: Mapping[str, Any], training: LinearSchedule | None) -> Iterator[str]:
    halvings = len(config.get("block_out_channels", (1,) * 4)) - 1
    yield (
        f"image.size must be divisible by {2**halvings}; the network was trained on sample_size = "
        f"{config.get('sample_size')}"
    )
    if training is None:
        yield f"there is no {SCHEDULER}: set training_schedule to the network's own schedule"
