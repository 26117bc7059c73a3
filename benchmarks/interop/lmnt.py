"""Checkpoints of the package ``diffwave`` by lmnt.com (version 0.1.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.networks.diffwave import DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.data import features
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.described import described
from benchmarks.interop.fitting import state_from
from benchmarks.interop.numbers import numbers_in
from benchmarks.interop.sizes import cycle_of, dimension_of, refuse_other_fields, unread_fields

NAMES = {  # parts of our names to theirs, in this order
    "widen_step": "diffusion_embedding.projection1",
    "mix_step": "diffusion_embedding.projection2",
    "upsample.0": "spectrogram_upsampler.conv1",
    "upsample.1": "spectrogram_upsampler.conv2",
    "blocks": "residual_layers",
    "dilated": "dilated_conv",
    "step": "diffusion_projection",
    "mel": "conditioner_projection",
    "out": "output_projection",
    "enter": "input_projection",
    "gather": "skip_projection",
    "predict": "output_projection",
}
# The package's defaults, for a file without parameters.
SCHEDULE = LinearSchedule(50, 1e-4, 0.05)
DILATION_CYCLE = 10
SAMPLE_RATE = 22_050  # Hz
READ = ("noise_schedule", "dilation_cycle_length", "sample_rate")
SMALL = DiffWaveConfig(layers=1, channels=8, dilation_cycle=1)


class LmntLayout:
    """A DiffWave that vocodes mel spectrograms."""

    title = "layout of lmnt.com's diffwave"

    def recognises(self, content: Content) -> bool:
        """Tell whether the file has the names of the first layers."""
        first = {"input_projection.weight", "diffusion_embedding.projection1.weight"}
        return first <= content.tensors.keys()

    def names(self) -> frozenset[str]:
        """Names of tensors in a small network."""
        with torch.device("meta"):
            network = LmntDiffWave(SMALL, NoiseSchedule((0.5,)))
        return frozenset(_their_name(name) for name in network.state_dict())

    def convert(self, content: Content) -> Imported:
        """Convert the file to the same network under our names.

        Raises:
            UserError: a tensor is missing or misshaped, the network takes no mel spectrogram, or
                its training schedule is not linear.
        """
        if not any(name.startswith("spectrogram_upsampler.") for name in content.tensors):
            raise UserError(
                f"{content.path} holds an unconditional DiffWave; the speech track needs a network "
                "that takes mel spectrograms"
            )
        blocks = [re.match(r"residual_layers\.(\d+)\.", name) for name in content.tensors]
        size: dict[str, Any] = {
            "layers": len({found[1] for found in blocks if found}),
            "channels": dimension_of(content, "input_projection.weight", 0),
            "dilation_cycle": cycle_of(content, "dilation_cycle_length", DILATION_CYCLE),
        }
        fixed = _fixed(content, size)
        refuse_other_fields(content, content.config, fixed)
        training = _training(content)
        schedule = NoiseSchedule.linear(training.T, training.start, training.end)
        return Imported(
            layout=self.title,
            track="speech",
            role="score_net",
            network="diffwave_lmnt",
            size=size,
            state=state_from(
                content, lambda: LmntDiffWave(DiffWaveConfig(**size), schedule), _their_name
            ),
            training=training,
            told=("T", "start", "end") if "noise_schedule" in content.config else (),
            amplitude=1.0,
            notes=(*_notes(content.config), *unread_fields(content.config, (*READ, *fixed))),
        )


LAYOUT = LmntLayout()


def _their_name(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(f"{ours}.", f"{theirs}.")
    return name


def _fixed(content: Content, size: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the file that tensors and layout decide."""
    return {
        "residual_layers": size["layers"],
        "residual_channels": size["channels"],
        "n_mels": dimension_of(content, "residual_layers.0.conditioner_projection.weight", 1),
        "hop_samples": features.HOP,  # two upsampling layers by 16 make 256 samples of a frame
        "unconditional": False,
    }


def _training(content: Content) -> LinearSchedule:
    if content.config.get("noise_schedule") is None:
        return SCHEDULE
    betas = numbers_in(content.config["noise_schedule"])
    if not betas:
        raise UserError(
            f"{content.path}: noise_schedule must be a list of numbers, not "
            f"{described(content.config['noise_schedule'])}"
        )
    wanted = torch.linspace(betas[0], betas[-1], len(betas), dtype=torch.float64)
    if not torch.allclose(torch.tensor(betas, dtype=torch.float64), wanted):
        raise UserError(
            f"{content.path}: noise_schedule does not rise linearly; an experiment's "
            "training_schedule can only be linear"
        )
    return LinearSchedule(len(betas), betas[0], betas[-1])


def _notes(config: Mapping[str, Any]) -> Iterator[str]:
    rate = config.get("sample_rate", SAMPLE_RATE)
    yield (
        f"trained on recordings of {rate} Hz at amplitude 1, with mel spectrograms in decibels, "
        "mapped to 0 to 1; this track has natural logarithms at "
        f"{features.SAMPLE_RATE} Hz, from which the network makes no speech"
    )
    if missing := sorted({"noise_schedule", "dilation_cycle_length"} - config.keys()):
        yield f"the file lacks {' and '.join(missing)}: the package's defaults are assumed"
