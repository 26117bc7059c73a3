"""Folders of diffusers' ``UNet2DModel``, as ``google/ddpm-cifar10-32``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.fitting import state_from
from benchmarks.tracks.images.diffusers_unet import DiffusersUNet

SCHEDULER = "scheduler_config.json"
FIXED = {  # the only values that an experiment can express
    "beta_schedule": "linear",
    "trained_betas": None,
    "rescale_betas_zero_snr": False,
    "prediction_type": "epsilon",
}
OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class DiffusersUNetLayout:
    """A U-Net that predicts the noise in images, with its schedule beside it."""

    title = "UNet2DModel of diffusers"

    def recognises(self, content: Content) -> bool:
        """Tell whether ``config.json`` names the class."""
        return content.config.get("_class_name") == "UNet2DModel"

    def convert(self, content: Content) -> Imported:
        """Convert the file to the library's own network, under our contract.

        Raises:
            UserError: a tensor is missing or misshaped, the image track cannot use the network or
                its schedule, or diffusers is not installed.
        """
        training = _training(content)
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
            notes=tuple(_notes(content.config, training)),
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
    left_out = {"in_channels", "out_channels", "sample_size"}
    kept = {k: v for k, v in config.items() if k not in left_out and not k.startswith("_")}
    return {"image_channels": channels} | kept


def _network(path: Path, size: dict[str, Any]) -> DiffusersUNet:
    try:
        return DiffusersUNet(size, NoiseSchedule((0.5,)))  # no tensor depends on the schedule
    except Exception as error:  # diffusers raises many types
        raise UserError(
            f"{path}: no network can be built from config.json: {type(error).__name__}: {error}"
        ) from error


def _training(content: Content) -> LinearSchedule | None:
    folder = content.path if content.path.is_dir() else content.path.parent
    for file in (folder / SCHEDULER, folder.parent / "scheduler" / SCHEDULER):
        if file.is_file():
            return _schedule_in(file)
    return None


def _schedule_in(file: Path) -> LinearSchedule:
    try:
        config = json.loads(file.read_text())
        schedule = LinearSchedule(
            config["num_train_timesteps"], config["beta_start"], config["beta_end"]
        )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{file} has no training schedule: {error!r}") from error
    for name, value in FIXED.items():
        if config.get(name, value) != value:
            raise UserError(f"{file}: {name} is {config[name]!r}, and only {value!r} is supported")
    return schedule


def _notes(config: Mapping[str, Any], training: LinearSchedule | None) -> Iterator[str]:
    halvings = len(config.get("block_out_channels", (1,) * 4)) - 1
    yield (
        f"image.size must be divisible by {2**halvings}; the network was trained on sample_size = "
        f"{config.get('sample_size')}"
    )
    if training is None:
        yield f"there is no {SCHEDULER}: set training_schedule to the network's own schedule"
