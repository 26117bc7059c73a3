"""The networks of arXiv 2203.13508 as its code saves them, read and written.

One pickle holds the score network, a DiffWave, or both networks. The schedule network, a GALR, then
stands below ``schedule_net.``. The state dict is the moving average, in half precision. The
configuration is a namespace. The package DiffWave-Vocoder, from which the authors took DiffWave,
saves the same network without a configuration.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bddm_ref.files import write_with_checksum
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig, positions
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import Convention, LinearSchedule
from benchmarks.data import features
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.described import described
from benchmarks.interop.fitting import state_from
from benchmarks.interop.numbers import numbers_in
from benchmarks.interop.schedules import NAMED
from benchmarks.interop.sizes import (
    cycle_of,
    diffwave_size,
    flat_config,
    galr_size,
    refuse_other_fields,
    unread_fields,
)

DIFFWAVE_NAMES = {  # parts of our names to parts of the release's names
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
    "enter": "init_conv.0.conv",
    "widen_step": "residual_layer.fc_t1",
    "mix_step": "residual_layer.fc_t2",
    "blocks": "residual_layer.residual_blocks",
    "step": "fc_t",
    "dilated": "dilated_conv_layer.conv",
    "upsample": "upsample_conv2d",
    "mel": "mel_conv.conv",
    "residual": "res_conv",
    "skip": "skip_conv",
    "gather": "final_conv.0.conv",
    "predict": "final_conv.2.conv",
}
GALR_NAMES = {
    "encoder": "encoder.enc_conv",
    "local": "local_rnn",
    "lstm": "rnn",
    "first_hidden": "hidden_init",
    "first_cell": "cell_init",
    "project": "proj",
    "across.squeeze": "ld_map",
    "across.norm": "global_rnn.attn_in_norm",
    "across.attention": "global_rnn.attn_layer.0.attn",
    "across.attention_norm": "global_rnn.attn_layer.0.norm",
    "across.spread": "ld_inv_map",
    "across_norm": "global_norm",
    "activation": "block_gate.0",
    "score": "block_gate.1",
}
SCHEDULE_NET = "schedule_net."
GALR_PREFIX = f"{SCHEDULE_NET}ratio_nn."
DIFFWAVE_FIRST = ("init_conv.0.conv.weight_v", "residual_layer.fc_t1.weight")
GALR_FIRST = "encoder.enc_conv.weight"
POSITIONS = "global_rnn.pos_enc.pe"  # a table of sines, the same in every network
TABLE = 5000  # rows of that table
FIRST_STATES = ("hidden_init", "cell_init")  # shape (1, 1, hidden) in the release
# Values of the released recipes, for a file without configuration.
SCHEDULE = NAMED["released"]
DILATION_CYCLE = DiffWaveConfig().dilation_cycle
SAMPLE_RATE = 22_050  # Hz
TRAINING = {"T": "T", "beta_0": "start", "beta_T": "end"}  # their fields of the schedule to ours
BETAS = ("betas", "noise_schedule", "beta")  # lists that some configurations hold besides
READ = (*TRAINING, *BETAS, "dilation_cycle", "sampling_rate")
WEIGHT_NORM = "weight norm stays in the file, for export and training; sampling folds weight norm"
HEADS = GALRConfig().heads  # fixed in the released code


class ReleasedDiffWave:
    """The score network of the release."""

    title = "layout of the BDDM release's DiffWave"

    def recognises(self, content: Content) -> bool:
        """Tell whether the file has the names of the first layers."""
        return set(DIFFWAVE_FIRST) <= set(content.tensors)

    def names(self) -> frozenset[str]:
        """Names of tensors in a small network."""
        with torch.device("meta"):
            network = DiffWave(DiffWaveConfig(layers=1, channels=8), NoiseSchedule((0.5,)))
        return frozenset(_renamed(DIFFWAVE_NAMES, name) for name in network.state_dict())

    def convert(self, content: Content) -> Imported:
        """Convert the file to the same network under our names.

        Weight norm stays in the file, for export and training. Sampling folds weight norm
        (``SpeechTrack.for_inference``).

        Raises:
            UserError: a tensor is missing or misshaped, or the configuration is impossible.
        """
        own = {k: v for k, v in content.tensors.items() if not k.startswith(SCHEDULE_NET)}
        if len(own) < len(content.tensors) and _galr_prefix(content) is None:
            other = min(content.tensors.keys() - own.keys())
            raise _half(content, other, "GALR", f"{GALR_PREFIX}{GALR_FIRST}")
        content = replace(content, tensors=own, config=flat_config(content))
        name_of = partial(_renamed, DIFFWAVE_NAMES)
        size = diffwave_size(content, name_of)
        fixed = _fixed(size)
        refuse_other_fields(content, content.config, fixed)
        size["dilation_cycle"] = cycle_of(content, "dilation_cycle", DILATION_CYCLE)
        config = _made(content, DiffWaveConfig, size)
        state = state_from(content, lambda: DiffWave(config, NoiseSchedule((0.5,))), name_of)
        return Imported(
            layout=self.title,
            track="speech",
            role="score_net",
            network="diffwave",
            size=size,
            state=state,
            training=_training(content),
            told=_told(content),
            amplitude=1.0,
            notes=(
                *_notes(content, ("dilation_cycle", *TRAINING)),
                WEIGHT_NORM,
                *unread_fields(content.config, (*READ, *fixed)),
            ),
        )


class ReleasedGALR:
    """The schedule network of the release."""

    title = "layout of the BDDM release's GALR"

    def recognises(self, content: Content) -> bool:
        """Tell whether the file has the name of the first layer."""
        return _galr_prefix(content) is not None

    def names(self) -> frozenset[str]:
        """Names of tensors in a small network."""
        with torch.device("meta"):
            state = GALR(GALRConfig(blocks=1, width=16, hidden=4)).state_dict()
        return frozenset(f"{GALR_PREFIX}{_renamed(GALR_NAMES, name)}" for name in state)

    def convert(self, content: Content) -> Imported:
        """Convert the file to the same network under our names.

        Raises:
            UserError: a tensor is missing or misshaped.
        """
        prefix = _galr_prefix(content) or ""
        others = sorted(name for name in content.tensors if not name.startswith(prefix))
        beside = [name for name in others if name.startswith(SCHEDULE_NET)]
        missing = [name for name in DIFFWAVE_FIRST if name not in content.tensors]
        if missing and len(others) > len(beside):
            first = next(name for name in others if name not in beside)
            raise _half(content, first, "DiffWave", missing[0])
        own = {
            name.removeprefix(prefix): _flat(name, value)
            for name, value in content.tensors.items()
            if name.startswith(prefix) and not name.endswith(POSITIONS)
        }
        content = replace(content, tensors=own, config=flat_config(content))
        name_of = partial(_renamed, GALR_NAMES)
        size = galr_size(content, name_of) | {"heads": HEADS}
        config = _made(content, GALRConfig, size)
        return Imported(
            layout=self.title,
            track="speech",
            role="schedule_net",
            network="galr",
            size=size,
            state=state_from(content, lambda: GALR(config), name_of),
            training=_training(content),
            told=_told(content),
            convention=Convention("raw"),
            notes=(*_notes(content, (*TRAINING,)), *_left_out(beside)),
        )


LAYOUTS = (ReleasedDiffWave(), ReleasedGALR())


def export_released(network: nn.Module) -> dict[str, Tensor]:
    """The state of a DiffWave or a GALR under the names of arXiv 2203.13508's code.

    Raises:
        UserError: the released code cannot compute the network.
    """
    state = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    if type(network) is DiffWave:
        if not any(name.endswith("original0") for name in state):
            raise UserError(
                "weight norm is folded; export the network in the form it was trained in"
            )
        return {_renamed(DIFFWAVE_NAMES, name): value for name, value in state.items()}
    if not isinstance(network, GALR):
        raise UserError(
            f"the BDDM release has the networks 'diffwave' and 'galr', not {type(network).__name__}"
        )
    config = network.config
    if config.heads != HEADS:
        raise UserError(f"attention has {config.heads} heads; the released code always has {HEADS}")
    theirs = {_renamed(GALR_NAMES, name): value for name, value in state.items()}
    theirs |= {k: v[None, None] for k, v in theirs.items() if k.endswith(FIRST_STATES)}
    table = positions(TABLE, config.width)[:, None]
    theirs |= {f"blocks.{i}.{POSITIONS}": table for i in range(config.blocks)}
    return {f"{GALR_PREFIX}{name}": value for name, value in theirs.items()}


def save_released(networks: Sequence[nn.Module], training: LinearSchedule, path: Path) -> None:
    """Write a score network, a schedule network, or both, in the form of the released code.

    Raises:
        UserError: see :func:`export_released`.
    """
    config: dict[str, Any] = {"T": training.T, "beta_0": training.start, "beta_T": training.end}
    content: dict[str, Any] = {"config": config, "model_state_dict": {}}
    for network in networks:
        content["model_state_dict"] |= export_released(network)
        if isinstance(network, DiffWave):
            config["dilation_cycle"] = network.config.dilation_cycle
        else:
            content["schedule_net_training_step"] = 0  # the released code looks for this key
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_with_checksum(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def _renamed(names: Mapping[str, str], name: str) -> str:
    name = f".{name}."
    for ours, theirs in names.items():
        name = name.replace(f".{ours}.", f".{theirs}.")
    return name.strip(".")


def _galr_prefix(content: Content) -> str | None:
    """Prefix of a GALR's names, in a training state or in a file of its own; None: no GALR."""
    prefixes = (GALR_PREFIX, GALR_PREFIX.removeprefix(SCHEDULE_NET))
    return next((prefix for prefix in prefixes if prefix + GALR_FIRST in content.tensors), None)


def _half(content: Content, name: str, network: str, missing: str) -> UserError:
    """Make the error for a file with one whole network and a part of the other."""
    return UserError(
        f"{content.path}: {name!r} belongs to an incomplete {network}: {missing!r} is missing"
    )


def _left_out(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield (
            f"{len(names)} tensors of the schedule network do not belong to its GALR: "
            f"{names[0]!r}, .."
        )


def _flat(name: str, value: Tensor) -> Tensor:
    return value[0, 0] if name.endswith(FIRST_STATES) and value.shape[:-1] == (1, 1) else value


def _made(content: Content, kind: type[Any], size: dict[str, Any]) -> Any:
    try:
        return kind(**size)
    except ValueError as error:
        raise UserError(f"{content.path}: {error}") from error


def _fixed(size: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a DiffWave's configuration that its tensors decide."""
    hop = math.prod(size["upsampling"])
    first, middle, last = size["embedding"]
    return {
        "num_res_layers": size["layers"],
        "res_channels": size["channels"],
        **dict.fromkeys(("n_mels", "num_mels", "mel_channels"), size["mels"]),
        **dict.fromkeys(("hop_len", "hop_length", "hop_size", "hop_samples"), hop),
        "diffusion_step_embed_dim_in": first,
        "diffusion_step_embed_dim_mid": middle,
        "diffusion_step_embed_dim_out": last,
        "unconditional": False,
    }


def _told(content: Content) -> tuple[str, ...]:
    """Fields of our training schedule that the file tells."""
    return tuple(ours for theirs, ours in TRAINING.items() if theirs in content.config)


def _training(content: Content) -> LinearSchedule:
    def number(name: str, released: float) -> Any:
        value = content.config.get(name, released)
        if type(value) not in (int, float):
            raise UserError(f"{content.path}: {name} must be a number, not {value!r}")
        return value

    training = LinearSchedule(
        number("T", SCHEDULE.T), number("beta_0", SCHEDULE.start), number("beta_T", SCHEDULE.end)
    )
    for name in BETAS:
        betas = numbers_in(content.config.get(name))
        if betas is not None and not np.allclose(betas, _line(training, len(betas)), rtol=1e-4):
            raise UserError(
                f"{content.path} contradicts itself: {name} is {described(betas, 1)}, and does not "
                f"rise linearly from {training.start:g} to {training.end:g} in {training.T} steps"
            )
    return training


def _line(training: LinearSchedule, count: int) -> Any:
    """Betas that rise linearly; not a number where there are others than ``T``."""
    betas = np.linspace(training.start, training.end, count)
    return betas if count == training.T else betas * np.nan


def _notes(content: Content, wanted: Sequence[str]) -> Iterator[str]:
    rate = content.config.get("sampling_rate", SAMPLE_RATE)
    yield (f"trained on recordings of {rate} Hz; this track has {features.SAMPLE_RATE} Hz")
    if missing := [name for name in wanted if name not in content.config]:
        yield f"the file lacks {', '.join(missing)}: values of the released recipe are assumed"
